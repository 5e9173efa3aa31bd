// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/pack.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <map>

#include "core/base/file.h"
#include "core/study/archive.h"
#include "tests/study/small_study.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

struct PackTest : testing::Test {
  TemporaryFolder folder;
  fs::path at = folder / "S", file = folder / "s.tar", to = folder / "T";

  // Every file of a study that is packed, by its path.
  static std::map<std::string, std::string> filesOf(const fs::path& study) {
    std::map<std::string, std::string> bytesByPath;
    for (const auto& entry : fs::recursive_directory_iterator(study)) {
      const std::string path = entry.path().lexically_relative(study).generic_string();
      if (entry.is_regular_file() && !path.starts_with("study.sqlite") && path != "lock" && !path.starts_with("jobs/"))
        bytesByPath[path] = must(readFile(entry.path()));
    }
    return bytesByPath;
  }
  void fill() const {
    Study study = must(Study::create(at));
    for (const Kind kind :
         {Kind::model, Kind::corpus, Kind::trace, Kind::activations, Kind::run, Kind::plan, Kind::result, Kind::sheet})
      must(study.setName(commitText(study, std::string(name(kind)), std::string(name(kind)), kind),
                         "the-" + std::string(name(kind))));
    must(study.setNote(must(study.find("the-run")).id, "look at step 3"));
    must(study.setTag(must(study.find("the-run")).id, "paper", true));
    must(study.remove(must(study.find("the-plan")).id));
    writeText(at / "plugins" / "mine" / "run.sh", "#!/bin/sh\n");
    fs::permissions(at / "plugins" / "mine" / "run.sh", fs::perms::owner_all);
    const std::string longName = std::string(90, 'd') + "/" + std::string(200, 'f');
    writeText(at / "plugins" / longName, "a path longer than a tar's header holds");
    writeText(at / "plugins" / "empty", "");
    writeText(at / "jobs" / sha256("x") / ".state" / "count", "7");
    writeText(at / "scratch" / "preview", "not packed");
  }
};

TEST_F(PackTest, AStudyIsTheSameBytesOnceUnpackedElsewhere) {
  fill();
  const Packed packed = must(packStudy(at, file));
  fs::remove(at / "scratch" / "preview");
  const Packed unpacked = must(unpackStudy(file, to));
  EXPECT_EQ(packed.files, unpacked.files);
  EXPECT_EQ(packed.bytes, unpacked.bytes);
  EXPECT_EQ(filesOf(at), filesOf(to));
  EXPECT_EQ(fs::status(to / "plugins" / "mine" / "run.sh").permissions() & fs::perms::owner_exec,
            fs::perms::owner_exec);
  EXPECT_FALSE(fs::exists(to / "jobs"));
  Study study = must(Study::open(to, Study::Access::write));
  EXPECT_TRUE(must(study.check()).empty());
  EXPECT_EQ(study.id(), must(Study::open(at, Study::Access::read)).id());
  EXPECT_EQ(must(study.list()).size(), 7u);
  EXPECT_EQ(must(study.noteOf(must(study.find("the-run")).id)), "look at step 3");
  EXPECT_NE(must(study.undo()).find("removal of plan"), std::string::npos) << "what was removed can still come back";
}

TEST_F(PackTest, AnyTarReadsIt) {
  fill();
  must(packStudy(at, file));
  fs::create_directories(to);
  const std::string command =
      "cd '" + to.string() + "' && tar xf '" + file.string() + "' && sha256sum --quiet -c SHA256SUMS";
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(filesOf(at).size() + 1, filesOf(to).size() + 1) << "SHA256SUMS beside the files";
}

TEST_F(PackTest, APackedStudyOfTheSameContentIsTheSameBytes) {
  fill();
  must(packStudy(at, file));
  must(packStudy(at, folder / "again.tar"));
  EXPECT_EQ(must(readFile(file)), must(readFile(folder / "again.tar")));
}

