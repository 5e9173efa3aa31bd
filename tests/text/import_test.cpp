// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/text/corpus.h"
#include "core/text/operations.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

class ImportTest : public testing::Test {
 protected:
  fs::path folder = fs::path(testing::TempDir()) /
                    ("import_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
  fs::path source = folder / "source";
  int jobs = 0;

  void SetUp() override { fs::remove_all(folder), fs::create_directories(source); }
  void TearDown() override { fs::remove_all(folder); }

  void put(const std::string& name, std::string_view bytes) {
    fs::create_directories((source / name).parent_path());
    ASSERT_TRUE(writeFileSafely(source / name, bytes));
  }
  void putGzip(const std::string& name, std::string_view bytes) {
    fs::create_directories((source / name).parent_path());
    gzFile file = gzopen((source / name).c_str(), "ab");  // a second call adds a second member
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
  }
  Expected<Corpus> import(const Json& set, const Operation& operation = corpusImport) {
    auto parameters = checkParameters(operation.describe().parameters, set);
    if (!parameters) return parameters.error();
    if (auto cost = operation.estimate({}, *parameters); !cost) return cost.error();
    QuietJob job(folder / ("job" + std::to_string(++jobs)));
    TRY(outputs, operation.run({}, *parameters, job));
    EXPECT_EQ(outputs.size(), 1u);
    return Corpus::open(place());
  }
  fs::path place() const { return folder / ("job" + std::to_string(jobs)) / "corpus"; }
  Expected<Corpus> importSource() { return import({{"path", source.string()}}); }
  static std::map<std::string, std::string> texts(const Corpus& corpus) {
    std::map<std::string, std::string> all;
    for (std::size_t at = 0; at < corpus.documents().size(); ++at) all[corpus.documents()[at].name] = *corpus.text(at);
    return all;
  }
  void refused(const Expected<Corpus>& corpus, ErrorKind kind, const std::string& says) {
    ASSERT_FALSE(corpus);
    EXPECT_EQ(name(corpus.error().kind), name(kind)) << corpus.error().message;
    EXPECT_NE(corpus.error().message.find(says), std::string::npos) << corpus.error().message;
  }
};

TEST_F(ImportTest, SubfoldersAreDomainsAndFilesDocuments) {
  put("german/b.txt", "zwei\n");
  put("german/nested/deep/a.txt", "eins\n");
  put("code/x.c", "int x;\n");
  auto corpus = importSource();
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus->domains(), (std::vector<std::string>{"code", "german"}));
  EXPECT_EQ(texts(*corpus),
            (std::map<std::string, std::string>{
                {"code/x.c", "int x;\n"}, {"german/b.txt", "zwei\n"}, {"german/nested/deep/a.txt", "eins\n"}}));
  EXPECT_EQ(corpus->documents()[0].domain, 0);
}

TEST_F(ImportTest, AFolderWithoutSubfoldersIsOneDomain) {
  put("a.txt", "one");
  put("b.txt", "two");
  auto corpus = importSource();
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus->domains(), std::vector<std::string>{"source"});
  EXPECT_EQ(corpus->documents().size(), 2u);
}

TEST_F(ImportTest, OtherEncodingsAreConvertedAndSaid) {
  put("d/latin", "caf\xe9");
  put("d/utf16", std::string("\xff\xfe\xac\x20", 4));
  put("d/mark", "\xef\xbb\xbftext");
  auto corpus = importSource();
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(texts(*corpus),
            (std::map<std::string, std::string>{{"d/latin", "café"}, {"d/utf16", "€"}, {"d/mark", "text"}}));
  EXPECT_EQ(corpus->facts().at("encodings"), (Json{{"ISO-8859-1", 1}, {"UTF-16LE", 1}, {"UTF-8", 1}}));
  EXPECT_EQ(corpus->facts().at("converted"), (Json{"d/latin (ISO-8859-1)", "d/utf16 (UTF-16LE)"}));
  EXPECT_EQ(corpus->facts().at("warnings").size(), 2u);
}

