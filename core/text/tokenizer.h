// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

// Text to ids and back. Immutable after loading; any thread.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  virtual std::string digest() const = 0;  // of its files; empty for ids without a tokenizer
  virtual std::int64_t vocabularySize() const = 0;
  // `addSpecial`: with what the post-processor adds at the start and the end. Input error: a pattern ran past its
  // bound.
  virtual Expected<std::vector<std::int32_t>> encode(std::string_view text, bool addSpecial) const = 0;
  virtual std::string bytes(std::int32_t id) const = 0;  // what the id stands for; "" for none
  // Token classes as in a trace (0 text, 2 BOS, ...).
  virtual std::uint8_t tokenClass(std::int32_t) const { return 0; }
  virtual Expected<void> save(
      const std::filesystem::path& modelFolder) const = 0;  // tokenizer.json, tokenizer_config.json
};

// 256 ids, one a byte; written as a tokenizer.json that gives the same ids in `tokenizers`.
std::unique_ptr<Tokenizer> byteTokenizer();
// The tokenizer beside a model's weights: our byte tokenizer, or a tokenizer.json with a BPE model (tokenizer_json.h).
Expected<std::unique_ptr<Tokenizer>> loadTokenizer(const std::filesystem::path& modelFolder);

}  // namespace moescope
