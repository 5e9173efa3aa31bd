// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/request.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "tests/study/temporary_folder.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

Description importing() {
  return {.id = "corpus.import",
          .version = 2,
          .title = "Import",
          .help = "h",
          .in = {},
          .out = {{"corpus", Kind::corpus}},
          .parameters = {path("path", "a folder"), real("validation", 0.1, 0, 1, "", "share")}};
}

Description analysing() {
  return {.id = "load.balance",
          .title = "Load",
          .help = "h",
          .in = {{"trace", Kind::trace}, {"other", Kind::trace, true, true}},
          .out = {{"result", Kind::result}}};
}

struct RequestTest : testing::Test {
  TemporaryFolder folder;
  Study study = *Study::create(folder.path() / "S");
  void write(const std::string& name, const std::string& bytes) {
    fs::create_directories((folder.path() / name).parent_path());
    std::ofstream(folder.path() / name) << bytes;
  }
};

TEST(Request, DigestIsTheSha256OfItsCanonicalJson) {
  const Request request{.operation = "load.balance",
                        .version = 1,
                        .inputs = {{"trace", {std::string(64, 'a')}}},
                        .set = {{"seed", 1}, {"draws", 10}}};
  EXPECT_EQ(canonical(toJson(request)),
            R"({"in":{"trace":[")" + std::string(64, 'a') +
                R"("]},"operation":"load.balance","set":{"draws":10,"seed":1},"version":1})");
  // sha256sum of exactly that line, so that the digest can never drift unnoticed.
  EXPECT_EQ(digest(request), "769a7dff6282c4372c8dbb8504f6a842f87c39745531560beb0aca21a80fb3e8");
}

TEST(Request, DigestChangesWithEverythingThatChangesANumber) {
  const Request request{.operation = "a.b", .inputs = {{"in", {"1", "2"}}}};
  std::vector<Request> others(6, request);
  others[0].operation = "a.c";
  others[1].version = 2;
  others[2].inputs["in"] = {"2", "1"};
  others[3].set["seed"] = 1;
  others[4].events = Json::array({Json{{"step", 1}, {"set", {{"x", 2}}}}});
  others[5].plugin = "f00";
  for (const Request& other : others) EXPECT_NE(digest(other), digest(request));
}

TEST(Request, SurvivesItsJsonForm) {
  const Request request{.operation = "a.b",
                        .version = 4,
                        .inputs = {{"in", {"1", "2"}}},
                        .set = {{"x", 0.25}},
                        .outside = {{"path", {{"digest", "d"}}}},
                        .events = Json::array({Json{{"step", 1}, {"set", {{"x", 2}}}}}),
                        .plugin = "p"};
  auto again = requestFromJson(toJson(request));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(digest(*again), digest(request));
}

TEST(Request, WhatPeopleWriteIsUnderstoodOrRefused) {
  auto request = requestFromJson(Json{{"operation", "a.b"}, {"in", {{"trace", "t"}}}});
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->inputs["trace"], std::vector<std::string>{"t"});
  for (const Json& wrong : {Json(3), Json::object(), Json{{"operation", 3}}, Json{{"operation", "a.b"}, {"in", 3}},
                            Json{{"operation", "a.b"}, {"in", {{"t", 3}}}}, Json{{"operation", "a.b"}, {"set", "x"}},
                            Json{{"operation", "a.b"}, {"events", Json::array({Json{{"step", 1}}})}}})
    EXPECT_FALSE(requestFromJson(wrong).has_value()) << canonical(wrong);
}

TEST_F(RequestTest, AnOutsidePathCountsByItsFilesAndNotByItsName) {
  write("one/german/a.txt", "guten Tag");
  fs::copy(folder.path() / "one", folder.path() / "two", fs::copy_options::recursive);
  fs::last_write_time(folder.path() / "two/german/a.txt", fs::last_write_time(folder.path() / "one/german/a.txt"));
  const auto ask = [&](const std::string& name) {
    auto request = resolveRequest({.operation = "corpus.import", .set = {{"path", (folder.path() / name).string()}}},
                                  importing(), study);
    EXPECT_TRUE(request.has_value());
    return digest(*request);
  };
  EXPECT_EQ(ask("one"), ask("two"));
  const std::string before = ask("one");
  fs::last_write_time(folder.path() / "one/german/a.txt", fs::file_time_type::clock::now() + std::chrono::seconds(5));
  EXPECT_NE(ask("one"), before);
}

TEST_F(RequestTest, AMissingOutsidePathIsBadInput) {
  auto request =
      resolveRequest({.operation = "corpus.import", .set = {{"path", "/nowhere/at/all"}}}, importing(), study);
  ASSERT_FALSE(request.has_value());
  EXPECT_EQ(request.error().kind, ErrorKind::input);
  EXPECT_EQ(request.error().file, "/nowhere/at/all");
}

TEST_F(RequestTest, VersionComesFromTheDescription) {
  auto request = resolveRequest({.operation = "corpus.import", .version = 99}, importing(), study);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->version, 2);
}

TEST_F(RequestTest, PortsAreCheckedByName) {
  const auto refusal = [&](Request asked) {
    auto request = resolveRequest(asked, analysing(), study);
    EXPECT_FALSE(request.has_value());
    return request ? std::string() : request.error().message;
  };
  EXPECT_NE(refusal({.inputs = {{"trac", {"t"}}}}).find("did you mean trace?"), std::string::npos);
  EXPECT_NE(refusal({}).find("needs a trace at input trace"), std::string::npos);
  EXPECT_NE(refusal({.inputs = {{"trace", {"a", "b"}}}}).find("takes one trace, not 2"), std::string::npos);
  EXPECT_NE(refusal({.inputs = {{"trace", {"nobody"}}}}).find("nobody"), std::string::npos);
}

TEST(Request, AnUnknownOperationGetsTheNearest) {
  const std::vector<Description> known{importing(), analysing()};
  auto found = findDescription(known, "load.balanc");
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().kind, ErrorKind::usage);
  EXPECT_NE(found.error().message.find("did you mean load.balance?"), std::string::npos);
}

}  // namespace
}  // namespace moescope
