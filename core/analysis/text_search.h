// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/analysis/counted_trace.h"

namespace moescope {

std::string tokenBytes(const Vocabulary& vocabulary, std::int32_t id);  // "[id]" where the trace does not hold its text

// What is looked for in a trace: a string, tokens of an expert, or a string of which some token has the expert.
struct TextQuery {
  std::string text;        // bytes, "" for any
  bool exactCase = false;  // otherwise ASCII letters match in either case
  struct Routed {
    std::size_t layer, expert;
  };
  std::optional<Routed> expert = {};  // among the token's k
  std::size_t most = 100;             // places given
};

struct TextPlace {
  std::uint64_t token = 0;                   // of the trace, where the place begins
  std::uint32_t document = 0, position = 0;  // position: in the document
  std::uint16_t domain = 0;
  std::string before, found, after;  // bytes; context of some tokens on either side, within the document
};

struct TextPlaces {
  std::vector<TextPlace> places;  // in the order of the trace from `from` on, and round to it
  bool complete = false;          // the whole trace was looked at
};
// Occurrences from token `from` on, then from the trace's start; stops as soon as there are enough. Tokens that the
// filter leaves out do not begin a place. A string may run over tokens, not over documents.
Expected<TextPlaces> searchText(const Trace& trace, const TraceFilter& filter, const Vocabulary& vocabulary,
                                const TextQuery& query, std::uint64_t from, const Poll& poll);

// The text of some tokens around [first, first + count) within one document.
TextPlace placeOf(const TraceChunk& chunk, const Vocabulary& vocabulary, std::size_t first, std::size_t count);
inline constexpr std::size_t contextTokens = 12;  // on either side

}  // namespace moescope
