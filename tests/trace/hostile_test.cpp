// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <map>

#include "core/base/file.h"
#include "core/study/hdf5.h"
#include "tests/trace/made_trace.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;
using hdf5::File;

// A segment written part by part, so that a test can replace or leave out any of them. 6 tokens, one layer, 4 experts,
// k 2.
class Raw {
 public:
  Raw() {
    numbers<std::int32_t>("/tokens/id", {1, 2, 3, 4, 5, 6});
    numbers<std::int32_t>("/tokens/next", {2, 3, -1, 5, 6, -1});
    numbers<std::uint16_t>("/tokens/domain", {0, 0, 0, 1, 1, 1});
    numbers<std::uint32_t>("/tokens/document", {0, 0, 0, 1, 1, 1});
    numbers<std::uint32_t>("/tokens/position", {0, 1, 2, 0, 1, 2});
    numbers<std::uint8_t>("/tokens/class", {2, 0, 0, 2, 0, 0});
    numbers<std::uint8_t>("/layers/00/expert", {0, 1, 1, 2, 2, 3, 3, 0, 0, 2, 1, 255}, {6, 2});
    numbers<float>("/layers/00/weight", std::vector<float>(12, 0.5f), {6, 2});
    strings("/domains", {"a", "b"});
    strings("/documents", {"a/1", "b/1"});
    numbers<std::int32_t>("/vocabulary/id", {1, 2});
    numbers<std::uint64_t>("/vocabulary/offset", {0, 1, 3});
    numbers<std::uint8_t>("/vocabulary/bytes", {'x', 'y', 'z'});
    for (const auto& [name, value] : std::map<std::string, std::int64_t>{
             {"moescope_trace", 1}, {"num_layers", 1}, {"length", 3}, {"first_token", 0}, {"complete", 1}})
      attribute("/", name, value);
    for (const char* name : {"model_digest", "tokenizer_digest", "corpus", "family", "phase"})
      attribute("/", name, std::string("x"));
    for (const auto& [name, value] : std::map<std::string, std::int64_t>{
             {"block", 0}, {"num_experts", 4}, {"top_k", 2}, {"num_shared", 0}, {"renormalised", 1}})
      attribute("/layers/00", name, value);
    attribute("/layers/00", "score", std::string("softmax"));
    attribute("/layers/00", "scale", 1.0);
  }
  template <class T>
  Raw& numbers(const std::string& path, std::vector<T> values, std::vector<std::uint64_t> extent = {}) {
    if (extent.empty()) extent = {values.size()};
    datasets_[path] = [=](File& file) { return file.write<T>(path, values, extent); };
    return *this;
  }
  Raw& strings(const std::string& path, std::vector<std::string> values) {
    datasets_[path] = [=](File& file) { return file.writeStrings(path, values); };
    return *this;
  }
  template <class T>
  Raw& attribute(const std::string& object, const std::string& name, T value) {
    attributes_[object + "@" + name] = [=](File& file) { return file.setAttribute(object, name, value); };
    return *this;
  }
  Raw& without(const std::string& what) {
    datasets_.erase(what);
    attributes_.erase(what);
    return *this;
  }
  Expected<Trace> open(const fs::path& folder) const {
    fs::remove_all(folder);
    fs::create_directories(folder);
    auto file = File::create(folder / "0000.h5");
    for (const auto& [path, write] : datasets_) EXPECT_TRUE(write(*file)) << path;
    for (const auto& [name, write] : attributes_) EXPECT_TRUE(write(*file)) << name;
    EXPECT_TRUE(file->close());
    return Trace::open(folder);
  }

 private:
  std::map<std::string, std::function<Expected<void>(File&)>> datasets_, attributes_;
};

// The error is of kind input, and names the file and the part to blame.
template <class T>
void expectBlamed(const Expected<T>& got, const std::string& part) {
  ASSERT_FALSE(got) << part;
  EXPECT_EQ(got.error().kind, ErrorKind::input) << got.error().message;
  EXPECT_NE(got.error().message.find(part), std::string::npos) << got.error().message;
  EXPECT_FALSE(got.error().file.empty());
}

