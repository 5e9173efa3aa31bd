// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tensor_values.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>

#include "core/checkpoint/small_floats.h"

namespace moescope {
namespace {

constexpr std::size_t most = 1 << 20;  // bytes at once: they stay in the cache until they are converted

float fromBfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

// Without a branch, so that the loop over it becomes vector code. Normal numbers get the exponent's new bias by a
// product; subnormal ones, which have no leading 1, by a difference.
float fromFloat16(std::uint16_t bits) {
  const std::uint32_t twice = std::uint32_t{bits} << 17, sign = std::uint32_t{bits} << 16 & 0x80000000u;
  const float normal = std::bit_cast<float>((twice >> 4) + (0xE0u << 23)) * 0x1p-112f;
  const float subnormal = std::bit_cast<float>((twice >> 17) | (126u << 23)) - 0.5f;
  const float magnitude = twice < (1u << 27) ? subnormal : normal;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
}

template <class Stored, class Convert>
void convertAll(std::span<const std::byte> bytes, std::span<float> into, const Convert& convert) {
  for (std::size_t i = 0; i < into.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof stored, sizeof stored);
    into[i] = convert(stored);
  }
}

void convert(std::string_view dtype, std::span<const std::byte> bytes, std::span<float> into) {
  if (dtype == "BF16") return convertAll<std::uint16_t>(bytes, into, fromBfloat16);
  if (dtype == "F16") return convertAll<std::uint16_t>(bytes, into, fromFloat16);
  if (const std::array<float, 256>* table = smallFloats(dtype))
    return convertAll<std::uint8_t>(bytes, into, [table](std::uint8_t code) { return (*table)[code]; });
  assert(dtype == "F64");
  convertAll<double>(bytes, into, [](double value) { return static_cast<float>(value); });
}

// Multiplies the numbers from `first` on by the scales of their blocks. Matrices of a stacked weight have blocks each.
Expected<void> multiplyByScales(const Shards::Place& place, std::int64_t first, std::span<float> into) {
  const Shards::Place& scale = place.scales->place;
  const ScaleBlocks& blocks = place.scales->blocks;
  const Shape shape = place.tensor->shape;
  const std::int64_t columns = shape.back(), rows = shape[shape.size() - 2];
  const std::int64_t scaleColumns = scale.tensor->shape.back(), scaleRows = scale.tensor->shape[shape.size() - 2];
  const auto scaleRowOf = [&](std::int64_t row) { return row / rows * scaleRows + row % rows / blocks.rows; };
  const std::int64_t last = first + std::ssize(into) - 1, firstRow = scaleRowOf(first / columns);
  std::vector<float> scales(static_cast<std::size_t>((scaleRowOf(last / columns) - firstRow + 1) * scaleColumns));
  TRY_DO(readValues(scale, firstRow * scaleColumns, scales));
  for (std::int64_t number = first; number <= last;) {
    const std::int64_t column = number % columns, block = column / blocks.columns;
    const std::int64_t end =
        std::min({number - column + (block + 1) * blocks.columns, number - column + columns, last + 1});
    const float by = scales[static_cast<std::size_t>((scaleRowOf(number / columns) - firstRow) * scaleColumns + block)];
    for (; number < end; ++number) into[static_cast<std::size_t>(number - first)] *= by;
  }
  return {};
}

}  // namespace

bool isReal(const Dtype& dtype) {
  return dtype.name == "F32" || dtype.name == "BF16" || dtype.name == "F16" || dtype.name == "F64" ||
         smallFloats(dtype.name) != nullptr;
}

std::int64_t bytesOfValues(const Dtype& dtype, std::int64_t numbers) {
  return numbers * static_cast<std::int64_t>(dtype.bits / 8);
}

Expected<void> readValues(const Shards::Place& place, std::int64_t first, std::span<float> into) {
  const Dtype& dtype = *place.tensor->dtype;
  assert(isReal(dtype));
  const auto start = static_cast<std::uint64_t>(bytesOfValues(dtype, first));
  if (dtype.name == "F32") return place.file->read(*place.tensor, start, std::as_writable_bytes(into));
  const auto size = static_cast<std::size_t>(bytesOfValues(dtype, 1));
  std::vector<std::byte> bytes(std::min(most, into.size() * size));
  for (std::size_t done = 0; done < into.size();) {
    const std::size_t count = std::min(most / size, into.size() - done);
    const auto some = std::span(bytes).first(count * size);
    TRY_DO(place.file->read(*place.tensor, start + done * size, some));
    convert(dtype.name, some, into.subspan(done, count));
    done += count;
  }
  return place.scales && !into.empty() ? multiplyByScales(place, first, into) : Expected<void>();
}

}  // namespace moescope