TEST_F(PackTest, JobsThatHaveNotEndedStayWithTheStudy) {
  fill();
  {
    Study study = must(Study::open(at, Study::Access::write));
    must(study.putJob(
        {.job = "j1", .request = sha256("x"), .operation = "train.lm", .state = "running", .pid = 1, .pidStart = 1}));
    must(study.putJob(
        {.job = "j2", .request = sha256("y"), .operation = "train.lm", .state = "done", .pid = 1, .pidStart = 1}));
  }
  must(packStudy(at, file));
  must(unpackStudy(file, to));
  const auto jobs = must(must(Study::open(to, Study::Access::read)).jobs());
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs.front().job, "j2");
  EXPECT_EQ(must(must(Study::open(at, Study::Access::read)).jobs()).size(), 2u);
}

TEST_F(PackTest, AReferencedModelIsNamedAndNotPacked) {
  writeText(folder / "hub" / "config.json", "{}");
  {
    Study study = must(Study::create(at));
    must(study.commit(
        requestNumbered("a"), {},
        {{.port = "model", .kind = Kind::model, .written = {}, .outside = folder / "hub", .id = sha256("m")}}));
  }
  EXPECT_EQ(must(packStudy(at, file)).referenced.front().path, folder / "hub");
  fs::remove_all(folder / "hub");
  const Packed unpacked = must(unpackStudy(file, to));
  ASSERT_EQ(unpacked.referenced.size(), 1u) << "as on a machine that does not have it";
}

TEST_F(PackTest, ADamagedStudyIsNotPacked) {
  fill();
  writeText(must(must(Study::open(at, Study::Access::read)).find("the-run")).path / "part.bin", "changed");
  const auto packed = packStudy(at, file);
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().kind, ErrorKind::input);
  EXPECT_NE(packed.error().message.find("study repair"), std::string::npos) << packed.error().message;
  EXPECT_FALSE(fs::exists(file));
}

TEST_F(PackTest, NothingIsUnpackedOverWhatIsThere) {
  fill();
  must(packStudy(at, file));
  EXPECT_EQ(unpackStudy(file, at).error().kind, ErrorKind::usage);
  writeText(to / "letter", "mine");
  EXPECT_EQ(unpackStudy(file, to).error().kind, ErrorKind::usage);
  EXPECT_EQ(must(readFile(to / "letter")), "mine");
  fs::remove(to / "letter");
  must(unpackStudy(file, to));  // an empty folder is no hindrance
}

TEST_F(PackTest, AByteThatWasFlippedOrCutOffAnywhereIsFoundAndNothingIsLeft) {
  fill();
  must(packStudy(at, file));
  const std::string whole = must(readFile(file));
  int refused = 0, harmless = 0;
  for (std::size_t offset = 0; offset < whole.size(); offset += whole.size() / 60 + 1) {
    std::string bytes = whole;
    bytes[offset] = static_cast<char>(bytes[offset] ^ 0x41);
    writeText(folder / "flipped.tar", bytes);
    const auto unpacked = unpackStudy(folder / "flipped.tar", to);
    if (unpacked) {  // padding, and what a header says of times and owners
      ++harmless;
      EXPECT_EQ(filesOf(to), filesOf(to));
      EXPECT_TRUE(must(must(Study::open(to, Study::Access::read)).check()).empty());
      fs::remove_all(to);
      continue;
    }
    ++refused;
    EXPECT_EQ(unpacked.error().kind, ErrorKind::input) << unpacked.error().message;
    EXPECT_FALSE(fs::exists(to));
  }
  EXPECT_GT(refused, harmless);
  for (std::size_t left = 0; left < whole.size() - 1024; left += whole.size() / 40 + 1) {
    writeText(folder / "cut.tar", whole.substr(0, left));
    const auto unpacked = unpackStudy(folder / "cut.tar", to);
    ASSERT_FALSE(unpacked) << left;
    EXPECT_EQ(unpacked.error().kind, ErrorKind::input) << unpacked.error().message;
    EXPECT_FALSE(unpacked.error().file.empty());
  }
  for (const auto& entry : fs::directory_iterator(folder.path()))
    EXPECT_EQ(entry.path().filename().string().find("unpacking"), std::string::npos) << entry.path();
}

// An archive with one file of that name in it, written with our own writer: what it would not write for a study.
void archiveOf(const fs::path& file, const std::vector<std::string>& names) {
  ArchiveWriter archive = must(ArchiveWriter::create(file));
  for (const std::string& name : names) must(archive.addText(name, "x"));
  must(archive.finish());
}

