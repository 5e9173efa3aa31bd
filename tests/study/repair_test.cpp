// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/repair.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/base/file.h"
#include "tests/study/small_study.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

struct RepairTest : testing::Test {
  TemporaryFolder folder;
  fs::path at = folder / "S";

  static std::string wordsOf(const std::vector<Study::Damage>& list) {
    std::string words;
    for (const Study::Damage& one : list) words += one.what + " (" + one.file + ")\n";
    return words;
  }
  // Repairs, and the study must be sound after it.
  Repair repaired() const {
    const Repair repair = must(repairStudy(at));
    EXPECT_TRUE(repair.remaining.empty()) << wordsOf(repair.remaining);
    EXPECT_TRUE(must(must(Study::open(at, Study::Access::read)).check()).empty());
    return repair;
  }
  void overwrite(std::uint64_t offset, const std::string& bytes) const {
    std::fstream file(at / "study.sqlite", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file << bytes;
  }
  bool keptDamagedCatalogue() const {
    for (const auto& entry : fs::directory_iterator(at))
      if (entry.path().filename().string().starts_with("study.sqlite.damaged-")) return true;
    return false;
  }
};

TEST_F(RepairTest, ASoundStudyIsLeftAsItIs) {
  std::string id;
  {
    Study study = must(Study::create(at));
    must(study.setName(id = commitText(study, "a", "text"), "toy"));
  }
  const Repair repair = repaired();
  EXPECT_TRUE(repair.saved.empty()) << wordsOf(repair.saved);
  EXPECT_TRUE(repair.lost.empty()) << wordsOf(repair.lost);
  EXPECT_EQ(must(must(Study::open(at, Study::Access::read)).find("toy")).id, id);
}

TEST_F(RepairTest, WhatIsNoStudyOrANewerOneIsRefused) {
  EXPECT_EQ(repairStudy(at).error().kind, ErrorKind::input);
  fs::create_directories(at);
  EXPECT_EQ(repairStudy(at).error().kind, ErrorKind::input);
  runSql(at / "study.sqlite", "CREATE TABLE t (x)");
  EXPECT_NE(repairStudy(at).error().message.find("another program"), std::string::npos);
  fs::remove_all(at);
  { Study study = must(Study::create(at)); }
  runSql(at / "study.sqlite", "PRAGMA user_version = 7");
  const auto newer = repairStudy(at);
  EXPECT_EQ(newer.error().kind, ErrorKind::input);
  EXPECT_NE(newer.error().message.find("schema 7"), std::string::npos) << newer.error().message;
}

TEST_F(RepairTest, AStudyThatIsOpenForWritingIsNotRepairedUnderItsWriter) {
  Study study = must(Study::create(at));
  const auto repair = repairStudy(at);
  ASSERT_FALSE(repair);
  EXPECT_EQ(repair.error().kind, ErrorKind::environment);
  EXPECT_NE(repair.error().message.find("open for writing"), std::string::npos);
}

TEST_F(RepairTest, ARowWithoutItsFileIsEvictedAndItsRequestRunsAgain) {
  std::string id;
  {
    Study study = must(Study::create(at));
    must(study.setName(id = commitText(study, "a", "text"), "toy"));
    fs::remove(must(study.get(id)).path);
  }
  const Repair repair = repaired();
  EXPECT_NE(wordsOf(repair.lost).find("result toy has no file any more; run load.balance again"), std::string::npos);
  Study study = must(Study::open(at, Study::Access::write));
  EXPECT_FALSE(must(study.outputsOf(sha256("a"))));
  EXPECT_EQ(commitText(study, "a", "text"), id);
  EXPECT_EQ(must(study.find("toy")).id, id) << "the name waits for it";
}

TEST_F(RepairTest, ChangedContentIsNamedAndPutAsideNeverDeleted) {
  fs::path run;
  std::string other;
  {
    Study study = must(Study::create(at));
    const std::string id = commitText(study, "a", "text", Kind::run);
    other = commitText(study, "b", "other");
    run = must(study.get(id)).path;
    writeText(run / "part.bin", "tekt");
  }
  const Repair repair = repaired();
  EXPECT_NE(wordsOf(repair.lost).find("was changed after it was committed"), std::string::npos);
  EXPECT_EQ(must(readFile(at / "damaged" / "runs" / run.filename() / "part.bin")), "tekt");
  EXPECT_FALSE(fs::exists(run));
  const Study study = must(Study::open(at, Study::Access::read));
  EXPECT_EQ(must(study.list()).size(), 1u);
  EXPECT_EQ(must(study.list()).front().id, other);
}

TEST_F(RepairTest, AFileThatHasItsIdAndNoRowIsAnArtifactAgainAndOneThatHasNotIsNamed) {
  { Study study = must(Study::create(at)); }
  const std::string whole = sha256("part.bin " + sha256("a trace") + "\n"), half = sha256("half a trace");
  writeText(at / "traces" / whole / "part.bin", "a trace");
  writeText(at / "traces" / half / "part.bin", "half");
  const Repair repair = repaired();
  EXPECT_NE(wordsOf(repair.saved).find("trace " + whole.substr(0, 12)), std::string::npos) << wordsOf(repair.saved);
  EXPECT_NE(wordsOf(repair.lost).find("trace " + half.substr(0, 12)), std::string::npos) << wordsOf(repair.lost);
  Study study = must(Study::open(at, Study::Access::write));
  EXPECT_EQ(must(study.find(whole)).kind, Kind::trace);
  EXPECT_EQ(must(study.tagsOf(whole)), (std::vector<std::string>{"rescued"}));
  EXPECT_EQ(must(study.collect(false)).files, 1u) << "what is not whole is garbage";
}

TEST_F(RepairTest, AnArtifactThatWasRemovedAndCollectedDoesNotComeBack) {
  std::string id;
  fs::path path;
  {
    Study study = must(Study::create(at));
    id = commitText(study, "a", "text");
    path = must(study.get(id)).path;
    must(study.remove(id));
    must(study.collect(true));
    // As a kill of gc between its two transactions leaves it.
    writeText(path, "text.h5");
  }
  repaired();
  EXPECT_EQ(must(must(Study::open(at, Study::Access::read)).get(id)).state, ArtifactState::evicted);
}

TEST_F(RepairTest, RowsThatPointNowhereAreTakenOutAndNamed) {
  {
    Study study = must(Study::create(at));
    commitText(study, "a", "text");
  }
  runSql(at / "study.sqlite", ("INSERT INTO name VALUES ('ghost', '" + sha256("nobody") + "', 3)").c_str());
  EXPECT_EQ(must(must(Study::open(at, Study::Access::read)).check()).size(), 1u);
  const Repair repair = repaired();
  EXPECT_NE(wordsOf(repair.lost).find("(ghost)"), std::string::npos) << wordsOf(repair.lost);
}

TEST_F(RepairTest, IdsAndKindsThatAreNoneNeverBecomePaths) {
  writeText(folder / "precious", "mine");
  {
    Study study = must(Study::create(at));
    commitText(study, "a", "text");
  }
  // 64 characters that lead to the file beside the study.
  std::string path = "../../precious";
  path.insert(0, std::string(64 - path.size(), '/').replace(0, 2, "./"));
  ASSERT_EQ(path.size(), 64u);
  for (const char* kind : {"'trace'", "'potion'"})
    runSql(at / "study.sqlite", ("INSERT OR REPLACE INTO artifact VALUES ('" + path + "', " + kind +
                                 ", 'deleted', '2020', '2020-01-01T00:00:00Z', NULL, '{}', 1, 1)")
                                    .c_str());
  {
    Study study = must(Study::open(at, Study::Access::write));
    EXPECT_EQ(must(study.list(true)).size(), 1u);
    EXPECT_EQ(must(study.check()).size(), 1u);
    must(study.collect(true));
  }
  EXPECT_EQ(must(readFile(folder / "precious")), "mine");
  EXPECT_NE(wordsOf(repaired().lost).find("no id or no kind"), std::string::npos);
  EXPECT_EQ(must(readFile(folder / "precious")), "mine");
}

TEST_F(RepairTest, ALinkInTheStudyIsNoContent) {
  writeText(folder / "secret.h5", "text.h5");
  std::string id;
  {
    Study study = must(Study::create(at));
    id = commitText(study, "a", "text");
    const fs::path path = must(study.get(id)).path;
    fs::remove(path);
    fs::create_symlink(folder / "secret.h5", path);
    EXPECT_NE(wordsOf(must(study.check())).find("holds a link"), std::string::npos);
    EXPECT_FALSE(must(study.outputsOf(sha256("a")))) << "a link is no output";
  }
  repaired();
  EXPECT_EQ(must(readFile(folder / "secret.h5")), "text.h5");
}

TEST_F(RepairTest, GcGoesThroughNoLink) {
  writeText(folder / "documents" / "letters" / "one", "mine");
  fs::last_write_time(folder / "documents" / "letters" / "one", fs::file_time_type{});
  fs::last_write_time(folder / "documents" / "letters", fs::file_time_type{});
  Study study = must(Study::create(at));
  fs::remove_all(at / "jobs");
  fs::create_directory_symlink(folder / "documents", at / "jobs");
  EXPECT_EQ(study.collect(true).error().kind, ErrorKind::input);
  EXPECT_TRUE(fs::exists(folder / "documents" / "letters" / "one"));
}

TEST_F(RepairTest, WithoutACatalogueTheArtifactsAreStillThere) {
  std::string id;
  {
    Study study = must(Study::create(at));
    id = commitText(study, "a", "text", Kind::model);
  }
  for (const char* part : {"", "-wal", "-shm"}) fs::remove(at / ("study.sqlite" + std::string(part)));
  repaired();
  EXPECT_EQ(must(must(Study::open(at, Study::Access::read)).find(id)).kind, Kind::model);
}

std::string nameOf(std::size_t number) {
  std::string name = std::to_string(number);
  name.insert(name.begin(), 'n');
  return name;
}

// A study with much in every table; `ids[number]` carries the name nameOf(number).
std::vector<std::string> fill(const fs::path& at, std::size_t artifacts) {
  Study study = must(Study::create(at));
  std::vector<std::string> ids;
  for (std::size_t number = 0; number < artifacts; ++number) {
    const std::string text = nameOf(number);
    ids.push_back(commitText(study, text, text));
    must(study.setName(ids.back(), nameOf(number)));
    must(study.setNote(ids.back(), std::string(300, 'a')));
  }
  return ids;
}

TEST_F(RepairTest, EveryPageOfTheCatalogueDamagedInTurnLosesNoArtifact) {
  const auto ids = fill(folder / "whole", 60);
  const std::uint64_t pages = fs::file_size(folder / "whole" / "study.sqlite") / 4096;
  ASSERT_GT(pages, 20u);
  std::size_t names = 0, rebuilt = 0, rounds = 0;
  for (std::uint64_t page = 0; page < pages; page += page < 12 ? 1 : 5) {
    ++rounds;
    fs::remove_all(at);
    fs::copy(folder / "whole", at, fs::copy_options::recursive);
    overwrite(page * 4096, std::string(page == 0 ? 4096 : 200, '\xA5'));
    const Repair repair = repaired();
    const Study study = must(Study::open(at, Study::Access::read));
    EXPECT_EQ(must(study.list()).size(), ids.size()) << "page " << page + 1 << "\n" << wordsOf(repair.lost);
    for (std::size_t number = 0; number < ids.size(); ++number)
      if (const auto found = study.find(nameOf(number)); found && found->id == ids[number]) ++names;
    rebuilt += keptDamagedCatalogue();
    EXPECT_EQ(repair.lost.empty(), !keptDamagedCatalogue());
  }
  EXPECT_GT(rebuilt, rounds / 2) << "damage was found";
  // One page holds part of the names, and its loss is the loss of those alone.
  EXPECT_GT(names, ids.size() * rounds * 8 / 10);
}

TEST_F(RepairTest, ATruncatedCatalogueGivesWhatItStillHas) {
  const auto ids = fill(folder / "whole", 40);
  const std::uint64_t bytes = fs::file_size(folder / "whole" / "study.sqlite");
  for (const std::uint64_t left : {bytes - 4096, bytes / 2, bytes / 4 + 77, std::uint64_t{5000}, std::uint64_t{90}}) {
    fs::remove_all(at);
    fs::copy(folder / "whole", at, fs::copy_options::recursive);
    fs::resize_file(at / "study.sqlite", left);
    repaired();
    EXPECT_EQ(must(must(Study::open(at, Study::Access::read)).list()).size(), ids.size()) << left;
  }
}

TEST_F(RepairTest, TriggersViewsAndTablesOfOthersAreRefusedAndLeftBehind) {
  const char* evil[] = {
      "CREATE TRIGGER evil AFTER INSERT ON name BEGIN DELETE FROM artifact; END",
      "CREATE VIEW evil AS SELECT * FROM artifact",
      "CREATE TABLE evil (x, y GENERATED ALWAYS AS (x || x))",
      "CREATE VIRTUAL TABLE evil USING fts5(x)",
      "CREATE INDEX evil ON artifact (lower(summary))",
      "ALTER TABLE artifact RENAME TO hidden; CREATE VIEW artifact AS SELECT * FROM hidden",
  };
  for (const char* sql : evil) {
    fs::remove_all(at);
    const auto ids = fill(at, 3);
    runSql(at / "study.sqlite", sql);
    for (const auto access : {Study::Access::read, Study::Access::write}) {
      const auto study = Study::open(at, access);
      ASSERT_FALSE(study) << sql;
      EXPECT_EQ(study.error().kind, ErrorKind::input);
      EXPECT_NE(study.error().message.find("study repair"), std::string::npos) << study.error().message;
    }
    repaired();
    EXPECT_EQ(must(must(Study::open(at, Study::Access::read)).list()).size(), ids.size()) << sql;
  }
}

TEST_F(RepairTest, AWriteAheadLogOfAnotherStudyIsNotTakenForOnesOwn) {
  const auto ids = fill(at, 3);
  {
    Study other = must(Study::create(folder / "T"));
    commitText(other, "x", "another");
    fs::copy_file(folder / "T" / "study.sqlite-wal", at / "study.sqlite-wal");
  }
  const auto study = Study::open(at, Study::Access::read);
  if (study && must(study->check()).empty()) {
    EXPECT_EQ(must(study->list()).size(), ids.size());
    return;
  }
  repaired();
  EXPECT_EQ(must(must(Study::open(at, Study::Access::read)).list()).size(), ids.size());
}

}  // namespace
}  // namespace moescope
