// SPDX-License-Identifier: GPL-3.0-or-later
// Results on disk: what is written reads back, and what is foreign is refused by name.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/file.h"
#include "core/result/result.h"
#include "core/study/hdf5.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

class ResultFile : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
  fs::path at(const char* name) const { return folder / name; }
  const fs::path folder = fs::temp_directory_path() / ("moescope_result_" + std::to_string(::getpid()));
};

Result everyKind() {
  Result result{.axes = {{"layer", {"0 (block 1)", "1 (block 3)"}}, {"expert", {"0", "1", "ü"}}, {"none", {}}}};
  Array& load = result.add("utilisation", "x fair share", {"layer", "expert"}, {1, 0.1, nan, inf, -inf, -0.0});
  load.baseline = {1, 1, 1, 1, 1, 1};
  load.low = {0, 0, 0, 0, 0, 0};
  load.high = {2, 2, 2, 2, 2, nan};
  load.help = "n / (N k / E)";
  result.addWhole("count", "assignments", {"layer", "expert"}, {9007199254740992.0, 0, -1, 3, 4, 5});
  result.add("total", "tokens", {}, {7});
  result.add("nothing", "", {"none"}, {});
  result.add("tensors", Table{{{"shape", "", std::vector<std::string>{"[2, 3]", ""}},
                               {"size", "bytes", std::vector<double>{24, nan}}}});
  result.add("empty", Table{});
  result.add("tree", Tree{{"a", "b", "c"}, {{0, 1, 0.5}, {3, 2, 1.5}}});
  result.add("graph", Graph{{"x", "y"}, {{0, 1, 2.5}}});
  result.add("points", Points{"nats", "s", {1, 2}, {3, nan}, {"p", "q"}, {0, 1}});
  result.add("text", TokenText{.layers = 1,
                               .k = 2,
                               .text = {std::string("\0a", 2), "\xD0", ""},
                               .id = {1, 2, 3},
                               .expert = {0, 1, 2, -1, 0, 0},
                               .weight = {0.5f, 0.5f, 1, 0, 1, 0},
                               .loss = {1, 2, 3},
                               .position = {0, 1, 2}});
  result.figures = {
      heatMap("load", "utilisation").over({"layer", "expert"}).scale("log2 around 1").greyWithinBaseline(),
      lines("metrics", {"total"}).floor("baseline").titled("Words")};
  result.facts = {{"tokens", 98304}, {"source", "text"}};
  return result;
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(a, b, [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

TEST_F(ResultFile, EveryKindOfValueReadsBack) {
  const Result wrote = everyKind();
  ASSERT_TRUE(writeResult(wrote, at("r.h5")));
  const auto read = readResult(at("r.h5"));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->axes.size(), 3u);
  EXPECT_EQ(read->axes[1].name, "expert") << "axes keep their order";
  EXPECT_EQ(read->axes[1].labels, wrote.axes[1].labels);
  ASSERT_EQ(read->values.size(), wrote.values.size());
  for (std::size_t i = 0; i < wrote.values.size(); ++i) {
    EXPECT_EQ(read->values[i].name, wrote.values[i].name);
    EXPECT_EQ(read->values[i].kind(), wrote.values[i].kind());
  }
  for (const char* name : {"utilisation", "count", "total", "nothing"}) {
    const Array &a = *read->array(name), &b = *wrote.array(name);
    EXPECT_TRUE(same(a.values, b.values) && same(a.baseline, b.baseline) && same(a.low, b.low) && same(a.high, b.high))
        << name;
    EXPECT_EQ(a.axes, b.axes);
    EXPECT_EQ(a.unit, b.unit);
    EXPECT_EQ(a.whole, b.whole);
    EXPECT_EQ(a.help, b.help);
  }
  const Table& table = std::get<Table>(read->find("tensors")->content);
  EXPECT_EQ(table.columns[0].name, "shape");
  EXPECT_EQ(std::get<0>(table.columns[1].cells)[0], 24);
  EXPECT_EQ(std::get<1>(table.columns[0].cells), (std::vector<std::string>{"[2, 3]", ""}));
  EXPECT_TRUE(std::get<Table>(read->find("empty")->content).columns.empty());
  const Tree& tree = std::get<Tree>(read->find("tree")->content);
  EXPECT_EQ(tree.merges[1].left, 3);
  EXPECT_EQ(tree.merges[1].height, 1.5);
  EXPECT_EQ(std::get<Graph>(read->find("graph")->content).edges[0].weight, 2.5);
  EXPECT_EQ(std::get<Points>(read->find("points")->content).labels[1], "q");
  EXPECT_EQ(std::get<Points>(read->find("points")->content).xUnit, "nats");
  const TokenText &text = std::get<TokenText>(read->find("text")->content),
                  &original = std::get<TokenText>(wrote.find("text")->content);
  EXPECT_EQ(text.text, original.text) << "zero bytes, half characters and empty tokens";
  EXPECT_EQ(text.expert, original.expert);
  EXPECT_EQ(text.weight, original.weight);
  EXPECT_EQ(text.loss, original.loss);
  EXPECT_EQ(text.position, original.position);
  ASSERT_EQ(read->figures.size(), 2u);
  EXPECT_EQ(toJson(read->figures[0]), toJson(wrote.figures[0]));
  EXPECT_EQ(toJson(read->figures[1]), toJson(wrote.figures[1]));
  EXPECT_EQ(read->facts, wrote.facts);
}

TEST_F(ResultFile, EqualResultsAreEqualBytes) {
  ASSERT_TRUE(writeResult(everyKind(), at("a.h5")));
  ::usleep(1'100'000);  // an object time would tick over
  ASSERT_TRUE(writeResult(everyKind(), at("b.h5")));
  EXPECT_EQ(*readFile(at("a.h5")), *readFile(at("b.h5")));
  ASSERT_TRUE(writeResult(*readResult(at("a.h5")), at("c.h5")));
  EXPECT_EQ(*readFile(at("a.h5")), *readFile(at("c.h5"))) << "reading and writing again changes nothing";
}

TEST_F(ResultFile, TruncatedAnywhereIsAnErrorThatNamesTheFile) {
  ASSERT_TRUE(writeResult(everyKind(), at("r.h5")));
  const std::string whole = *readFile(at("r.h5"));
  for (std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
    std::ofstream(at("t.h5"), std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    const auto read = readResult(at("t.h5"));
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().kind, ErrorKind::input);
    EXPECT_NE(read.error().message.find("t.h5"), std::string::npos) << read.error().message;
  }
}

// The HDF5 library follows the references of its strings blindly, so a damaged one may end the process that reads it;
// that is why files of others are read by a worker first (contract section 7). Here each read is a process: none may
// hang, and none may take what it read for sound when it is not.
TEST_F(ResultFile, DamagedBytesAreRefusedOrHarmless) {
  ASSERT_TRUE(writeResult(everyKind(), at("r.h5")));
  const std::string whole = *readFile(at("r.h5"));
  enum { refused = 0, sound = 1, unsound = 2 };
  int refusals = 0;
  for (std::size_t place = 0; place < whole.size(); place += 97) {
    std::string damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ 0xFF);
    std::ofstream(at("d.h5"), std::ios::binary | std::ios::trunc) << damaged;
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(10);
      const auto read = readResult(at("d.h5"));
      ::_exit(!read ? refused : checkResult(*read) ? sound : unsound);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_FALSE(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) << "hangs when byte " << place << " is damaged";
    if (!WIFEXITED(status)) continue;
    EXPECT_NE(WEXITSTATUS(status), unsound) << "byte " << place;
    if (WEXITSTATUS(status) == refused) ++refusals;
  }
  EXPECT_GT(refusals, 0);
}

void expectRefused(const fs::path& path, const char* says) {
  const auto read = readResult(path);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::input);
  EXPECT_NE(read.error().message.find(says), std::string::npos) << read.error().message;
  EXPECT_NE(read.error().message.find(path.filename().string()), std::string::npos) << read.error().message;
}

