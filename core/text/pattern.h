// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

struct Match {
  std::size_t begin = 0, end = 0;  // bytes
};

// A regular expression of a tokenizer file (Oniguruma's Ruby syntax, as `tokenizers` compiles it), run by PCRE2: UTF-8, Unicode
// properties, white space by the Unicode property. Steps are bounded, so that no pattern can run away. Immutable; any thread.
class Pattern {
 public:
  static Expected<Pattern> compile(const std::string& expression);
  // A plain string to look for.
  static Pattern literal(std::string text);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  // Appends the matches in `text` (valid UTF-8) from left to right, without overlap; empty matches are left out.
  // Input error when a match needs more steps than the bound.
  Expected<void> findAll(std::string_view text, std::vector<Match>& matches) const;

 private:
  struct State;
  explicit Pattern(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moescope
