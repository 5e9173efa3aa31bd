// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/analysis/text_search.h"

namespace moescope {

// A token that the model did not expect; `place` is the token itself.
struct SurprisingToken {
  TextPlace place;
  float loss = 0;  // nats
  std::uint8_t tokenClass = 0;
};

// The tokens of [first, first + count) with the largest losses, largest first, at most `most`; those whose context the
// filter leaves out do not count. None in a trace without losses.
Expected<std::vector<SurprisingToken>> surprisingTokens(const Trace& trace, const TraceFilter& filter,
                                                        const Vocabulary& vocabulary, std::uint64_t first,
                                                        std::uint64_t count, std::size_t most, const Poll& poll);

}  // namespace moescope
