// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/slot_reading.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "core/checkpoint/family.h"
#include "core/checkpoint/tensor_values.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

class Slots : public testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(testing::TempDir()) / ("moescope_slots_" + std::to_string(getpid()));
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  // A file with one tensor of the given bytes.
  template <class Number>
  Shards written(std::string_view dtype, std::vector<std::int64_t> shape, std::vector<Number> numbers) const {
    std::vector<TensorSource> tensors;
    tensors.push_back({"t", dtype, std::move(shape), [numbers]() -> Expected<std::span<const std::byte>> {
                         return std::as_bytes(std::span(numbers));
                       }});
    EXPECT_TRUE(writeSafetensors(folder / "model.safetensors", std::move(tensors)));
    auto shards = Shards::open(folder);
    EXPECT_TRUE(shards);
    return *std::move(shards);
  }
  // 0, 1, 2, ... in the file; what the slot reads of it.
  std::vector<float> read(const Slot& slot, std::int64_t expert = -1) const {
    std::vector<float> numbers(static_cast<std::size_t>(
        std::accumulate(slot.shape.begin(), slot.shape.end(), std::int64_t{1}, std::multiplies<>())));
    std::iota(numbers.begin(), numbers.end(), 0.0f);
    const Shards shards = written("F32", slot.shape, numbers);
    std::vector<float> into(static_cast<std::size_t>(slot.size()));
    const auto done = readSlot(*shards.find("t"), slot, expert, into);
    EXPECT_TRUE(done);
    EXPECT_EQ(bytesOfSlot(*shards.find("t"), slot), slot.size() * 4);
    return into;
  }
  using Numbers = std::vector<float>;
  fs::path folder;
};

TEST_F(Slots, OneExpertATensorIsReadAsItIs) {
  EXPECT_EQ(read({"t", {2, 3}, "p", 5}), (Numbers{0, 1, 2, 3, 4, 5}));
}

TEST_F(Slots, OneOfSeveralExpertsLiesInOnePiece) {
  const Slot slot{.name = "t", .shape = {3, 2, 2}, .parameter = "p", .experts = 3};
  EXPECT_EQ(read(slot, 0), (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(read(slot, 2), (Numbers{8, 9, 10, 11}));
}

TEST_F(Slots, TransposedColumnsAreRowsGateBeforeUp) {
  // [E,H,2I] with H = 3, I = 2: columns gate0 gate1 up0 up1.
  const Slot halves{.name = "t", .shape = {2, 3, 4}, .parameter = "p", .experts = 2, .transposed = true};
  EXPECT_EQ(halves.rows(), 4);
  EXPECT_EQ(halves.columns(), 3);
  EXPECT_EQ(read(halves, 1), (Numbers{12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23}));
  Slot turns = halves;  // columns gate0 up0 gate1 up1
  turns.interleaved = true;
  EXPECT_EQ(read(turns, 1), (Numbers{12, 16, 20, 14, 18, 22, 13, 17, 21, 15, 19, 23}));
}

TEST_F(Slots, RowsOfGateAndUpInTurnAreParted) {
  const Slot slot{.name = "t", .shape = {1, 4, 2}, .parameter = "p", .experts = 1, .interleaved = true};
  EXPECT_EQ(read(slot, 0), (Numbers{0, 1, 4, 5, 2, 3, 6, 7}));
  const Slot bias{.name = "t", .shape = {2, 4}, .parameter = "p", .experts = 2, .interleaved = true};
  EXPECT_EQ(read(bias, 1), (Numbers{4, 6, 5, 7}));
}

TEST_F(Slots, RowsOfAllExpertsInOneMatrixArePieces) {
  Slot slot{.name = "t", .shape = {6, 2}, .parameter = "p", .experts = 3, .matrix = {2, 2}};
  EXPECT_EQ(read(slot, 1), (Numbers{4, 5, 6, 7}));
  slot.transposed = true;
  EXPECT_EQ(read(slot, 1), (Numbers{4, 6, 5, 7}));
  // An expert of one row is still a matrix.
  const Slot narrow{.name = "t", .shape = {3, 2}, .parameter = "p", .experts = 3, .matrix = {1, 2}};
  EXPECT_EQ(narrow.rows(), 1);
  EXPECT_EQ(read(narrow, 2), (Numbers{4, 5}));
}

TEST_F(Slots, QueriesKeysAndValuesInOneAreParts) {
  const Slot keys{.name = "t", .shape = {5, 2}, .parameter = "key", .storedRow = 3, .storedRows = 1};
  EXPECT_EQ(read(keys), (Numbers{6, 7}));
}

TEST_F(Slots, ARowMayStandForAVector) {
  const Slot slot{.name = "t", .shape = {1, 4}, .parameter = "router_bias", .matrix = {4}};
  EXPECT_EQ(slot.rows(), 4);
  EXPECT_EQ(read(slot), (Numbers{0, 1, 2, 3}));
}

TEST_F(Slots, StoringIsTheOppositeOfReadingInEveryLayoutAndLongTensorsAreReadInParts) {
  for (bool transposed : {false, true})
    for (bool interleaved : {false, true}) {
      Slot slot{.name = "t", .shape = {2, 1030, 518}, .parameter = "p", .experts = 2};
      slot.transposed = transposed;
      slot.interleaved = interleaved;
      std::vector<float> whole(2 * 1030 * 518, -1);
      for (std::int64_t expert : {0, 1}) {
        const std::vector<float> some = read(slot, expert);
        storeSlot(slot, expert, some, whole);
      }
      std::vector<float> expected(whole.size());
      std::iota(expected.begin(), expected.end(), 0.0f);
      EXPECT_EQ(whole, expected) << transposed << interleaved;
    }
}

TEST_F(Slots, EveryBfloat16AndFloat16IsItsValue) {
  std::vector<std::uint16_t> bits(1 << 16);
  std::iota(bits.begin(), bits.end(), std::uint16_t{0});
  std::vector<float> found(bits.size());
  const auto same = [](float value, float expected) {
    return std::isnan(expected) ? std::isnan(value)
                                : std::bit_cast<std::uint32_t>(value) == std::bit_cast<std::uint32_t>(expected);
  };
  ASSERT_TRUE(readValues(*written("BF16", {1 << 16}, bits).find("t"), 0, found));
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const auto expected = std::bit_cast<float>(std::uint32_t{bits[i]} << 16);
    ASSERT_TRUE(same(found[i], expected)) << i;
  }
  ASSERT_TRUE(readValues(*written("F16", {1 << 16}, bits).find("t"), 0, found));
  for (std::size_t i = 0; i < bits.size(); ++i) {  // IEEE 754 by its definition
    const int exponent = bits[i] >> 10 & 31, fraction = bits[i] & 1023;
    float expected = exponent == 31  ? (fraction ? NAN : INFINITY)
                     : exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                     : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
    if (bits[i] >> 15) expected = -expected;
    ASSERT_TRUE(same(found[i], expected)) << i;
  }
}

TEST_F(Slots, DoublesAreRoundedAndReadingMayBeginAnywhere) {
  std::vector<double> numbers(300000);
  std::iota(numbers.begin(), numbers.end(), 0.1);
  std::vector<float> found(numbers.size() - 7);
  ASSERT_TRUE(readValues(*written("F64", {300000}, numbers).find("t"), 7, found));
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], static_cast<float>(numbers[i + 7])) << i;
}

}  // namespace
}  // namespace moescope
