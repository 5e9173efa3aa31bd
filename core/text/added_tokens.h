// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace moescope {

struct AddedToken {
  std::int32_t id = 0;
  std::string content;
  bool singleWord = false, lstrip = false, rstrip = false, normalized = false, special = false;
};

// A piece of text, or an added token (id >= 0).
struct Segment {
  std::size_t begin = 0, end = 0;  // bytes
  std::int32_t id = -1;
};

// Finds added tokens in a text: leftmost first, the longest there. Immutable once filled; any thread.
class AddedTokens {
 public:
  void add(AddedToken token);  // the first of equal contents counts
  std::vector<Segment> split(std::string_view text) const;

 private:
  const AddedToken* longestAt(std::string_view text, std::size_t at) const;
  std::map<std::string, AddedToken, std::less<>> byContent_;
  std::array<std::vector<std::size_t>, 256> lengths_;  // of the contents that begin with this byte, longest first
};

}  // namespace moescope
