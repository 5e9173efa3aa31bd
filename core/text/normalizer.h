// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/base/expected.h"

namespace moescope {

// One "normalizer" of a tokenizer.json: NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip, Sequence. Immutable; any thread.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual Expected<void> apply(std::string& text) const = 0;  // valid UTF-8 in and out
};

// Null for no normalizer; an input error names a kind that is not known.
Expected<std::unique_ptr<Normalizer>> makeNormalizer(const Json& json);

}  // namespace moescope
