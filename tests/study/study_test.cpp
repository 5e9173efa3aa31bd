// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/study.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/base/digest.h"
#include "core/base/process.h"
#include "core/study/lock.h"
#include "tests/study/small_study.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

struct StudyTest : testing::Test {
  TemporaryFolder folder;
  fs::path at = folder / "S";
};

// Runs `work` in a process of its own; gives its exit code, or minus the signal that ended it.
template <class Work>
int inChild(Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 99;
    try {
      code = work();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// ---- making and opening ---------------------------------------------------------------------------------------------

TEST_F(StudyTest, AFileHasTheApplicationIdAndSchemaOfTheContract) {
  { Study study = must(Study::create(at)); }
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open((at / "study.sqlite").c_str(), &handle), SQLITE_OK);
  std::map<std::string, std::string> values;
  auto collect = [](void* into, int, char** cells, char** names) {
    (*static_cast<std::map<std::string, std::string>*>(into))[names[0]] = cells[0];
    return 0;
  };
  for (const char* pragma : {"PRAGMA application_id", "PRAGMA user_version", "PRAGMA journal_mode"})
    EXPECT_EQ(sqlite3_exec(handle, pragma, collect, &values, nullptr), SQLITE_OK);
  sqlite3_close(handle);
  EXPECT_EQ(values["application_id"], std::to_string(('M' << 24) | ('O' << 16) | ('E' << 8) | 'S'));
  EXPECT_EQ(values["user_version"], "1");
  EXPECT_EQ(values["journal_mode"], "wal");
}

TEST_F(StudyTest, CreatingTwiceOrOverOtherFilesIsRefused) {
  must(Study::create(at));
  EXPECT_EQ(Study::create(at).error().kind, ErrorKind::usage);
  writeText(folder / "other/thesis.txt", "years of work");
  EXPECT_EQ(Study::create(folder / "other").error().kind, ErrorKind::usage);
  EXPECT_TRUE(fs::exists(folder / "other/thesis.txt"));
  EXPECT_FALSE(fs::exists(folder / "other/study.sqlite"));
}

TEST_F(StudyTest, AMissingFolderAnEmptyFileAndAnotherDatabaseAreNamedInputErrors) {
  const auto missing = Study::open(at, Study::Access::read);
  EXPECT_EQ(missing.error().kind, ErrorKind::input);
  EXPECT_EQ(missing.error().file, at.string());
  fs::create_directories(at);
  EXPECT_EQ(Study::open(at, Study::Access::write).error().kind, ErrorKind::input);
  EXPECT_FALSE(fs::exists(at / "lock")) << "a folder that is no study is left as it was";
  writeText(at / "study.sqlite", "");
  EXPECT_EQ(Study::open(at, Study::Access::read).error().kind, ErrorKind::input);
  writeText(at / "study.sqlite", std::string(8192, 'x'));
  EXPECT_EQ(Study::open(at, Study::Access::read).error().kind, ErrorKind::input);
  fs::remove(at / "study.sqlite");
  runSql(at / "study.sqlite", "CREATE TABLE other (x)");
  const auto foreign = Study::open(at, Study::Access::write);
  EXPECT_EQ(foreign.error().kind, ErrorKind::input);
  EXPECT_NE(foreign.error().message.find("another program"), std::string::npos);
}

TEST_F(StudyTest, ANewerSchemaIsRefusedWithBothVersionsNamed) {
  { Study study = must(Study::create(at)); }
  runSql(at / "study.sqlite", "PRAGMA user_version = 7");
  for (const auto access : {Study::Access::read, Study::Access::write}) {
    const auto study = Study::open(at, access);
    ASSERT_FALSE(study);
    EXPECT_EQ(study.error().kind, ErrorKind::input);
    EXPECT_NE(study.error().message.find("schema 7"), std::string::npos) << study.error().message;
    EXPECT_NE(study.error().message.find("up to 1"), std::string::npos) << study.error().message;
  }
}

TEST_F(StudyTest, AnOlderSchemaIsCopiedAndThenMigrated) {
  fs::create_directories(at);
  runSql(at / "study.sqlite", "PRAGMA application_id = 1297040723; PRAGMA user_version = 0; VACUUM");
  EXPECT_EQ(Study::open(at, Study::Access::read).error().kind, ErrorKind::input);
  Study study = must(Study::open(at, Study::Access::write));
  EXPECT_TRUE(fs::exists(at / "study.sqlite.schema0"));
  commitText(study, "a", "text");
  EXPECT_EQ(must(study.list()).size(), 1u);
}

TEST_F(StudyTest, AReadOnlyFolderOpensForReadingAndIsNeverWritten) {
  {
    Study study = must(Study::create(at));
    must(study.setName(commitText(study, "a", "text"), "toy"));
  }
  fs::permissions(at / "study.sqlite", fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  fs::permissions(at, fs::perms::all & ~(fs::perms::owner_write | fs::perms::group_write | fs::perms::others_write));
  fs::permissions(folder.path(), fs::perms::all);
  const int code = inChild([&] {
    // Permissions do not hold root back.
    if (::getuid() == 0 && ::setuid(65534) != 0) return 2;
    Study study = must(Study::open(at, Study::Access::read));
    if (must(study.find("toy")).names != std::vector<std::string>{"toy"}) return 3;
    const auto writing = Study::open(at, Study::Access::write);
    return !writing && writing.error().kind == ErrorKind::environment ? 0 : 4;
  });
  fs::permissions(at, fs::perms::owner_all);
  EXPECT_EQ(code, 0);
  EXPECT_FALSE(fs::exists(at / "study.sqlite-wal"));
}

TEST_F(StudyTest, OpeningAndListingAThousandArtifactsTakesFewMilliseconds) {
  {
    Study study = must(Study::create(at));
    must(study.setName(commitText(study, "a", "text"), "toy"));
  }
  runSql(at / "study.sqlite",
         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
         "INSERT INTO artifact SELECT printf('%064x', i), 'result', 'present', '2026-01-01T00:00:00Z', NULL, NULL, "
         "'{}', 1, 1 FROM n");
  const auto begin = std::chrono::steady_clock::now();
  const Study study = must(Study::open(at, Study::Access::read));
  EXPECT_EQ(must(study.list()).size(), 1001u);
  EXPECT_EQ(must(study.find("toy")).title(), "toy");
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  // Far below the 50 ms of a whole command, with room for a loaded machine and sanitizers.
  EXPECT_LT(seconds.count(), 0.5);
}

// ---- commits --------------------------------------------------------------------------------------------------------

TEST_F(StudyTest, EveryKindLandsWhereTheContractSays) {
  Study study = must(Study::create(at));
  const std::map<Kind, std::string> folderByKind{
      {Kind::model, "models"}, {Kind::corpus, "corpora"}, {Kind::trace, "traces"},       {Kind::run, "runs"},
      {Kind::plan, "plans"},   {Kind::result, "arrays"},  {Kind::activations, "arrays"}, {Kind::sheet, "sheets"}};
  for (const auto& [kind, folderName] : folderByKind) {
    const std::string text(name(kind));
    const std::string id = commitText(study, text, text, kind);
    const Artifact artifact = must(study.get(id));
    EXPECT_EQ(artifact.kind, kind);
    EXPECT_EQ(artifact.path.parent_path(), at / folderName);
    EXPECT_TRUE(fs::exists(artifact.path)) << artifact.path;
    EXPECT_GT(artifact.bytes, 0u);
    EXPECT_FALSE(fs::exists(study.jobFolder(sha256(text)) / "result")) << "nothing is left in the job's folder";
  }
  EXPECT_TRUE(must(study.check()).empty());
}

TEST_F(StudyTest, TheIdIsTheDigestOfTheContent) {
  Study study = must(Study::create(at));
  // SHA-256 over the sorted lines "path, SHA-256 of bytes" (contract section 3).
  EXPECT_EQ(commitText(study, "a", "text"), sha256("content.h5 " + sha256("text.h5") + "\n"));
  EXPECT_EQ(commitText(study, "b", "plan", Kind::plan),
            sha256("content.h5 " + sha256("plan.h5") + "\ncontent.json " + sha256("plan.json") + "\n"));
  EXPECT_EQ(commitText(study, "c", "run", Kind::run), sha256("part.bin " + sha256("run") + "\n"));
}

TEST_F(StudyTest, EqualContentOfTwoRequestsIsOneArtifact) {
  Study study = must(Study::create(at));
  const std::string first = commitText(study, "a", "same"), second = commitText(study, "b", "same");
  EXPECT_EQ(first, second);
  EXPECT_EQ(must(study.list()).size(), 1u);
  EXPECT_EQ(must(study.get(first)).request, sha256("a")) << "the first request made it";
  EXPECT_EQ(must(study.outputsOf(sha256("b")))->at("result"), first);
}

TEST_F(StudyTest, ARequestThatRanAgainAnswersWithItsNewestOutput) {
  Study study = must(Study::create(at));
  const std::string before = commitText(study, "a", "one"), after = commitText(study, "a", "two");
  EXPECT_EQ(must(study.outputsOf(sha256("a")))->at("result"), after);
  EXPECT_EQ(must(study.list()).size(), 2u) << before;
}

TEST_F(StudyTest, InputsRequestAndProvenanceAreReadBack) {
  Study study = must(Study::create(at));
  const std::string trace = commitText(study, "t", "trace", Kind::trace),
                    other = commitText(study, "u", "other", Kind::trace);
  must(study.commit(requestNumbered("a"), {{"trace", other}, {"trace", trace}}, {produced(study, "a", "x")}));
  EXPECT_EQ(must(study.inputsOf(sha256("a"))), (std::vector<std::string>{other, trace}));
  const auto request = must(study.request(sha256("a")));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->operation, "load.balance");
  EXPECT_EQ(request->provenance, R"({"host":"here"})");
  EXPECT_FALSE(must(study.request(sha256("never"))));
}

TEST_F(StudyTest, AnOutputWhoseFilesAreGoneIsNoAnswerAndComesBackWhenMadeAgain) {
  Study study = must(Study::create(at));
  const std::string id = commitText(study, "a", "text");
  fs::remove(must(study.get(id)).path);
  EXPECT_FALSE(must(study.outputsOf(sha256("a"))));
  EXPECT_EQ(commitText(study, "a", "text"), id);
  EXPECT_TRUE(must(study.outputsOf(sha256("a"))));
  EXPECT_TRUE(must(study.check()).empty());
}

TEST_F(StudyTest, ASnapshotIsAnArtifactThatDoesNotEndItsRequest) {
  Study study = must(Study::create(at));
  const std::string id =
      must(study.commitSnapshot(requestNumbered("a"), produced(study, "a", "snapshot", Kind::model)));
  EXPECT_EQ(must(study.get(id)).kind, Kind::model);
  EXPECT_FALSE(must(study.outputsOf(sha256("a"))));
}

TEST_F(StudyTest, AReferencedModelIsNeverCopied) {
  writeText(folder / "hub/config.json", "{}");
  Study study = must(Study::create(at));
  Study::Produced model{
      .port = "model", .kind = Kind::model, .written = {}, .outside = folder / "hub", .id = sha256("model")};
  must(study.commit(requestNumbered("a"), {}, {model}));
  EXPECT_EQ(must(study.get(sha256("model"))).path, folder / "hub");
  EXPECT_FALSE(fs::exists(at / "models"));
  EXPECT_TRUE(must(study.check()).empty());
  fs::remove_all(folder / "hub");
  EXPECT_EQ(must(study.check()).size(), 1u);
  EXPECT_FALSE(must(study.outputsOf(sha256("a"))));
}

TEST_F(StudyTest, AnOperationThatWroteNothingIsOurBugAndLeavesNoRow) {
  Study study = must(Study::create(at));
  fs::create_directories(study.jobFolder(sha256("a")) / "result");
  for (const Kind kind : {Kind::result, Kind::trace, Kind::plan}) {
    const auto ids =
        study.commit(requestNumbered("a"), {},
                     {{.port = "result", .kind = kind, .written = study.jobFolder(sha256("a")) / "result"}});
    ASSERT_FALSE(ids);
    EXPECT_EQ(ids.error().kind, ErrorKind::bug);
  }
  EXPECT_TRUE(must(study.list()).empty());
  EXPECT_FALSE(must(study.request(sha256("a"))));
}

TEST_F(StudyTest, ACommitThatFailsGivesTheJobItsFilesBack) {
  Study study = must(Study::create(at));
  const auto output = produced(study, "a", "text");
  // An input that does not exist breaks a foreign key, after nothing or everything was moved.
  const auto ids = study.commit(requestNumbered("a"), {{"trace", sha256("nobody")}}, {output});
  ASSERT_FALSE(ids);
  EXPECT_TRUE(fs::exists(output.written / "content.h5"));
  EXPECT_TRUE(must(study.list(true)).empty());
}

// ---- names ----------------------------------------------------------------------------------------------------------

TEST_F(StudyTest, ANamePointsToOneArtifactAndNamingAgainMovesIt) {
  Study study = must(Study::create(at));
  const std::string a = commitText(study, "a", "a"), b = commitText(study, "b", "b");
  must(study.setName(a, "toy"));
  must(study.setName(a, "first"));
  EXPECT_EQ(must(study.get(a)).names, (std::vector<std::string>{"first", "toy"})) << "newest first";
  must(study.setName(b, "toy"));
  EXPECT_EQ(must(study.find("toy")).id, b);
  EXPECT_EQ(must(study.get(a)).names, (std::vector<std::string>{"first"}));
}

TEST_F(StudyTest, NamesFollowTheRulesOfTheContract) {
  for (const char* good : {"a", "toy", "Toy-1.x_y", "1234567", "abcdefg1", "deadbee"})
    EXPECT_TRUE(Study::checkName(good)) << good;
  EXPECT_TRUE(Study::checkName(std::string(64, 'z')));
  for (const std::string& bad : {std::string(), std::string(65, 'z'), std::string("a b"), std::string("a/b"),
                                 std::string("é"), std::string("a:b"), std::string("deadbeef"),
                                 std::string("0123456789"), std::string("DEADBEEF"), std::string("a\n")})
    EXPECT_EQ(Study::checkName(bad).error().kind, ErrorKind::usage) << bad;
  Study study = must(Study::create(at));
  const std::string id = commitText(study, "a", "a");
  EXPECT_FALSE(study.setName(id, "deadbeef"));
  EXPECT_EQ(study.setName(sha256("nobody"), "toy").error().kind, ErrorKind::usage);
}

TEST_F(StudyTest, FindTakesANameThenAPrefixOfEightDigitsAndElseNamesTheNearest) {
  Study study = must(Study::create(at));
  const std::string id = commitText(study, "a", "a");
  must(study.setName(id, "balance"));
  EXPECT_EQ(must(study.find("balance")).id, id);
  EXPECT_EQ(must(study.find(id.substr(0, 8))).id, id);
  EXPECT_EQ(must(study.find(id)).id, id);
  EXPECT_EQ(study.find(id.substr(0, 7)).error().kind, ErrorKind::usage) << "seven digits are too few";
  const auto mistyped = study.find("balence");
  EXPECT_EQ(mistyped.error().kind, ErrorKind::usage);
  EXPECT_NE(mistyped.error().message.find("did you mean balance?"), std::string::npos) << mistyped.error().message;
}

TEST_F(StudyTest, APrefixThatIsNotUniqueIsRefused) {
  { Study study = must(Study::create(at)); }
  runSql(at / "study.sqlite",
         "INSERT INTO artifact SELECT 'abcdef12' || printf('%056x', value), 'result', 'present', '2026', NULL, NULL, "
         "'{}', 1, 1 FROM "
         "(SELECT 1 AS value UNION SELECT 2)");
  const Study study = must(Study::open(at, Study::Access::read));
  const auto found = study.find("abcdef12");
  EXPECT_EQ(found.error().kind, ErrorKind::usage);
  EXPECT_NE(found.error().message.find("more than one"), std::string::npos);
}

// ---- edits ----------------------------------------------------------------------------------------------------------

TEST_F(StudyTest, RemovingHidesAnArtifactAndUndoBringsItBack) {
  Study study = must(Study::create(at));
  const std::string id = commitText(study, "a", "a");
  must(study.setName(id, "toy"));
  must(study.remove(id));
  EXPECT_TRUE(must(study.list()).empty());
  EXPECT_EQ(must(study.list(true)).front().state, ArtifactState::deleted);
  EXPECT_EQ(study.find("toy").error().kind, ErrorKind::usage);
  EXPECT_EQ(study.remove(id).error().kind, ErrorKind::usage);
  EXPECT_TRUE(fs::exists(must(study.get(id)).path)) << "the files stay";
  EXPECT_NE(must(study.undo()).find("removal of result toy"), std::string::npos);
  EXPECT_EQ(must(study.find("toy")).id, id);
  must(study.redo());
  EXPECT_TRUE(must(study.list()).empty());
}

TEST_F(StudyTest, UndoGoesBackThroughAllEditsAndRedoForthAgain) {
  Study study = must(Study::create(at));
  const std::string a = commitText(study, "a", "a"), b = commitText(study, "b", "b");
  must(study.setName(a, "toy"));
  must(study.setName(b, "toy"));
  must(study.setTag(a, "paper", true));
  must(study.setNote(a, "look at layer 3"));
  must(study.setNote(a, "look at layer 4"));
  must(study.undo());
  EXPECT_EQ(must(study.noteOf(a)), "look at layer 3");
  must(study.undo());
  EXPECT_EQ(must(study.noteOf(a)), "");
  must(study.undo());
  EXPECT_TRUE(must(study.tagsOf(a)).empty());
  must(study.undo());
  EXPECT_EQ(must(study.find("toy")).id, a);
  must(study.undo());
  EXPECT_FALSE(study.find("toy"));
  EXPECT_EQ(study.undo().error().kind, ErrorKind::usage) << "nothing is left";
  for (int times = 0; times < 5; ++times) must(study.redo());
  EXPECT_EQ(must(study.find("toy")).id, b);
  EXPECT_EQ(must(study.noteOf(a)), "look at layer 4");
  EXPECT_EQ(must(study.tagsOf(a)), (std::vector<std::string>{"paper"}));
  EXPECT_EQ(study.redo().error().kind, ErrorKind::usage);
}

TEST_F(StudyTest, ANewEditEndsWhatCouldBeRedone) {
  Study study = must(Study::create(at));
  const std::string id = commitText(study, "a", "a");
  must(study.setName(id, "one"));
  must(study.undo());
  must(study.setName(id, "two"));
  EXPECT_EQ(study.redo().error().kind, ErrorKind::usage);
}

TEST_F(StudyTest, RevisionRisesWithEveryChangeAndTellsWhatChanged) {
  Study study = must(Study::create(at));
  const std::int64_t empty = study.revision();
  const std::string a = commitText(study, "a", "a"), b = commitText(study, "b", "b");
  const std::int64_t before = study.revision();
  EXPECT_GT(before, empty);
  EXPECT_TRUE(must(study.changedSince(before)).empty());
  const Study reader = must(Study::open(at, Study::Access::read));
  must(study.setName(a, "toy"));
  EXPECT_GT(reader.revision(), before) << "another connection sees it";
  ASSERT_EQ(must(reader.changedSince(before)).size(), 1u);
  EXPECT_EQ(must(reader.changedSince(before)).front().id, a);
  const std::int64_t named = study.revision();
  must(study.setName(b, "toy"));
  EXPECT_EQ(must(reader.changedSince(named)).size(), 2u) << "who lost the name changed too";
}

TEST_F(StudyTest, SessionsAreKeptByKey) {
  Study study = must(Study::create(at));
  EXPECT_FALSE(must(study.session("layout")));
  must(study.setSession("layout", "[1]"));
  must(study.setSession("layout", "[2]"));
  EXPECT_EQ(must(study.session("layout")), "[2]");
}

// ---- jobs -----------------------------------------------------------------------------------------------------------

TEST_F(StudyTest, ARunningJobIsJoinedOnlyWhileItsVeryProcessLives) {
  Study study = must(Study::create(at));
  JobRow job{.job = "j1",
             .request = sha256("a"),
             .operation = "train.lm",
             .state = "running",
             .pid = ::getpid(),
             .pidStart = *processStart(::getpid())};
  must(study.putJob(job));
  ASSERT_TRUE(must(study.runningJob(sha256("a"))));
  EXPECT_EQ(must(study.runningJob(sha256("a")))->job, "j1");
  EXPECT_FALSE(must(study.runningJob(sha256("b"))));
  job.pidStart += 1;  // the same number, another process
  must(study.putJob(job));
  EXPECT_FALSE(must(study.runningJob(sha256("a"))));
  EXPECT_EQ(must(study.jobs()).size(), 1u);
  job.state = "failed";
  job.error = R"({"kind":"input","message":"no"})";
  must(study.putJob(job));
  EXPECT_EQ(must(study.jobs()).front().error, job.error);
  EXPECT_FALSE(must(study.jobs()).front().created.empty());
}

// ---- many writers and kills -----------------------------------------------------------------------------------------

TEST_F(StudyTest, ManyProcessesCommitAndNameAtTheSameTimeAndNothingIsLost) {
  { Study study = must(Study::create(at)); }
  constexpr int writers = 6, each = 12;
  std::vector<pid_t> children;
  for (int writer = 0; writer < writers; ++writer) {
    const pid_t child = ::fork();
    if (child == 0) {
      int code = 1;
      try {
        Study study = must(Study::open(at, Study::Access::write));
        for (int number = 0; number < each; ++number) {
          const std::string text = std::to_string(writer) + "." + std::to_string(number);
          const std::string id = commitText(study, text, text);
          commitText(study, "shared" + text, "shared");  // all of them also commit the same content
          must(study.setName(id, "n" + text));
        }
        code = 0;
      } catch (const std::exception& error) {
        std::fprintf(stderr, "writer %d: %s\n", writer, error.what());
      }
      ::_exit(code);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  Study study = must(Study::open(at, Study::Access::write));
  EXPECT_EQ(must(study.list()).size(), std::size_t{writers * each + 1});
  for (int writer = 0; writer < writers; ++writer)
    for (int number = 0; number < each; ++number) {
      const std::string text = std::to_string(writer) + "." + std::to_string(number);
      EXPECT_EQ(must(study.find("n" + text)).id, sha256("content.h5 " + sha256(text + ".h5") + "\n"));
    }
  EXPECT_TRUE(must(study.check()).empty());
}

TEST_F(StudyTest, AWriterKilledAtAnyMomentLeavesNeverARowWithoutItsFile) {
  { Study study = must(Study::create(at)); }
  std::size_t committed = 0;
  for (int round = 0; round < 12; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        Study study = must(Study::open(at, Study::Access::write));
        for (int number = 0;; ++number) {
          const std::string text = std::to_string(round) + "." + std::to_string(number);
          commitText(study, text, text + std::string(20'000, 'x'), number % 2 ? Kind::result : Kind::trace);
        }
      } catch (...) {
      }
      ::_exit(1);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 7 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    Study study = must(Study::open(at, Study::Access::write));
    const auto damages = must(study.check());
    EXPECT_TRUE(damages.empty()) << damages.front().what;
    committed = must(study.list()).size();
  }
  EXPECT_GT(committed, 0u);
}

TEST_F(StudyTest, FilesOfACommitThatWasKilledBeforeItsRowAreCollectedAndTheRequestRunsAgain) {
  Study study = must(Study::create(at));
  const std::string kept = commitText(study, "kept", "kept");
  // What a SIGKILL between rename and commit leaves: the files in place, no row.
  const std::string id = sha256("content.h5 " + sha256("lost.h5") + "\n");
  writeText(at / "arrays" / (id + ".h5"), "lost.h5");
  writeText(at / "traces" / sha256("half a trace") / "0000.h5", "half");
  EXPECT_TRUE(must(study.check()).empty()) << "a file without a row is garbage, not damage";
  EXPECT_FALSE(must(study.outputsOf(sha256("a"))));
  const auto collected = must(study.collect(false));
  EXPECT_EQ(collected.files, 2u);
  EXPECT_EQ(collected.bytes, std::string("lost.h5half").size());
  EXPECT_FALSE(fs::exists(at / "arrays" / (id + ".h5")));
  EXPECT_TRUE(fs::exists(must(study.get(kept)).path));
  EXPECT_EQ(commitText(study, "a", "lost"), id);
  EXPECT_TRUE(must(study.check()).empty());
}

// ---- care -----------------------------------------------------------------------------------------------------------

TEST_F(StudyTest, CheckFindsAMissingFileAndChangedContent) {
  Study study = must(Study::create(at));
  const std::string a = commitText(study, "a", "a"), b = commitText(study, "b", "b", Kind::run),
                    c = commitText(study, "c", "c");
  fs::remove(must(study.get(a)).path);
  writeText(must(study.get(b)).path / "part.bin", "B");
  writeText(must(study.get(b)).path / "timing.h5", "wall clock");  // no part of the content
  const auto damages = must(study.check());
  ASSERT_EQ(damages.size(), 2u) << c;
  EXPECT_NE(damages[0].what.find("no file"), std::string::npos);
  EXPECT_EQ(damages[0].file, must(study.get(a)).path.string());
  EXPECT_NE(damages[1].what.find("changed"), std::string::npos);
}

TEST_F(StudyTest, CheckOrOpeningFindsADamagedCatalogue) {
  {
    Study study = must(Study::create(at));
    for (int number = 0; number < 200; ++number)
      must(study.setSession("key" + std::to_string(number), std::string(500, 'v')));
  }
  const auto size = fs::file_size(at / "study.sqlite");
  {
    std::fstream file(at / "study.sqlite", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size / 2));
    file << std::string(static_cast<std::size_t>(size / 2), '\xAA');
  }
  auto study = Study::open(at, Study::Access::read);
  if (study) {
    EXPECT_FALSE(must(study->check()).empty());
  } else {
    EXPECT_EQ(study.error().kind, ErrorKind::input);
  }
  fs::resize_file(at / "study.sqlite", 4096);
  study = Study::open(at, Study::Access::read);
  if (study) {
    const auto damages = study->check();
    EXPECT_TRUE(!damages ? damages.error().kind == ErrorKind::input : !damages->empty());
  } else {
    EXPECT_EQ(study.error().kind, ErrorKind::input);
  }
}

TEST_F(StudyTest, GcKeepsRemovedFilesForThirtyDaysUnlessToldOtherwise) {
  Study study = must(Study::create(at));
  const std::string id = commitText(study, "a", "a"), old = commitText(study, "b", "b");
  must(study.remove(old));
  must(study.remove(id));
  EXPECT_EQ(must(study.collect(false)).files, 0u);
  runSql(at / "study.sqlite",
         ("UPDATE artifact SET deleted = '2020-01-01T00:00:00Z' WHERE id = '" + old + "'").c_str());
  EXPECT_EQ(must(study.collect(false)).files, 1u);
  EXPECT_EQ(must(study.get(old)).state, ArtifactState::evicted);
  EXPECT_EQ(must(study.get(id)).state, ArtifactState::deleted);
  EXPECT_EQ(must(study.collect(true)).files, 1u);
  EXPECT_EQ(must(study.get(id)).state, ArtifactState::evicted) << "the row stays";
  EXPECT_EQ(study.undo().error().kind, ErrorKind::usage) << "its files are gone";
  EXPECT_TRUE(must(study.check()).empty());
  EXPECT_EQ(commitText(study, "a", "a"), id);
  EXPECT_EQ(must(study.get(id)).state, ArtifactState::present) << "made again";
}

TEST_F(StudyTest, GcSparesLivingJobsTheirInputsAndWhatCanBeResumed) {
  Study study = must(Study::create(at));
  const std::string input = commitText(study, "input", "input");
  must(study.remove(input));
  JobRow job{.job = "j1",
             .request = sha256("living"),
             .operation = "train.lm",
             .state = "running",
             .pid = ::getpid(),
             .pidStart = *processStart(::getpid())};
  must(study.putJob(job));
  writeText(study.jobFolder(sha256("living")) / ".lock", "");
  writeText(at / "jobs/j1/order.json", R"({"inputs":{"corpus":[")" + input + R"("]}})");
  writeText(study.jobFolder(sha256("resumable")) / "state/step", "100");
  writeText(study.jobFolder(sha256("done")) / "messages", "{}");
  commitText(study, "done", "done");
  const auto collected = must(study.collect(true));
  EXPECT_EQ(collected.files, 1u);
  EXPECT_TRUE(fs::exists(study.jobFolder(sha256("living"))));
  EXPECT_TRUE(fs::exists(at / "jobs/j1"));
  EXPECT_TRUE(fs::exists(study.jobFolder(sha256("resumable")) / "state/step"));
  EXPECT_FALSE(fs::exists(study.jobFolder(sha256("done"))));
  EXPECT_TRUE(fs::exists(must(study.get(input)).path)) << "a living job reads it";
  job.state = "done";
  must(study.putJob(job));
  // Nobody resumed it for 31 days.
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(24 * 31);
  for (const fs::path& path : {study.jobFolder(sha256("resumable")) / "state/step",
                               study.jobFolder(sha256("resumable")) / "state", study.jobFolder(sha256("resumable"))})
    fs::last_write_time(path, long_ago);
  must(study.collect(true));
  EXPECT_FALSE(fs::exists(study.jobFolder(sha256("resumable"))));
  EXPECT_EQ(must(study.get(input)).state, ArtifactState::evicted);
}

TEST_F(StudyTest, AFullDiskIsAnEnvironmentErrorAndNothingCommittedIsLost) {
  std::string kept;
  {
    Study study = must(Study::create(at));
    kept = commitText(study, "kept", "kept");
  }
  const int code = inChild([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    Study study = must(Study::open(at, Study::Access::write));
    // No file may grow any more, as on a full disk.
    const rlimit limit{16'384, 16'384};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    for (int number = 0; number < 200; ++number) {
      const auto done = study.setSession("key" + std::to_string(number), std::string(4000, 'v'));
      if (!done) return done.error().kind == ErrorKind::environment ? 0 : 3;
    }
    return 4;
  });
  EXPECT_EQ(code, 0);
  Study study = must(Study::open(at, Study::Access::write));
  EXPECT_EQ(must(study.get(kept)).state, ArtifactState::present);
  EXPECT_TRUE(must(study.check()).empty());
}

TEST_F(StudyTest, ACommitOnAFullDiskGivesTheFilesBackAndLeavesNoRow) {
  { Study study = must(Study::create(at)); }
  const int code = inChild([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    Study study = must(Study::open(at, Study::Access::write));
    const rlimit limit{65'536, 65'536};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    for (int number = 0; number < 200; ++number) {
      const std::string text = std::to_string(number);
      const auto output = produced(study, text, text);
      const auto done = study.commit(requestNumbered(text), {}, {output});
      if (done) continue;
      if (done.error().kind != ErrorKind::environment) return 3;
      if (!fs::exists(output.written / "content.h5")) return 5;
      const std::size_t rows = must(study.list(true)).size();
      return rows == static_cast<std::size_t>(number) && must(study.check()).empty() ? 0 : 6;
    }
    return 4;
  });
  EXPECT_EQ(code, 0);
}

// ---- lock -----------------------------------------------------------------------------------------------------------

TEST_F(StudyTest, AnotherHostsLockLetsUsReadOnlyAndNamesTheHost) {
  { Study study = must(Study::create(at)); }
  writeText(at / "lock", R"({"boot":"another-boot","host":"gpu-server"})");
  const auto writing = Study::open(at, Study::Access::write);
  ASSERT_FALSE(writing);
  EXPECT_EQ(writing.error().kind, ErrorKind::environment);
  EXPECT_NE(writing.error().message.find("gpu-server"), std::string::npos);
  EXPECT_TRUE(Study::open(at, Study::Access::read));
  EXPECT_TRUE(fs::exists(at / "lock")) << "it is theirs";
}

TEST_F(StudyTest, ALockThatWasNotRenewedForTwoMinutesOrIsOfThisBootDoesNotCount) {
  { Study study = must(Study::create(at)); }
  EXPECT_FALSE(fs::exists(at / "lock")) << "the last writer takes it away";
  writeText(at / "lock", R"({"boot":"another-boot","host":"gpu-server"})");
  fs::last_write_time(at / "lock", fs::file_time_type::clock::now() - std::chrono::seconds(121));
  { EXPECT_TRUE(Study::open(at, Study::Access::write)); }
  writeText(at / "lock", R"({"boot":")" + bootId() + R"(","host":"left by a killed writer"})");
  EXPECT_TRUE(Study::open(at, Study::Access::write));
}

TEST_F(StudyTest, TheLockStaysWhileAnyWriterOfThisHostLives) {
  Study first = must(Study::create(at));
  { Study second = must(Study::open(at, Study::Access::write)); }
  EXPECT_TRUE(fs::exists(at / "lock"));
}

}  // namespace
}  // namespace moescope
