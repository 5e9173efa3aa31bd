// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/sqlite.h"

#include <sqlite3.h>

namespace moescope::sqlite {

namespace {
// A file: address, so that options ride along; everything that such an address gives a meaning to is escaped.
std::string address(const std::filesystem::path& file, Opening how) {
  static constexpr char digits[] = "0123456789ABCDEF";
  if (how == Opening::memory) return "file::memory:";
  std::string uri = "file:";
  for (const unsigned char c : std::filesystem::absolute(file).string()) {
    const bool plain = std::isalnum(c) || c == '/' || c == '.' || c == '-' || c == '_';
    if (plain)
      uri += static_cast<char>(c);
    else
      (uri += '%') += {digits[c >> 4], digits[c & 15]};
  }
  switch (how) {
    case Opening::create:
      return uri + "?mode=rwc";
    case Opening::readWrite:
      return uri + "?mode=rw";
    case Opening::readOnly:
      return uri + "?mode=ro";
    case Opening::immutable:
      return uri + "?mode=ro&immutable=1";
    case Opening::memory:
      break;
  }
  return uri;
}

// A catalogue may come from anybody (sqlite.org/security.html): what its schema holds beside tables is never run, cells
// are checked before they are read, and no value is larger than anything a catalogue needs.
void trustNothing(sqlite3* handle) {
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 256 << 20);
  sqlite3_exec(handle, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0", nullptr, nullptr, nullptr);
}
}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}
void Connection::Close::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}

Expected<bool> Statement::next() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->error("read or write");
}

std::optional<std::string> Statement::optionalText(int column) const {
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

std::string Statement::text(int column) const {
  return optionalText(column).value_or("");
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

Expected<Connection> Connection::open(const std::filesystem::path& file, Opening how) {
  Connection connection;
  connection.file_ = file;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      address(file, how).c_str(), &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  connection.handle_.reset(handle);
  if (code != SQLITE_OK) return connection.error("open");
  sqlite3_busy_timeout(handle, 10'000);
  trustNothing(handle);
  return connection;
}

Expected<Statement> Connection::prepare(std::string_view sql, Arguments arguments) const {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr) != SQLITE_OK)
    return error("read");
  Statement statement(raw, *this);
  int at = 0;
  for (const Argument& argument : arguments) {
    ++at;
    int code = SQLITE_OK;
    if (const auto* number = std::get_if<std::int64_t>(&argument))
      code = sqlite3_bind_int64(raw, at, *number);
    else if (const auto* text = std::get_if<std::string>(&argument))
      code = sqlite3_bind_text64(raw, at, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    else
      code = sqlite3_bind_null(raw, at);
    if (code != SQLITE_OK) return error("bind a value for");
  }
  return statement;
}

Expected<void> Connection::run(std::string_view sql, Arguments arguments) const {
  TRY(statement, prepare(sql, arguments));
  for (;;) {
    TRY(more, statement.next());
    if (!more) return {};
  }
}

Expected<void> Connection::runAll(const std::string& script) const {
  if (sqlite3_exec(handle_.get(), script.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return error("write");
  return {};
}

Expected<std::optional<std::string>> Connection::text(std::string_view sql, Arguments arguments) const {
  TRY(statement, prepare(sql, arguments));
  TRY(there, statement.next());
  return there ? statement.optionalText(0) : std::optional<std::string>{};
}

Expected<std::int64_t> Connection::integer(std::string_view sql, Arguments arguments) const {
  TRY(statement, prepare(sql, arguments));
  TRY(there, statement.next());
  return there ? statement.integer(0) : 0;
}

std::int64_t Connection::changes() const {
  return sqlite3_changes(handle_.get());
}

Expected<void> Connection::copyTo(const std::filesystem::path& file) const {
  TRY(copy, open(file, Opening::create));
  sqlite3_backup* backup = sqlite3_backup_init(copy.handle_.get(), "main", handle_.get(), "main");
  if (backup == nullptr) return copy.error("copy to");
  sqlite3_backup_step(backup, -1);
  if (sqlite3_backup_finish(backup) != SQLITE_OK) return copy.error("copy to");
  // The copy carries the mark of a write-ahead log and has none.
  return copy.run("PRAGMA journal_mode = DELETE");
}

Error Connection::error(std::string_view doing) const {
  const int code = handle_ ? sqlite3_extended_errcode(handle_.get()) : SQLITE_NOMEM;
  const std::string name = file_.string();
  const std::string said = "cannot " + std::string(doing) + " " + name + ": ";
  switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return inputError(name + " is damaged (" + sqlite3_errstr(code & 0xff) +
                            "); `moescope-cli study repair " + file_.parent_path().string() +
                            "` saves what can be read, the artifacts' files beside it are not touched",
                        name);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return environmentError(said + "another process has held it for more than 10 s; try again when that one is done",
                              name);
    case SQLITE_READONLY:
      return environmentError(said + "it is read-only", name);
    case SQLITE_TOOBIG:
      return inputError(name + " holds a value of more than 256 MiB, which no catalogue of ours does", name);
    case SQLITE_FULL:
      return environmentError(said + "the disk is full; what was committed before is safe", name);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL: {
      const int system = handle_ ? sqlite3_system_errno(handle_.get()) : 0;
      std::string reason = sqlite3_errstr(code & 0xff);
      if (system != 0) reason += " (" + std::generic_category().message(system) + ")";
      return environmentError(said + reason, name);
    }
    default:
      return bugError(said + (handle_ ? sqlite3_errmsg(handle_.get()) : "no connection"));
  }
}

Expected<Transaction> Transaction::begin(const Connection& connection, Mode mode) {
  TRY_DO(connection.run(mode == Mode::immediate ? "BEGIN IMMEDIATE" : "BEGIN"));
  return Transaction(connection);
}

Transaction::~Transaction() {
  // SQLite may have rolled back by itself (a full disk); a second rollback is then refused, and that is all right.
  if (connection_) (void)connection_->run("ROLLBACK");
}

Expected<void> Transaction::commit() {
  TRY_DO(connection_->run("COMMIT"));
  connection_ = nullptr;
  return {};
}

}  // namespace moescope::sqlite
