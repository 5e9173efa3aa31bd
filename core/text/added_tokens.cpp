// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/added_tokens.h"

#include <algorithm>

#include "core/base/utf8.h"

namespace moescope {

namespace {

std::size_t previousCharacter(std::string_view text, std::size_t at) {
  do --at;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80);
  return at;
}

// A token that is a single word is not taken out of the middle of one.
bool standsAlone(std::string_view text, std::size_t begin, std::size_t end) {
  const bool before = begin > 0 && isWordCharacter(utf8At(text, previousCharacter(text, begin)));
  const bool after = end < text.size() && isWordCharacter(utf8At(text, end));
  return !before && !after;
}

}  // namespace

void AddedTokens::add(AddedToken token) {
  if (token.content.empty()) return;
  std::vector<std::size_t>& lengths = lengths_[static_cast<unsigned char>(token.content[0])];
  const std::size_t length = token.content.size();
  const auto place = std::lower_bound(lengths.begin(), lengths.end(), length, std::greater<>());
  if (place == lengths.end() || *place != length) lengths.insert(place, length);
  std::string content = token.content;
  byContent_.emplace(std::move(content), std::move(token));
}

const AddedToken* AddedTokens::longestAt(std::string_view text, std::size_t at) const {
  for (std::size_t length : lengths_[static_cast<unsigned char>(text[at])]) {
    if (length > text.size() - at) continue;
    const auto found = byContent_.find(text.substr(at, length));
    if (found != byContent_.end()) return &found->second;
  }
  return nullptr;
}

std::vector<Segment> AddedTokens::split(std::string_view text) const {
  std::vector<Segment> segments;
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size();) {
    const AddedToken* token = longestAt(text, at);
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at, end = at + token->content.size();
    at = end;
    if (token->singleWord && !standsAlone(text, begin, end)) continue;
    while (token->lstrip && begin > from && isWhiteSpace(utf8At(text, previousCharacter(text, begin)))) begin = previousCharacter(text, begin);
    while (token->rstrip && end < text.size() && isWhiteSpace(utf8At(text, end))) end += utf8Length(text[end]);
    // A token inside white space that the one before took along is still a token: `tokenizers` gives both.
    if (begin > from) segments.push_back({from, begin});
    segments.push_back({begin, end, token->id});
    from = end;
  }
  if (from < text.size()) segments.push_back({from, text.size()});
  return segments;
}

}  // namespace moescope