TEST(HostileTrace, TheSoundOneOpens) {
  const made::Folder folder("hostile-sound");
  auto trace = Raw().open(folder.path() / "t");
  ASSERT_TRUE(trace) << trace.error().message;
  auto counters = trace->counters();
  ASSERT_TRUE(counters) << counters.error().message;
  EXPECT_EQ(counters->layers[0].count, (std::vector<std::int64_t>{3, 3, 3, 2}));
  EXPECT_TRUE(trace->vocabulary());
}

TEST(HostileTrace, MissingPartsAreNamed) {
  const made::Folder folder("hostile-missing");
  for (const char* part : {"/tokens/id", "/tokens/next", "/tokens/domain", "/tokens/document", "/tokens/position",
                           "/tokens/class", "/layers/00/expert", "/layers/00/weight", "/domains", "/documents"})
    expectBlamed(Raw().without(part).open(folder.path() / "t"), part);
  for (const char* name : {"moescope_trace", "model_digest", "num_layers", "length", "first_token", "phase"})
    expectBlamed(Raw().without(std::string("/@") + name).open(folder.path() / "t"), name);
  for (const char* name : {"block", "num_experts", "top_k", "num_shared", "score", "renormalised", "scale"})
    expectBlamed(Raw().without(std::string("/layers/00@") + name).open(folder.path() / "t"), name);
  expectBlamed(Raw().without("/@complete").open(folder.path() / "t"), "end");
}

TEST(HostileTrace, ExtentsThatContradictEachOtherAreNamed) {
  const made::Folder folder("hostile-extents");
  const fs::path place = folder.path() / "t";
  expectBlamed(Raw().numbers<std::int32_t>("/tokens/next", {1, 2, 3}).open(place), "/tokens/next");
  expectBlamed(Raw().numbers<std::uint8_t>("/tokens/class", std::vector<std::uint8_t>(7)).open(place), "/tokens/class");
  expectBlamed(Raw().numbers<std::int32_t>("/tokens/id", {1, 2, 3, 4, 5, 6}, {2, 3}).open(place), "/tokens/id");
  expectBlamed(Raw().numbers<std::uint8_t>("/layers/00/expert", std::vector<std::uint8_t>(10), {5, 2}).open(place),
               "/layers/00/expert");
  expectBlamed(Raw().numbers<std::uint8_t>("/layers/00/expert", std::vector<std::uint8_t>(30), {6, 5}).open(place),
               "/layers/00/expert");
  expectBlamed(Raw().numbers<std::uint8_t>("/layers/00/expert", {}, {6, 0}).open(place), "/layers/00/expert");
  expectBlamed(Raw().numbers<float>("/layers/00/weight", std::vector<float>(6), {6, 1}).open(place),
               "/layers/00/weight");
  expectBlamed(Raw().numbers<float>("/layers/00/logit", std::vector<float>(18), {6, 3}).open(place),
               "/layers/00/logit");
  expectBlamed(Raw().numbers<float>("/tokens/loss", std::vector<float>(5)).open(place), "/tokens/loss");
  expectBlamed(Raw().numbers<std::int32_t>("/tokens/predicted", {1, 2}).open(place), "/tokens/predicted");
  expectBlamed(Raw().numbers<float>("/tokens/predicted", std::vector<float>(6)).open(place), "/tokens/predicted");
  expectBlamed(Raw().attribute("/", "num_layers", std::int64_t{2}).open(place), "num_layers");
  expectBlamed(Raw().attribute("/", "num_layers", std::int64_t{-1}).open(place), "num_layers");
  expectBlamed(Raw().attribute("/", "first_token", std::int64_t{12}).open(place), "first_token");
}

