// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/safetensors.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "core/checkpoint/shards.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

class Safetensors : public testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(testing::TempDir()) / ("moescope_safetensors_" + std::to_string(getpid()));
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  void writeRaw(const std::string& name, std::uint64_t length, const std::string& header, std::size_t dataBytes) const {
    std::ofstream file(folder / name, std::ios::binary);
    for (int i = 0; i < 8; ++i) file.put(static_cast<char>(length >> (8 * i) & 0xff));
    file << header << std::string(dataBytes, 'x');
  }
  // The error that opening such a file gives; empty when it opens.
  std::string refusal(const std::string& header, std::size_t dataBytes,
                      std::optional<std::uint64_t> length = {}) const {
    writeRaw("hostile.safetensors", length.value_or(header.size()), header, dataBytes);
    const auto file = SafetensorsFile::open(folder / "hostile.safetensors");
    if (file) return {};
    EXPECT_EQ(file.error().kind, ErrorKind::input);
    EXPECT_EQ(file.error().file, (folder / "hostile.safetensors").string());
    return file.error().message;
  }
  static TensorSource source(const std::string& name, std::vector<std::int64_t> shape,
                             const std::vector<float>& values) {
    return {name, "F32", std::move(shape),
            [values]() -> Expected<std::span<const std::byte>> { return std::as_bytes(std::span(values)); }};
  }

  fs::path folder;
};

TEST_F(Safetensors, WhatIsWrittenIsReadBack) {
  ASSERT_TRUE(writeSafetensors(folder / "a.safetensors",
                               {source("b", {2, 1}, {1, 2}), source("a", {3}, {3, 4, 5}), source("none", {0, 4}, {})}));
  const auto file = SafetensorsFile::open(folder / "a.safetensors");
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->tensors().size(), 3u);
  EXPECT_EQ(file->metadata()->at("format"), "pt");
  const StoredTensor& b = *file->find("b");
  EXPECT_EQ(b.shape, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(b.offset % 4, 0u);
  std::vector<float> values(2);
  ASSERT_TRUE(file->read(b, std::as_writable_bytes(std::span(values))));
  EXPECT_EQ(values, (std::vector<float>{1, 2}));
  EXPECT_FALSE(fs::exists(folder / ("a.safetensors.part" + std::to_string(getpid()))));
}

TEST_F(Safetensors, EqualTensorsAreEqualBytesInWhateverOrder) {
  ASSERT_TRUE(writeSafetensors(folder / "a.safetensors", {source("b", {1}, {1}), source("a", {1}, {2})}));
  ASSERT_TRUE(writeSafetensors(folder / "b.safetensors", {source("a", {1}, {2}), source("b", {1}, {1})}));
  EXPECT_EQ(*readFile(folder / "a.safetensors"), *readFile(folder / "b.safetensors"));
}

TEST_F(Safetensors, AnEmptyOrShortFileIsRefused) {
  for (std::size_t bytes : {0, 1, 7}) {
    std::ofstream(folder / "short.safetensors", std::ios::trunc) << std::string(bytes, '\0');
    const auto file = SafetensorsFile::open(folder / "short.safetensors");
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().kind, ErrorKind::input);
  }
  EXPECT_EQ(SafetensorsFile::open(folder / "missing.safetensors").error().kind, ErrorKind::input);
}

TEST_F(Safetensors, AHeaderLongerThanTheFileIsNotAllocated) {
  for (std::uint64_t length :
       {std::uint64_t{11}, std::uint64_t{1} << 40, std::uint64_t{1} << 63, UINT64_MAX, UINT64_MAX - 7})
    EXPECT_NE(refusal("{}", 8, length).find("header"), std::string::npos) << length;
}

TEST_F(Safetensors, AHeaderThatIsNoObjectIsRefused) {
  for (const char* header : {"[]", "1", "nul", "{\"a\":", " {}", "{\"a\":1}", "{\"a\":{}}",
                             "{\"__metadata__\":{\"a\":1}}", "{\"__metadata__\":[]}"})
    EXPECT_FALSE(refusal(header, 0).empty()) << header;
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "{\"a\":";
  EXPECT_FALSE(refusal(deep, 0).empty());
}

TEST_F(Safetensors, ANameTwiceIsRefused) {
  EXPECT_NE(
      refusal(
          R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
          4)
          .find("twice"),
      std::string::npos);
}

TEST_F(Safetensors, OffsetsMustFitTheShapeAndTheFile) {
  const auto tensor = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  EXPECT_EQ(refusal(tensor("F32", "[2,2]", "[0,16]"), 16), "");
  EXPECT_NE(refusal(tensor("F32", "[2,2]", "[0,16]"), 15).find("cut off"), std::string::npos);
  for (const auto& [dtype, shape, offsets] : std::vector<std::array<std::string, 3>>{
           {"F32", "[2,2]", "[0,12]"},
           {"F32", "[2,2]", "[16,0]"},
           {"F32", "[2,-2]", "[0,16]"},
           {"F32", "[2.0,2]", "[0,16]"},
           {"F32", "[4294967296,4294967296,4294967296]", "[0,16]"},
           {"F32", "[4611686018427387905]", "[0,16]"},  // times 4 wraps round to 4
           {"F32", "[18446744073709551615,1]", "[0,16]"},
           {"F32", "[2,2]", "[0,18446744073709551615]"},
           {"F32", "[2,2]", "[-16,0]"},
           {"F32", "[2,2]", "[0]"},
           {"F33", "[2,2]", "[0,16]"},
           {"F32", "\"x\"", "[0,16]"},
       })
    EXPECT_FALSE(refusal(tensor(dtype, shape, offsets), 16).empty()) << dtype << shape << offsets;
}