TEST_F(ImportTest, BinaryEmptyHiddenAndLinkedFilesAreLeftOutAndCounted) {
  put("d/text", "kept");
  put("d/binary", std::string("\x7f"
                              "ELF\0\0",
                              6));
  put("d/empty", "");
  put("d/only_a_mark", "\xef\xbb\xbf");
  put("d/.hidden", "x");
  put("loose", "x");
  ASSERT_TRUE(writeFileSafely(folder / "outside", "secret"));
  fs::create_symlink(folder / "outside", source / "d/leaves");
  fs::create_directory_symlink("/", source / "root");
  fs::create_symlink("text", source / "d/alias");
  fs::create_symlink("nowhere", source / "d/broken");
  ASSERT_EQ(mkfifo((source / "d/pipe").c_str(), 0600), 0);
  auto corpus = importSource();
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(texts(*corpus), (std::map<std::string, std::string>{{"d/text", "kept"}}));
  EXPECT_EQ(corpus->facts().at("skipped"), (Json{{"binary", 1},
                                                 {"empty", 2},
                                                 {"hidden", 1},
                                                 {"files outside domains", 1},
                                                 {"links that leave the folder", 2},
                                                 {"links inside the folder", 1},
                                                 {"broken links", 1},
                                                 {"special files", 1}}));
}

TEST_F(ImportTest, GzipIsReadThroughAlsoInSeveralMembers) {
  std::string large;
  for (int line = 0; large.size() < (3u << 20); ++line) large += "Größe " + std::to_string(line) + "\n";
  putGzip("man/page.1.gz", large);
  putGzip("man/page.1.gz", "second member\n");
  auto corpus = importSource();
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(texts(*corpus), (std::map<std::string, std::string>{{"man/page.1", large + "second member\n"}}));
  EXPECT_EQ(corpus->facts().at("compressed"), 1);
  fs::resize_file(source / "man/page.1.gz", 1000);
  auto damaged = importSource();
  refused(damaged, ErrorKind::input, "page.1.gz is damaged gzip at byte 1000");
  EXPECT_EQ(damaged.error().offset, 1000u);
}

TEST_F(ImportTest, LargeDocumentsArriveInPiecesWithoutPartedCharacters) {
  std::string large;
  while (large.size() < (2u << 20) + 5) large += "€";
  put("d/large", large);
  put("d/latin", std::string((1u << 20) + 1, '\xe9'));
  auto corpus = importSource();
  ASSERT_TRUE(corpus) << corpus.error().message;
  const auto all = texts(*corpus);
  EXPECT_EQ(all.at("d/large"), large);
  EXPECT_EQ(all.at("d/latin").size(), (2u << 20) + 2);
  EXPECT_EQ(corpus->facts().at("replaced"), 0);
}

TEST_F(ImportTest, TheLimitIsByDomainAndCutsAtCharacters) {
  put("a/1", "12345678");
  put("a/2", "€€€");
  put("a/3", "more");
  put("b/1", "short");
  auto corpus = import({{"path", source.string()}, {"limit", 12}});
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(texts(*corpus),
            (std::map<std::string, std::string>{{"a/1", "12345678"}, {"a/2", "€"}, {"a/3", "m"}, {"b/1", "short"}}));
  EXPECT_EQ(corpus->facts().at("cut"), Json{"a"});
}

TEST_F(ImportTest, EqualInputGivesEqualBytesAndTheSeedAnotherSplit) {
  for (int number = 0; number < 30; ++number) put("d/" + std::to_string(number), "text " + std::to_string(number));
  ASSERT_TRUE(importSource());
  const std::string first = *contentDigest(place());
  ASSERT_TRUE(importSource());
  EXPECT_EQ(*contentDigest(place()), first);
  ASSERT_TRUE(import({{"path", source.string()}, {"seed", 1}}));
  EXPECT_NE(*contentDigest(place()), first);
}

TEST_F(ImportTest, MissingEmptyAndBinaryOnlyFoldersAreInputErrors) {
  refused(import({{"path", (folder / "nowhere").string()}}), ErrorKind::input, "is not there");
  refused(importSource(), ErrorKind::input, "holds no text");
  put("d/binary", std::string("\0\1\2", 3));
  put("d/empty", "");
  refused(importSource(), ErrorKind::input, "1 binary, 1 empty");
  refused(import({{"path", (source / "d/binary").string()}}), ErrorKind::input, "is a file");
}

TEST_F(ImportTest, UnreadableFilesAndFoldersAreInputErrorsThatNameThem) {
  put("d/text", "readable");
  put("d/locked", "x");
  fs::permissions(source / "d/locked", fs::perms::none);
  for (fs::path path = folder; path != path.root_path() && path != "/tmp"; path = path.parent_path())
    fs::permissions(path, fs::perms(0755));
  fs::permissions(folder, fs::perms(0777));
  const bool root = geteuid() == 0;
  if (root) {
    ASSERT_EQ(seteuid(65534), 0);
  }  // root may read everything
  const auto file = importSource();
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  fs::permissions(source / "d/locked", fs::perms(0644));
  fs::permissions(source / "d", fs::perms::none);
  if (root) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  const auto directory = importSource();
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  fs::permissions(source / "d", fs::perms(0755));
  refused(file, ErrorKind::input, "locked");
  refused(directory, ErrorKind::input, "source/d");
}

