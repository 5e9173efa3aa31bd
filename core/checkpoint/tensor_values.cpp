// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tensor_values.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

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
  assert(dtype == "F64");
  convertAll<double>(bytes, into, [](double value) { return static_cast<float>(value); });
}

}  // namespace

bool isReal(const Dtype& dtype) {
  return dtype.name == "F32" || dtype.name == "BF16" || dtype.name == "F16" || dtype.name == "F64";
}

std::int64_t bytesOfValues(const Dtype& dtype, std::int64_t numbers) {
  return numbers * (dtype.name == "F64" ? 8 : dtype.name == "F32" ? 4 : 2);
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
  return {};
}

}  // namespace moescope
