// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/checked.h"
#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/base/json_reading.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

TEST(Digest, AgreesWithThePublishedVectorsOfSha256) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, OfAFolderDependsOnNamesAndBytesOnly) {
  const fs::path folder = fs::temp_directory_path() / ("moescope_digest_" + std::to_string(::getpid()));
  auto make = [&](const char* name, const char* second) {
    fs::create_directories(folder / name / "deep");
    EXPECT_TRUE(writeFileSafely(folder / name / "a.txt", "one"));
    EXPECT_TRUE(writeFileSafely(folder / name / "deep/b.txt", second));
    return *contentDigest(folder / name);
  };
  const std::string first = make("x", "two");
  EXPECT_EQ(first, make("y", "two"));
  EXPECT_NE(first, make("z", "three"));
  EXPECT_EQ(first, sha256("a.txt " + sha256("one") + "\ndeep/b.txt " + sha256("two") + "\n"));
  EXPECT_TRUE(writeFileSafely(folder / "x" / "timing.h5", "clock"));
  EXPECT_TRUE(writeFileSafely(folder / "x" / "moescope.json", "{}"));
  EXPECT_EQ(first, *contentDigest(folder / "x"));
  fs::remove_all(folder);
}

TEST(Json, IsCanonical) {
  EXPECT_EQ(canonical(*parseJson(R"({"b":1,"a":[0.1,1e-3,true,null]})")), R"({"a":[0.1,0.001,true,null],"b":1})");
  const Json reals{std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 0.1 + 0.2};
  EXPECT_EQ(canonical(reals), R"([null,"inf","-inf",0.30000000000000004])");
  EXPECT_TRUE(std::isinf(realFromJson(Json("inf"))));
  EXPECT_TRUE(std::isnan(realFromJson(Json("word"))));
}

TEST(Json, NamesFileAndOffsetOfWhatIsWrong) {
  const auto broken = parseJson("{\"a\": 1,, }", "x.json");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::input);
  EXPECT_EQ(broken.error().file, "x.json");
  EXPECT_EQ(broken.error().offset, 9u);
  EXPECT_FALSE(parseJson(std::string(100000, '[')));
  EXPECT_FALSE(parseJson("\"\xff\xfe\""));
  EXPECT_FALSE(parseJson(""));
}

TEST(Checked, RefusesWhatDoesNotFit) {
  EXPECT_EQ(checkedAdd<std::uint64_t>(1, 2), 3u);
  EXPECT_FALSE(checkedAdd<std::uint64_t>(~0ull, 1));
  EXPECT_FALSE(checkedMultiply<std::uint64_t>(1ull << 40, 1ull << 40));
  const std::vector<std::int64_t> negative{3, -1};
  EXPECT_FALSE(checkedProduct<std::int64_t>(negative));
  EXPECT_FALSE((checkedCast<std::uint8_t, int>(300)));
}

TEST(Errors, KeepTheContractsNumbersAndSurviveJson) {
  EXPECT_EQ(exitCode(ErrorKind::usage), 2);
  EXPECT_EQ(exitCode(ErrorKind::input), 3);
  EXPECT_EQ(exitCode(ErrorKind::environment), 4);
  EXPECT_EQ(exitCode(ErrorKind::cancelled), 5);
  EXPECT_EQ(exitCode(ErrorKind::bug), 70);
  const Error back = errorFromJson(toJson(inputError("broken", "f", 12)));
  EXPECT_EQ(back.kind, ErrorKind::input);
  EXPECT_EQ(back.file, "f");
  EXPECT_EQ(back.offset, 12u);
  EXPECT_EQ(errorFromJson(Json("nonsense")).kind, ErrorKind::bug);
}

TEST(Files, AreWrittenWholeOrNotAtAll) {
  const fs::path path = fs::temp_directory_path() / ("moescope_file_" + std::to_string(::getpid()));
  ASSERT_TRUE(writeFileSafely(path, "first"));
  ASSERT_TRUE(writeFileSafely(path, "second"));
  EXPECT_EQ(*readFile(path), "second");
  const auto full = writeFileSafely("/dev/full/none", "x");
  ASSERT_FALSE(full);
  const auto missing = readFile(path.string() + ".none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::input);
  EXPECT_FALSE(readFile(path, 3));
  EXPECT_FALSE(readFile(fs::temp_directory_path()));
  fs::remove(path);
}

TEST(Files, SayWhereATruncatedOneEnds) {
  const fs::path path = fs::temp_directory_path() / ("moescope_short_" + std::to_string(::getpid()));
  ASSERT_TRUE(writeFileSafely(path, "0123456789"));
  auto file = InputFile::open(path);
  ASSERT_TRUE(file);
  std::vector<std::byte> into(8);
  EXPECT_TRUE(file->read(2, into));
  const auto beyond = file->read(5, into);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().offset, 10u);
  fs::remove(path);
}

}  // namespace
}  // namespace moescope