TEST_F(Safetensors, DataMayNotOverlapNorHaveHoles) {
  const auto two = [](int first, int firstEnd, int second, int secondEnd) {
    return R"({"a":{"dtype":"U8","shape":[)" + std::to_string(firstEnd - first) + R"(],"data_offsets":[)" +
           std::to_string(first) + "," + std::to_string(firstEnd) + R"(]},"b":{"dtype":"U8","shape":[)" +
           std::to_string(secondEnd - second) + R"(],"data_offsets":[)" + std::to_string(second) + "," +
           std::to_string(secondEnd) + "]}}";
  };
  EXPECT_EQ(refusal(two(0, 4, 4, 8), 8), "");
  EXPECT_EQ(refusal(two(4, 8, 0, 4), 8), "");
  EXPECT_FALSE(refusal(two(0, 4, 2, 6), 6).empty());
  EXPECT_FALSE(refusal(two(0, 4, 5, 8), 8).empty());
  EXPECT_FALSE(refusal(two(0, 4, 4, 8), 9).empty());
  EXPECT_FALSE(refusal(two(1, 4, 4, 8), 8).empty());
}

TEST_F(Safetensors, AFileCutWhileItIsOpenIsAnErrorAndNoSignal) {
  ASSERT_TRUE(writeSafetensors(folder / "a.safetensors", {source("a", {4}, {1, 2, 3, 4})}));
  const auto file = SafetensorsFile::open(folder / "a.safetensors");
  ASSERT_TRUE(file);
  fs::resize_file(folder / "a.safetensors", 20);
  std::vector<float> values(4);
  const auto read = file->read(*file->find("a"), std::as_writable_bytes(std::span(values)));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::input);
}

TEST_F(Safetensors, ChangedBytesNeverCrashTheReader) {
  ASSERT_TRUE(
      writeSafetensors(folder / "a.safetensors", {source("a", {2, 2}, {1, 2, 3, 4}), source("b", {3}, {5, 6, 7})}));
  const std::string sound = *readFile(folder / "a.safetensors");
  std::uint32_t state = 1;
  const auto next = [&](std::size_t below) {
    return (state = state * 1664525 + 1013904223) / 65536 % static_cast<std::uint32_t>(below);
  };
  int opened = 0;
  for (int round = 0; round < 1000; ++round) {
    std::string bytes = sound;
    for (std::uint32_t change = next(3) + 1; change > 0; --change)
      bytes[next(bytes.size())] = static_cast<char>(next(256));
    if (next(8) == 0) bytes.resize(next(bytes.size()));
    std::ofstream(folder / "b.safetensors", std::ios::binary | std::ios::trunc) << bytes;
    const auto file = SafetensorsFile::open(folder / "b.safetensors");
    if (!file) continue;
    ++opened;
    for (const StoredTensor& tensor : file->tensors()) {
      std::vector<std::byte> into(tensor.bytes);
      ASSERT_LE(into.size(), bytes.size());
      EXPECT_TRUE(file->read(tensor, into));
    }
  }
  EXPECT_GT(opened, 0) << "changes of the data alone are none of the header's business";
  EXPECT_LT(opened, 1000);
}

TEST_F(Safetensors, ShardsAreSplitByBytesAndFoundThroughTheirIndex) {
  ASSERT_TRUE(writeShards(folder, {source("a", {2}, {1, 2}), source("b", {2}, {3, 4}), source("c", {2}, {5, 6})}, 16));
  EXPECT_TRUE(fs::exists(folder / "model-00002-of-00002.safetensors"));
  const auto shards = Shards::open(folder);
  ASSERT_TRUE(shards) << shards.error().message;
  ASSERT_EQ(shards->tensors().size(), 3u);
  EXPECT_EQ(shards->find("c")->file->path().filename(), "model-00002-of-00002.safetensors");
}

TEST_F(Safetensors, AnIndexCannotPointOutOfItsFolderOrAtWhatIsNotThere) {
  ASSERT_TRUE(writeSafetensors(folder / "m.safetensors", {source("a", {1}, {1})}));
  const auto opens = [&](const std::string& index) {
    std::ofstream(folder / "model.safetensors.index.json", std::ios::trunc) << index;
    const auto shards = Shards::open(folder);
    if (!shards) {
      EXPECT_EQ(shards.error().kind, ErrorKind::input) << shards.error().message;
    }
    return shards.has_value();
  };
  EXPECT_TRUE(opens(R"({"weight_map":{"a":"m.safetensors"}})"));
  for (const char* index : {R"({"weight_map":{"a":"../m.safetensors"}})", R"({"weight_map":{"a":"/etc/passwd"}})",
                            R"({"weight_map":{"a":".."}})", R"({"weight_map":{"a":""}})", R"({"weight_map":{"a":1}})",
                            R"({"weight_map":{"b":"m.safetensors"}})", R"({"weight_map":{"a":"n.safetensors"}})",
                            R"({"weight_map":[]})", R"({})", "x"})
    EXPECT_FALSE(opens(index)) << index;
}

}  // namespace
}  // namespace moescope