TEST(HostileTrace, TypesAndRangesThatMakeNoSenseAreNamed) {
  const made::Folder folder("hostile-types");
  const fs::path place = folder.path() / "t";
  expectBlamed(Raw().numbers<float>("/tokens/id", std::vector<float>(6)).open(place), "/tokens/id");
  expectBlamed(Raw().numbers<std::int32_t>("/layers/00/weight", std::vector<std::int32_t>(12), {6, 2}).open(place),
               "/layers/00/weight");
  expectBlamed(Raw().numbers<std::uint16_t>("/layers/00/expert", std::vector<std::uint16_t>(12), {6, 2}).open(place),
               "/layers/00/expert");
  expectBlamed(Raw().numbers<std::int64_t>("/tokens/document", {0, 0, 0, 1, -1, 1}).open(place), "int64");
  expectBlamed(Raw().attribute("/layers/00", "num_experts", std::int64_t{0}).open(place), "num_experts");
  expectBlamed(Raw().attribute("/layers/00", "num_experts", std::int64_t{1} << 40).open(place), "num_experts");
  expectBlamed(Raw().attribute("/layers/00", "top_k", std::int64_t{5}).open(place), "top_k");
  expectBlamed(Raw().numbers<std::int32_t>("/domains", {1, 2}).open(place), "/domains");
  expectBlamed(Raw().attribute("/", "moescope_trace", std::int64_t{2}).open(place), "newer");
}

TEST(HostileTrace, ValuesOutOfRangeAreFoundWhenRead) {
  const made::Folder folder("hostile-values");
  const auto reading = [&](Raw raw) {
    auto trace = raw.open(folder.path() / "t");
    EXPECT_TRUE(trace) << trace.error().message;
    auto counters = trace->counters();
    auto chunk = trace->read(0, 6);
    EXPECT_FALSE(counters);
    return chunk;
  };
  expectBlamed(
      reading(Raw().numbers<std::uint8_t>("/layers/00/expert", {0, 1, 1, 2, 2, 3, 3, 0, 0, 4, 1, 255}, {6, 2})),
      "expert 4");
  expectBlamed(reading(Raw().numbers<std::uint16_t>("/tokens/domain", {0, 0, 0, 1, 2, 1})), "domain 2");
  expectBlamed(reading(Raw().numbers<std::uint32_t>("/tokens/document", {0, 0, 0, 1, 2, 1})), "document 2");
  expectBlamed(reading(Raw().numbers<std::uint8_t>("/tokens/class", {2, 0, 0, 9, 0, 0})), "class 9");
  expectBlamed(reading(Raw().strings("/documents", {})), "document");
}

TEST(HostileTrace, VocabulariesThatPointOutsideAreRefused) {
  const made::Folder folder("hostile-words");
  const auto words = [&](Raw raw) { return raw.open(folder.path() / "t")->vocabulary(); };
  expectBlamed(words(Raw().numbers<std::uint64_t>("/vocabulary/offset", {0, 5, 3})), "/vocabulary/offset");
  expectBlamed(words(Raw().numbers<std::uint64_t>("/vocabulary/offset", {0, 1, 1000})), "/vocabulary/offset");
  expectBlamed(words(Raw().numbers<std::uint64_t>("/vocabulary/offset", {0, 3})), "/vocabulary/offset");
  expectBlamed(words(Raw().numbers<std::int32_t>("/vocabulary/id", {2, 2})), "/vocabulary/id");
  expectBlamed(words(Raw().without("/vocabulary/bytes")), "/vocabulary/bytes");
}

TEST(HostileTrace, SegmentsOfTwoTracesDoNotMix) {
  const made::Folder folder("hostile-mixed");
  ASSERT_TRUE(Raw().open(folder.path() / "a"));
  ASSERT_TRUE(Raw().attribute("/", "corpus", std::string("another")).open(folder.path() / "b"));
  fs::copy_file(folder.path() / "b/0000.h5", folder.path() / "a/0001.h5");
  expectBlamed(Trace::open(folder.path() / "a"), "0001.h5");
  fs::copy_file(folder.path() / "a/0000.h5", folder.path() / "a/0001.h5", fs::copy_options::overwrite_existing);
  expectBlamed(Trace::open(folder.path() / "a"), "first_token");
}

