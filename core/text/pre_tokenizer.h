// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <deque>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

// A text cut into pieces: views into what was given or into `owned`. `atStart`: the first piece begins the whole text.
struct Pieces {
  std::vector<std::string_view> text;
  std::deque<std::string> owned;
  bool atStart = true;
};

// One "pre_tokenizer" of a tokenizer.json: Sequence, Split, ByteLevel, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit.
// ByteLevel keeps bytes as they are (its alphabet is undone in the vocabulary instead). Immutable; any thread.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual Expected<void> apply(Pieces& pieces) const = 0;
  virtual bool isByteLevel() const { return false; }  // it, or the last of its sequence
};

Expected<std::unique_ptr<PreTokenizer>> makePreTokenizer(const Json& json);

}  // namespace moescope