TEST_F(PackTest, NamesThatLeadOutOfTheFolderAreRefusedBeforeAnythingIsWritten) {
  for (const std::string& name :
       {std::string("../escaped"), std::string("/tmp/moescope-escaped"), std::string("arrays/../../escaped"),
        std::string("arrays//x"), std::string("./arrays/x"), std::string("arrays/x/.."), std::string("other/x"),
        std::string("lock"), std::string("jobs/x/order.json"), std::string("arrays/") + std::string(300, 'x'),
        std::string("arrays/") + std::string(5000, 'x'), std::string("study.sqlite-wal")}) {
    archiveOf(file, {name});
    const auto unpacked = unpackStudy(file, to);
    ASSERT_FALSE(unpacked) << name;
    EXPECT_EQ(unpacked.error().kind, ErrorKind::input) << unpacked.error().message;
    EXPECT_FALSE(fs::exists(folder / "escaped"));
    EXPECT_FALSE(fs::exists(to));
  }
  archiveOf(file, {"arrays/x", "arrays/x", "SHA256SUMS"});
  EXPECT_NE(unpackStudy(file, to).error().message.find("twice"), std::string::npos);
  archiveOf(file, {"SHA256SUMS", "arrays/x"});
  EXPECT_NE(unpackStudy(file, to).error().message.find("after its sums"), std::string::npos);
}

TEST_F(PackTest, LinksAndDevicesInAnArchiveAreRefused) {
  fs::create_directories(folder / "tree" / "arrays");
  fs::create_symlink("/etc/passwd", folder / "tree" / "arrays" / "x");
  ASSERT_EQ(std::system(("tar cf '" + file.string() + "' -C '" + (folder / "tree").string() + "' arrays").c_str()), 0);
  const auto unpacked = unpackStudy(file, to);
  ASSERT_FALSE(unpacked);
  EXPECT_NE(unpacked.error().message.find("link"), std::string::npos) << unpacked.error().message;
}

TEST_F(PackTest, FilesOfMoreThanEightGibibytesAreWrittenAndFoundAgain) {
  // Sparse, and only its header and what follows are looked at here.
  const fs::path large = folder / "large";
  writeText(large, "");
  std::error_code code;
  fs::resize_file(large, 9ull << 30, code);
  if (code || fs::space(folder.path()).available < 30ull << 30) GTEST_SKIP() << "no room for a sparse file of 9 GiB";
  // The header alone, by hand from the writer's own: a name, a size and the sum.
  ArchiveWriter archive = must(ArchiveWriter::create(file));
  must(archive.addText("arrays/a", "small"));
  must(archive.finish());
  std::string bytes = must(readFile(file));
  std::string size(12, '\0');
  size[0] = static_cast<char>(0x80);
  for (int at = 0; at < 8; ++at) size[11 - at] = static_cast<char>((9ull << 30) >> (8 * at) & 0xff);
  bytes.replace(124, 12, size);
  unsigned sum = 0;
  for (int at = 0; at < 512; ++at) sum += at >= 148 && at < 156 ? ' ' : static_cast<unsigned char>(bytes[at]);
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  bytes.replace(148, 8, std::string(text, 6) + std::string("\0 ", 2));
  writeText(file, bytes.substr(0, 512));
  fs::resize_file(file, 512 + (9ull << 30) + 1024);
  ArchiveReader reader = must(ArchiveReader::open(file));
  EXPECT_EQ(must(reader.next())->bytes, 9ull << 30);
  EXPECT_FALSE(must(reader.next()));
}

TEST_F(PackTest, APackOrAnUnpackThatIsKilledLeavesNothingInTheWay) {
  fill();
  must(packStudy(at, file));
  for (int round = 0; round < 6; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      (void)unpackStudy(file, to);
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(500 + 1500 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const bool done = fs::exists(to);
    EXPECT_TRUE(!done || must(must(Study::open(to, Study::Access::read)).check()).empty());
    fs::remove_all(to);
  }
  must(unpackStudy(file, to));
  for (const auto& entry : fs::directory_iterator(folder.path()))
    EXPECT_EQ(entry.path().filename().string().find("unpacking"), std::string::npos) << entry.path();
}

}  // namespace
}  // namespace moescope
