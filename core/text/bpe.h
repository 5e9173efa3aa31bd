// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

// Byte-pair encoding as `tokenizers` runs it (Sennrich et al. 2016): the pair of lowest rank is merged first, leftmost on ties.
// byte_fallback, ignore_merges, unk_token with fuse_unk, continuing_subword_prefix, end_of_word_suffix. Immutable after loading;
// any thread (a cache of words is shared when it is free).
class Bpe {
 public:
  // `byteLevel`: pieces of the vocabulary are written in the byte-level alphabet, words come as raw bytes.
  static Expected<Bpe> load(const Json& model, bool byteLevel);
  Bpe(Bpe&&) noexcept;
  Bpe& operator=(Bpe&&) noexcept;
  ~Bpe();

  void encode(std::string_view word, std::vector<std::int32_t>& ids) const;  // appends
  std::int64_t size() const;                                                 // largest id + 1
  std::string bytes(std::int32_t id) const;                                  // raw bytes of the piece, "" for no such id
  bool isByteFallback(std::int32_t id) const;                                // "<0xNN>"

 private:
  struct State;
  explicit Bpe(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moescope