void readEverything(const fs::path& folder) {
  auto trace = Trace::open(folder);
  if (!trace) return;
  static_cast<void>(trace->read(0, std::min<std::uint64_t>(trace->tokens(), 100), Trace::weights));
  static_cast<void>(trace->counters());
  static_cast<void>(trace->vocabulary());
}

TEST(HostileTrace, EveryTruncationIsAnError) {
  const made::Folder folder("hostile-short");
  ASSERT_TRUE(Raw().open(folder.path() / "t"));
  const std::string whole = *readFile(folder.path() / "t/0000.h5");
  for (std::size_t size = 0; size < whole.size(); size += whole.size() / 97) {
    std::ofstream(folder.path() / "t/0000.h5", std::ios::binary) << whole.substr(0, size);
    expectBlamed(Trace::open(folder.path() / "t"), "0000.h5");
  }
}

// Bytes changed all over the file. HDF5 itself (1.10) can fault in its global heap when the file's own structure is
// damaged, which is why foreign traces are opened in worker processes; so each try is a process here too. What must
// never happen is a hang, a failed assertion or an allocation that a header asked for.
TEST(HostileTrace, ChangedBytesNeitherHangNorEatMemory) {
  const made::Folder folder("hostile-bytes");
  ASSERT_TRUE(Raw().open(folder.path() / "t"));
  const std::string whole = *readFile(folder.path() / "t/0000.h5");
  int faults = 0;
  for (std::uint64_t round = 0; round < 200; ++round) {
    std::string bytes = whole;
    for (std::uint64_t flip = 0; flip < 3; ++flip)
      bytes[made::number(round, 2 * flip) % bytes.size()] = static_cast<char>(made::number(round, 2 * flip + 1));
    std::ofstream(folder.path() / "t/0000.h5", std::ios::binary) << bytes;
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
#ifndef __SANITIZE_ADDRESS__  // which reserves terabytes of addresses
      const rlimit most{2ull << 30, 2ull << 30};
      setrlimit(RLIMIT_AS, &most);
#endif
      readEverything(folder.path() / "t");
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
      EXPECT_EQ(WTERMSIG(status), SIGSEGV) << "round " << round;
      ++faults;
    }
  }
  EXPECT_LT(faults, 20);
}

TEST(HostileCounters, OfAnotherTraceOrDamagedAreRefused) {
  const made::Folder folder("hostile-counters");
  ASSERT_TRUE(made::write(folder.path() / "a", made::Rule{}));
  ASSERT_TRUE(made::write(folder.path() / "b", made::Rule{.experts = 9}));
  fs::copy_file(folder.path() / "b/counters.h5", folder.path() / "a/counters.h5", fs::copy_options::overwrite_existing);
  auto trace = Trace::open(folder.path() / "a");
  ASSERT_TRUE(trace);
  expectBlamed(trace->counters(), "counters.h5");
  Counters counters = *readCounters(folder.path() / "b/counters.h5");
  ++counters.layers[0].domain[3];
  ASSERT_TRUE(writeCounters(counters, folder.path() / "c.h5"));
  expectBlamed(readCounters(folder.path() / "c.h5"), "add up");
  std::ofstream(folder.path() / "d.h5") << "nothing of the kind";
  expectBlamed(readCounters(folder.path() / "d.h5"), "d.h5");
  expectBlamed(readCounters(folder.path() / "a/0000.h5"), "moescope_counters");
}

TEST(HostileTrace, AFolderWithoutSegmentsSaysSo) {
  const made::Folder folder("hostile-none");
  expectBlamed(Trace::open(folder.path()), "0000.h5");
  expectBlamed(Trace::open(folder.path() / "nowhere"), "nowhere");
}

}  // namespace
}  // namespace moescope
