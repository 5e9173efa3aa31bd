// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace moescope {

// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other (optimal string
// alignment), in bytes.
std::size_t editDistance(std::string_view left, std::string_view right);

// The known words near to a mistyped one, nearest first, at most `most`: within a third of its length (at least 2
// edits), or beginning with it. Empty when nothing is near.
std::vector<std::string> nearestWords(std::string_view given, const std::vector<std::string>& known,
                                      std::size_t most = 3);

// "a, b or c"; "" for none.
std::string anyOf(const std::vector<std::string>& words);

}  // namespace moescope
