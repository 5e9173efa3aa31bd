// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <stdexcept>
#include <string>

#include "core/base/digest.h"
#include "core/study/place.h"
#include "core/study/study.h"
#include "tests/study/temporary_folder.h"

// What tests of a study share: artifacts whose content is a text.
namespace moescope {

// Fails the test with the error's own words.
template <class T>
T must(Expected<T> expected) {
  if (!expected) throw std::runtime_error(expected.error().message);
  return *std::move(expected);
}
inline void must(Expected<void> expected) {
  if (!expected) throw std::runtime_error(expected.error().message);
}

inline RequestRow requestNumbered(const std::string& text) {
  return {sha256(text), "load.balance", 1, R"({"operation":"load.balance"})", R"({"host":"here"})"};
}

inline Study::Produced produced(const Study& study, const std::string& request, const std::string& text,
                                Kind kind = Kind::result) {
  const std::filesystem::path written = study.jobFolder(sha256(request)) / "result";
  if (place::extensionsOf(kind).empty()) writeText(written / "part.bin", text);
  for (const std::string& extension : place::extensionsOf(kind))
    writeText(written / ("content" + extension), text + extension);
  return {.port = "result", .kind = kind, .written = written};
}

inline std::string commitText(Study& study, const std::string& request, const std::string& text,
                              Kind kind = Kind::result) {
  return must(study.commit(requestNumbered(request), {}, {produced(study, request, text, kind)})).at("result");
}

inline void runSql(const std::filesystem::path& file, const char* sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
  sqlite3_close(handle);
}

}  // namespace moescope
