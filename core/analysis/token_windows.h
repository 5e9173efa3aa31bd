// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/analysis/token_chunks.h"

namespace moescope {

// Assignments of one window of consecutive tokens: by layer, by expert.
using WindowCounts = std::vector<std::vector<std::int64_t>>;
using WindowVisitor = std::function<void(std::size_t window, const WindowCounts& counts)>;

// Cuts the tokens that the filter leaves, in the trace's order, into windows that end before the positions `ends`
// (ascending; at most as many tokens as there are), and calls visit at the end of each. What lies behind the last end
// does not count. Memory: one chunk and one window's counts.
Expected<void> eachWindow(const Trace& trace, const TraceFilter& filter, const std::vector<std::int64_t>& ends,
                          const Poll& poll, const WindowVisitor& visit);

// Ends of windows of `size` tokens each; a rest that fills none is left out, and tokens too few for one are one window.
std::vector<std::int64_t> equalWindows(std::int64_t tokens, std::int64_t size);

}  // namespace moescope
