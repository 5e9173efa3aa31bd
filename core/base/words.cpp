// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/words.h"

#include <algorithm>
#include <utility>

namespace moescope {

std::size_t editDistance(std::string_view left, std::string_view right) {
  // Three rows of the table: a swap of neighbours looks two rows back.
  std::vector<std::size_t> before(right.size() + 1), above(right.size() + 1), row(right.size() + 1);
  for (std::size_t column = 0; column <= right.size(); ++column) above[column] = column;
  for (std::size_t at = 1; at <= left.size(); ++at) {
    row[0] = at;
    for (std::size_t column = 1; column <= right.size(); ++column) {
      const std::size_t substitute = above[column - 1] + (left[at - 1] == right[column - 1] ? 0 : 1);
      row[column] = std::min({above[column] + 1, row[column - 1] + 1, substitute});
      if (at > 1 && column > 1 && left[at - 1] == right[column - 2] && left[at - 2] == right[column - 1])
        row[column] = std::min(row[column], before[column - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[right.size()];
}

std::vector<std::string> nearestWords(std::string_view given, const std::vector<std::string>& known, std::size_t most) {
  const std::size_t allowed = std::max<std::size_t>(2, given.size() / 3);
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& word : known) {
    const std::size_t distance = editDistance(given, word);
    // A distance that replaces the whole word says nothing.
    if (distance <= allowed && distance < std::max(given.size(), word.size()))
      near.emplace_back(distance, word);
    else if (given.size() >= 2 && word.starts_with(given))
      near.emplace_back(allowed + 1, word);
  }
  std::stable_sort(near.begin(), near.end(),
                   [](const auto& left, const auto& right) { return left.first < right.first; });
  std::vector<std::string> words;
  for (const auto& [distance, word] : near)
    if (words.size() < most && std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  return words;
}

std::string anyOf(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (at > 0) text += at + 1 == words.size() ? " or " : ", ";
    text += words[at];
  }
  return text;
}

}  // namespace moescope
