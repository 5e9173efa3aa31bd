// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace moescope {

// The part of a model that a tensor belongs to.
enum class Part : std::uint8_t { embedding, attention, router, expert, shared, dense, norm, head, other };
inline constexpr std::array<const char*, 9> partNames{"embedding", "attention", "router", "expert", "shared expert",
                                                      "dense",     "norm",      "head",   "other"};

struct TensorRole {
  Part part = Part::other;
  std::int32_t block = -1;   // the layer it lies in, counted over the whole model; -1 = none
  std::int32_t expert = -1;  // the one expert that it holds; -1 = none, or several in one tensor
};

// What the name of a tensor on disk tells, in any family: expert layouts and routers as they are met in the wild.
TensorRole roleByName(std::string_view name);
// The same of a parameter of the decoder ("layers.3.query").
TensorRole roleOfParameter(std::string_view parameter, std::int64_t expert);

}  // namespace moescope