TEST_F(ImportTest, ExactlyOneSourceIsTaken) {
  refused(import(Json::object()), ErrorKind::usage, "needs one of path");
  refused(import({{"path", source.string()}, {"text", "x"}}), ErrorKind::usage, "not several");
}

TEST_F(ImportTest, ATextIsOneDocument) {
  auto corpus = import({{"text", "Hallo Welt"}});
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus->domains(), std::vector<std::string>{"text"});
  EXPECT_EQ(texts(*corpus), (std::map<std::string, std::string>{{"text", "Hallo Welt"}}));
}

TEST_F(ImportTest, IdsAreTakenAsGiven) {
  put("ids.jsonl",
      "{\"domain\":\"x\",\"ids\":[1,2,3]}\n\n{\"domain\":\"y\",\"ids\":[],\"other\":1}\r\n{\"domain\":\"x\",\"ids\":["
      "50256],\"name\":\"last\"}");
  const std::string lines = *readFile(source / "ids.jsonl");
  for (const std::string& given : {(source / "ids.jsonl").string(), lines}) {
    auto corpus = import({{"ids", given}});
    ASSERT_TRUE(corpus) << corpus.error().message;
    EXPECT_EQ(corpus->domains(), std::vector<std::string>{"x"});
    ASSERT_EQ(corpus->documents().size(), 2u);
    EXPECT_EQ(*corpus->ids(0), (std::vector<std::int32_t>{1, 2, 3}));
    EXPECT_EQ(*corpus->ids(1), (std::vector<std::int32_t>{50256}));
    EXPECT_EQ(corpus->documents()[0].name, "x/1");
    EXPECT_EQ(corpus->documents()[1].name, "last");
    EXPECT_EQ(corpus->vocabularySize(), 50257);
    EXPECT_EQ(corpus->facts().at("skipped").at("empty"), 1);
  }
}

TEST_F(ImportTest, BadIdsAreInputErrorsWithLineAndByte) {
  const std::string good = "{\"domain\":\"x\",\"ids\":[1]}\n";  // 25 bytes
  const std::vector<std::pair<std::string, std::string>> bad{{"{\"domain\":\"x\",\"ids\":[1,-2]}", "-2 at index 1"},
                                                             {"{\"domain\":\"x\",\"ids\":[1.5]}", "1.5 at index 0"},
                                                             {"{\"domain\":\"x\",\"ids\":[\"1\"]}", "\"1\" at index 0"},
                                                             {"{\"domain\":\"x\",\"ids\":[2147483648]}", "2147483648"},
                                                             {"{\"domain\":\"x\",\"ids\":[null]}", "null"},
                                                             {"{\"domain\":\"x\",\"ids\":7}", "not a list"},
                                                             {"{\"ids\":[1]}", "no \"domain\""},
                                                             {"{\"domain\":\"\",\"ids\":[1]}", "no \"domain\""},
                                                             {"[1,2]", "no \"domain\""}};
  for (const auto& [line, says] : bad) {
    put("ids.jsonl", good + line + "\n" + good);
    auto corpus = import({{"ids", (source / "ids.jsonl").string()}});
    refused(corpus, ErrorKind::input, says);
    EXPECT_NE(corpus.error().message.find("ids.jsonl line 2, byte 25:"), std::string::npos) << corpus.error().message;
    EXPECT_EQ(corpus.error().offset, 25u);
    EXPECT_EQ(corpus.error().file, (source / "ids.jsonl").string());
  }
  put("ids.jsonl", good + "{\"domain\":\"x\",\"ids\":[1,}\n");
  auto corpus = import({{"ids", (source / "ids.jsonl").string()}});
  refused(corpus, ErrorKind::input, "line 2");
  EXPECT_EQ(corpus.error().offset, 25u + 24u) << corpus.error().message;
  put("ids.jsonl", "\n\n");
  refused(import({{"ids", (source / "ids.jsonl").string()}}), ErrorKind::input, "holds no document");
  refused(import({{"ids", (source / "nowhere").string()}}), ErrorKind::input, "nowhere");
}

TEST_F(ImportTest, CancellingStopsTheImport) {
  put("d/text", "x");
  auto parameters = checkParameters(corpusImport.describe().parameters, {{"path", source.string()}});
  QuietJob job(folder / "job");
  job.stop = true;
  auto outputs = corpusImport.run({}, *parameters, job);
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace moescope
