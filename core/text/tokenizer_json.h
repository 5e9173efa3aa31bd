// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>

#include "core/text/tokenizer.h"

namespace moescope {

// The pipeline of a Hugging Face tokenizer.json with a BPE model: added tokens, normalizer, pre-tokenizer, model, post-processor.
// Ids equal those of `tokenizers`. Text must be valid UTF-8; other bytes are replaced as Python's errors="replace" does.
// Input errors name the file and the part that is not supported.
Expected<std::unique_ptr<Tokenizer>> loadTokenizerJson(const std::filesystem::path& modelFolder);

}  // namespace moescope
