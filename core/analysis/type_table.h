// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/analysis/counted_trace.h"

namespace moescope {

// What a token's type is taken from (OLMoE, Muennighoff et al. 2024): the token that was read, the one that the model
// expects to follow, the one that does follow.
enum class TokenRole { input, predicted, next };
inline constexpr std::array<const char*, 3> roleNames{"input", "predicted", "next"};
const std::vector<std::int32_t>& idsOf(const TraceChunk& chunk, TokenRole role);

// The types (token ids) of one role that the kept tokens of a trace have, with how often each occurs.
struct TokenTypes {
  std::vector<std::int32_t> id = {};     // ascending, those that occur often enough
  std::vector<std::int64_t> count = {};  // of each
  std::int64_t tokens = 0;               // of all types, rare ones too
  std::int64_t types = 0;                // rare ones too
};

// What the kept tokens of a trace are. Reads the token columns once; memory grows with the number of types.
struct ReadTypes {
  std::array<std::optional<TokenTypes>, 3> byRole;  // none where the trace does not hold the role
  std::int64_t tokens = 0, documents = 0, domains = 0;
};
Expected<ReadTypes> readTypes(const Trace& trace, const TraceFilter& filter, std::int64_t minimum, Job& job);

// How often each type of one layer was sent to each expert: one layer at a time, never the whole trace.
struct TypeTable {
  std::size_t experts = 0;
  std::vector<std::uint32_t> count;  // [types, experts]
  std::vector<std::int64_t> routed;  // [experts], tokens of all types, rare ones too
  std::int64_t assignments = 0;      // of all of these
};
// `choices` > 0: only each token's first so many experts. One table a role that `types` holds. Environment error when
// the tables would be larger than 4 GiB.
Expected<std::array<TypeTable, 3>> tabulateTypes(const Trace& trace, const TraceFilter& filter, const ReadTypes& types,
                                                 std::size_t layer, std::int64_t choices, const Poll& poll);

}  // namespace moescope
