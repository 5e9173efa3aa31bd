// SPDX-License-Identifier: GPL-3.0-or-later
// FP8 weights with block scales. Codes: tests/reference/small_floats.py.
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/json_reading.h"
#include "core/checkpoint/slot_reading.h"
#include "core/checkpoint/small_floats.h"
#include "core/checkpoint/tensor_values.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

TEST(SmallFloats, EveryCodeIsWhatTorchMakesOfIt) {
  const Json expected = *readJson(fs::path(MOESCOPE_SOURCE_DIR) / "tests/reference/small_floats.json");
  ASSERT_EQ(expected.size(), 5u);
  for (const auto& [name, codes] : expected.items()) {
    const std::array<float, 256>* table = smallFloats(name);
    ASSERT_NE(table, nullptr) << name;
    for (std::size_t code = 0; code < 256; ++code) {
      const float value = (*table)[code];
      const std::uint32_t bits = std::isnan(value) ? 0x7fc00000u : std::bit_cast<std::uint32_t>(value);
      EXPECT_EQ(bits, codes[code].get<std::uint32_t>()) << name << " " << code;
    }
  }
  EXPECT_EQ(smallFloats("U8"), nullptr);
}

class BlockScales : public testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(testing::TempDir()) / ("moescope_fp8_" + std::to_string(getpid()));
    fs::create_directories(folder);
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint8_t>(i * 37 % 126);
    for (std::size_t i = 0; i < scales.size(); ++i) scales[i] = 0.25f + static_cast<float>(i);
  }
  void TearDown() override { fs::remove_all(folder); }

  // Two matrices of 5 x 7 in blocks of 2 x 3, and their scales, 2 x 3 x 3.
  void write(std::vector<std::int64_t> shape = {2, 5, 7}, std::vector<std::int64_t> scaleShape = {2, 3, 3},
             const char* dtype = "F8_E4M3", const char* scaleName = "w_scale_inv") {
    std::vector<TensorSource> tensors;
    tensors.push_back({"w", dtype, std::move(shape),
                       [this]() -> Expected<std::span<const std::byte>> { return std::as_bytes(std::span(codes)); }});
    tensors.push_back({scaleName, "F32", std::move(scaleShape),
                       [this]() -> Expected<std::span<const std::byte>> { return std::as_bytes(std::span(scales)); }});
    ASSERT_TRUE(writeSafetensors(folder / "model.safetensors", std::move(tensors)));
  }
  float expected(std::size_t matrix, std::size_t row, std::size_t column) const {
    return (*smallFloats("F8_E4M3"))[codes[(matrix * 5 + row) * 7 + column]] *
           scales[(matrix * 3 + row / 2) * 3 + column / 3];
  }
  std::string refusal(const ScaleBlocks& blocks = {2, 3}) const {
    auto shards = Shards::open(folder);
    EXPECT_TRUE(shards);
    const Expected<void> used = shards->useScales(blocks);
    if (used) return {};
    EXPECT_EQ(used.error().kind, ErrorKind::input);
    EXPECT_EQ(used.error().file, (folder / "model.safetensors").string());
    EXPECT_TRUE(used.error().offset);
    return used.error().message;
  }

  fs::path folder;
  std::vector<std::uint8_t> codes = std::vector<std::uint8_t>(70);
  std::vector<float> scales = std::vector<float>(18);
};

TEST_F(BlockScales, EveryRangeOfNumbersIsMultipliedByTheScalesOfItsBlocks) {
  write();
  auto shards = Shards::open(folder);
  ASSERT_TRUE(shards->useScales({2, 3}));
  const Shards::Place& place = *shards->find("w");
  for (std::size_t first = 0; first < 70; ++first)
    for (std::size_t count = 0; first + count <= 70; ++count) {
      std::vector<float> values(count);
      ASSERT_TRUE(readValues(place, static_cast<std::int64_t>(first), values));
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = first + i;
        ASSERT_EQ(values[i], expected(at / 35, at % 35 / 7, at % 7)) << first << " " << i;
      }
    }
}

TEST_F(BlockScales, OneExpertIsReadAsAnyOther) {
  write();
  auto shards = Shards::open(folder);
  ASSERT_TRUE(shards->useScales({2, 3}));
  Slot slot{.name = "w", .shape = {2, 5, 7}, .parameter = "layers.0.experts.down", .experts = 2};
  slot.matrix = {5, 7};
  std::vector<float> values(35);
  ASSERT_TRUE(readSlot(*shards->find("w"), slot, 1, values));
  for (std::size_t at = 0; at < 35; ++at) EXPECT_EQ(values[at], expected(1, at / 7, at % 7)) << at;
  slot.transposed = true;
  ASSERT_TRUE(readSlot(*shards->find("w"), slot, 1, values));
  for (std::size_t at = 0; at < 35; ++at) EXPECT_EQ(values[at], expected(1, at % 5, at / 5)) << at;
}

TEST_F(BlockScales, WhatDoesNotFitIsNamed) {
  write();
  EXPECT_EQ(refusal(), "");
  EXPECT_NE(refusal({}).find("weight_block_size"), std::string::npos);
  EXPECT_NE(refusal({128, 128}).find("needs [2, 1, 1]"), std::string::npos);
  write({2, 5, 7}, {3, 2, 3});
  EXPECT_NE(refusal().find("needs [2, 3, 3]"), std::string::npos);
  write({2, 5, 7}, {18});
  EXPECT_NE(refusal().find("has shape [18]"), std::string::npos);
  write({70}, {18});
  EXPECT_NE(refusal().find("no matrix"), std::string::npos);
  write({2, 5, 7}, {2, 3, 3}, "I8");
  EXPECT_NE(refusal().find("type I8"), std::string::npos);
  write({2, 5, 7}, {2, 3, 3}, "F8_E4M3", "v_scale_inv");
  EXPECT_NE(refusal().find("not there"), std::string::npos);
}

}  // namespace
}  // namespace moescope