TEST_F(ResultFile, ForeignFilesWithWrongShapesAreRefused) {
  const auto write = [&](const char* name, auto&& fill) {
    auto file = *hdf5::File::create(at(name));
    EXPECT_TRUE(file.writeStrings("/axes/layer", std::vector<std::string>{"0", "1"}));
    fill(file);
    EXPECT_TRUE(file.close());
  };
  const std::vector<double> three{1, 2, 3};
  write("extent.h5", [&](hdf5::File& file) {
    EXPECT_TRUE(file.write<double>("/values/cv", three, {3}));
    EXPECT_TRUE(file.setAttribute("/values/cv", "axes", std::string("layer")));
  });
  expectRefused(at("extent.h5"), "extents [3] where its axes say [2]");
  write("axis.h5", [&](hdf5::File& file) {
    EXPECT_TRUE(file.write<double>("/values/cv", three, {3}));
    EXPECT_TRUE(file.setAttribute("/values/cv", "axes", std::string("head")));
  });
  expectRefused(at("axis.h5"), "\"head\"");
  write("attribute.h5", [&](hdf5::File& file) {
    EXPECT_TRUE(file.write<double>("/values/cv", three, {3}));
    EXPECT_TRUE(file.setAttribute("/values/cv", "axes", std::int64_t{3}));
  });
  expectRefused(at("attribute.h5"), "axes");
  write("kind.h5", [&](hdf5::File& file) {
    EXPECT_TRUE(file.write<double>("/values/cv", three, {3}));
    EXPECT_TRUE(file.setAttribute("/values/cv", "kind", std::string("pie")));
  });
  expectRefused(at("kind.h5"), "unknown kind \"pie\"");
  write("interval.h5", [&](hdf5::File& file) {
    EXPECT_TRUE(file.write<double>("/values/cv", std::vector<double>{1, 2}, {2}));
    EXPECT_TRUE(file.write<double>("/values/cv.low", three, {3}));
    EXPECT_TRUE(file.setAttribute("/values/cv", "axes", std::string("layer")));
  });
  expectRefused(at("interval.h5"), "cv.low");
  write("tree.h5", [&](hdf5::File& file) {
    EXPECT_TRUE(file.writeStrings("/values/t/leaves", std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(file.write<std::int64_t>("/values/t/left", std::vector<std::int64_t>{0}, {1}));
    EXPECT_TRUE(file.write<std::int64_t>("/values/t/right", std::vector<std::int64_t>{77}, {1}));
    EXPECT_TRUE(file.write<double>("/values/t/height", std::vector<double>{1}, {1}));
    EXPECT_TRUE(file.setAttribute("/values/t", "kind", std::string("tree")));
  });
  expectRefused(at("tree.h5"), "77");
  write("text.h5", [&](hdf5::File& file) {
    EXPECT_TRUE(file.write<std::uint8_t>("/values/x/bytes", std::vector<std::uint8_t>{65}, {1}));
    EXPECT_TRUE(file.write<std::int64_t>("/values/x/offset", std::vector<std::int64_t>{0, 1LL << 60, 1}, {3}));
    EXPECT_TRUE(file.setAttribute("/values/x", "kind", std::string("token text")));
  });
  expectRefused(at("text.h5"), "offset");
  write("figures.h5", [&](hdf5::File& file) {
    EXPECT_TRUE(file.writeStrings("/figures", std::vector<std::string>{"[{\"name\":3}]"}));
  });
  EXPECT_FALSE(readResult(at("figures.h5")));
}

TEST_F(ResultFile, HugeExtentsAreRefusedWithoutMemory) {
  // 2^40 declared rows, none of them stored: a few kilobytes that claim terabytes.
  auto file = *hdf5::File::create(at("huge.h5"));
  ASSERT_TRUE(file.makeGrowing("/values/x/bytes", hdf5::Type::uint8, {1ull << 20}, 1));
  ASSERT_TRUE(file.setAttribute("/values/x", "kind", std::string("token text")));
  ASSERT_TRUE(file.close());
  EXPECT_FALSE(readResult(at("huge.h5")));
}

TEST_F(ResultFile, WhatIsNoFileIsSaid) {
  EXPECT_EQ(readResult(at("missing.h5")).error().kind, ErrorKind::input);
  std::ofstream(at("words.h5")) << "these are words";
  EXPECT_EQ(readResult(at("words.h5")).error().kind, ErrorKind::input);
}

TEST(CheckResult, CatchesOurOwnMistakes) {
  const auto fails = [](Result result) {
    return !checkResult(result) && checkResult(result).error().kind == ErrorKind::bug;
  };
  Result base{.axes = {{"layer", {"0", "1"}}}};
  Result wrong = base;
  wrong.add("cv", "", {"layer"}, {1});
  EXPECT_TRUE(fails(wrong)) << "one number for two layers";
  wrong = base;
  wrong.add("cv", "", {"expert"}, {1, 2});
  EXPECT_TRUE(fails(wrong)) << "an axis that is not there";
  wrong = base;
  wrong.add("cv", "", {"layer"}, {1, 2}).baseline = {1};
  EXPECT_TRUE(fails(wrong)) << "a short baseline";
  wrong = base;
  wrong.add("cv", "", {"layer"}, {1, 2}).low = {1, 2};
  EXPECT_TRUE(fails(wrong)) << "half an interval";
  wrong = base;
  wrong.addWhole("n", "", {"layer"}, {1, 2.5});
  EXPECT_TRUE(fails(wrong)) << "a whole number that is not";
  wrong = base;
  wrong.add("a/b", "", {"layer"}, {1, 2});
  EXPECT_TRUE(fails(wrong)) << "a name that is a path";
  wrong = base;
  wrong.add("n", "", {"layer"}, {1, 2});
  wrong.add("n", "", {"layer"}, {1, 2});
  EXPECT_TRUE(fails(wrong)) << "a name twice";
}

TEST(Figures, ReadBackFromJson) {
  const Figure figure =
      sortedBars("layer", "utilisation").over({"expert"}).at("layer").line(1, "fair share").titled("Experts");
  EXPECT_EQ(toJson(*figureFromJson(toJson(figure))), toJson(figure));
  EXPECT_FALSE(figureFromJson(Json::parse(R"({"name":"a","mark":"lines","values":[1]})")));
  EXPECT_FALSE(figureFromJson(Json::parse(R"({"name":"a","mark":"lines","values":[]})")));
  EXPECT_FALSE(figureFromJson(Json::parse(R"({"name":"a","mark":"lines","values":["x"],"options":[]})")));
  EXPECT_FALSE(figureFromJson(Json::parse("[]")));
}

}  // namespace
}  // namespace moescope
