// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/job.h"
#include "core/model/decoder.h"
#include "core/model/generate.h"
#include "core/text/tokenizer.h"

namespace moescope {

// Small facts of a model for lists and trees: layers, experts, top_k, parameters, active, family.
Json modelSummary(const Decoder& model);

// Saves the model as it is and makes it an artifact of its own. `record` goes into moescope.json, with the step.
Expected<std::string> commitSnapshot(Decoder& model, const Tokenizer* tokenizer, std::int64_t step, Json record,
                                     Job& job);

// A text of the model's as an event of the run: {"step","prompt","text":[one string a token],"expert":[[first choices] a
// layer]}. `prompt` counts the tokens of `text` that were given. A character that several tokens spell stands at the first.
Json sampleEvent(std::int64_t step, const Generated& text, const Tokenizer* tokenizer);

}  // namespace moescope
