// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/expected.h"

struct sqlite3;
struct sqlite3_stmt;

// Owners of SQLite's C handles. One connection per thread. A damaged database is an input error, a full disk, a
// read-only file or a lock that is held for longer than 10 s an environment error; both name the file.
namespace moescope::sqlite {

using Argument = std::variant<std::nullptr_t, std::int64_t, std::string>;
using Arguments = std::initializer_list<Argument>;

class Connection;

// A prepared statement with its arguments bound; rows are taken one by one.
class Statement {
 public:
  // True when there is a row to read; false at the end.
  Expected<bool> next();
  std::string text(int column) const;  // "" for NULL
  std::optional<std::string> optionalText(int column) const;
  std::int64_t integer(int column) const;

 private:
  friend class Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(sqlite3_stmt* statement, const Connection& connection) : statement_(statement), connection_(&connection) {}
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  const Connection* connection_;
};

// `memory` ignores the file's name: an empty database that goes with its connection.
enum class Opening { create, readWrite, readOnly, immutable, memory };

class Connection {
 public:
  static Expected<Connection> open(const std::filesystem::path& file, Opening how);

  Expected<Statement> prepare(std::string_view sql, Arguments arguments = {}) const;
  Expected<void> run(std::string_view sql, Arguments arguments = {}) const;  // one statement, its rows are dropped
  Expected<void> runAll(const std::string& script) const;                    // several statements, no arguments
  // The first column of the first row; nothing when there is no row or it is NULL.
  Expected<std::optional<std::string>> text(std::string_view sql, Arguments arguments = {}) const;
  Expected<std::int64_t> integer(std::string_view sql, Arguments arguments = {}) const;  // 0 for no row
  std::int64_t changes() const;  // rows touched by the last statement
  // A consistent copy of the whole database in one new file, page by page: every table begins where it did.
  Expected<void> copyTo(const std::filesystem::path& file) const;

  Error error(std::string_view doing) const;  // of the last call that failed
  const std::filesystem::path& file() const { return file_; }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
  std::filesystem::path file_;
};

// Rolled back unless committed. `immediate` takes the write lock at once, so that a decision and its rows are one step.
class Transaction {
 public:
  enum class Mode { read, immediate };
  static Expected<Transaction> begin(const Connection& connection, Mode mode);
  Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Expected<void> commit();

 private:
  explicit Transaction(const Connection& connection) : connection_(&connection) {}
  const Connection* connection_;
};

}  // namespace moescope::sqlite
