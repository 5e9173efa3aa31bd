// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Mixed text from a counter, byte for byte that of tests/reference/mixed_text.py.
namespace moescope::mixed {

class Counter {
 public:
  explicit Counter(std::uint64_t seed) : state_(seed) {}
  std::uint64_t draw(std::uint64_t below) {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (z ^ (z >> 31)) % below;
  }

 private:
  std::uint64_t state_;
};

inline void appendCharacter(std::string& text, std::uint32_t code) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return add(code);
  if (code < 0x800) return add(0xc0 | code >> 6), add(0x80 | (code & 63));
  if (code < 0x10000) return add(0xe0 | code >> 12), add(0x80 | (code >> 6 & 63)), add(0x80 | (code & 63));
  add(0xf0 | code >> 18), add(0x80 | (code >> 12 & 63)), add(0x80 | (code >> 6 & 63)), add(0x80 | (code & 63));
}

inline std::string bytes(std::uint64_t seed, std::size_t size) {
  static constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 20> scripts{
      {{0x61, 0x7A},     {0x61, 0x7A},     {0x41, 0x5A},       {0xC0, 0xD6},       {0xE0, 0xF6},   {0x3B1, 0x3C1},   {0x410, 0x44F},
       {0x5D0, 0x5EA},   {0x627, 0x63A},   {0x905, 0x939},     {0xE01, 0xE2E},     {0x3041, 0x3096}, {0x30A1, 0x30FA}, {0x4E00, 0x9FA0},
       {0xAC00, 0xD7A3}, {0x1F600, 0x1F64F}, {0x1D400, 0x1D433}, {0x10D0, 0x10F0}, {0x561, 0x586}, {0x1100, 0x1112}}};
  static const std::vector<std::string> fixed{
      "'s", "'S", "'re", "don't", "I'LL", "'ve", "\r\n", "\n\n\n", "\t", "\t\t  ", " ", "  ", "   ", "\u00a0", "\u3000", "\u2028", "\xc2\x85",
      "e\u0301", "a\u0308\u0323", "\u1e9b\u0323", "\ufb01", "\u212b", "\uac00\u11a8", "\u0939\u093f", "\u0e01\u0e33",
      "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466", "\U0001F1E9\U0001F1EA", "\u2764\ufe0f", "\U0001F44B\U0001F3FD",
      "for (int i = 0; i < n; ++i) {", "  return x->y[i] != 0x1F;", "#include <vector>", "def f(self, *args):", "SELECT * FROM t;",
      "<|endoftext|>", "<s>", "</s>", "<|im_start|>", "https://a.b/c?d=e&f=%20", "\u2581", "\u2581\u2581x", "{\"a\": [1, 2.5e-3]}",
      "...", "!!!", "\u2026", "\u201cquoted\u201d", "\u2014", "$100", "\u20ac5", "_x_", "-->", "//", "/* */", "\\n", std::string(1, '\0'), "\x7f",
      "\u200b", "\ufeff"};
  static const std::vector<std::string> broken{"\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xff", "\xc0\xaf", "\xed\xa0\x80",
                                               "\xf4\x90\x80\x80", "\xfe\xfe", "\xe2\x28\xa1"};
  Counter counter(seed);
  std::string text;
  while (text.size() < size) {
    const std::uint64_t kind = counter.draw(20);
    if (kind < 11) {
      const auto [low, high] = scripts[counter.draw(scripts.size())];
      for (std::uint64_t left = 1 + counter.draw(9); left > 0; --left)
        appendCharacter(text, low + static_cast<std::uint32_t>(counter.draw(high - low + 1)));
    } else if (kind < 13) {
      for (std::uint64_t left = 1 + counter.draw(7); left > 0; --left) text += static_cast<char>(0x30 + counter.draw(10));
    } else if (kind < 17) {
      text += fixed[counter.draw(fixed.size())];
    } else if (kind < 18) {
      text.append(counter.draw(30), ' ');
    } else if (kind < 19) {
      text += static_cast<char>(0x21 + counter.draw(94));
    } else if (counter.draw(4) == 0) {
      text += broken[counter.draw(broken.size())];
    }
    if (counter.draw(3) != 0) text += ' ';
    else if (counter.draw(8) == 0) text += '\n';
  }
  return text;
}

}  // namespace moescope::mixed
