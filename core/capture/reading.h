// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/job.h"
#include "core/model/decoder.h"
#include "core/operation/operation.h"
#include "core/text/windows.h"

namespace moescope {

// A model and the corpus it reads, with the windows that the parameters `tokens`, `length`, `split` and `domains`
// choose.
struct Reading {
  Decoder model;
  std::unique_ptr<Tokenizer> tokenizer;  // null for a model of ids
  std::unique_ptr<Corpus> corpus;        // `ids` refers to it
  TokenisedCorpus ids;
  std::int64_t length = 0;
  std::vector<Window> windows;
  std::uint64_t tokens() const;
};

// The parameters that say what is read, in the order of a form.
std::vector<Parameter> readingParameters();

// Opens both and chooses the windows. Usage errors: a length that the model was not made for, an unknown domain, a
// choice that holds nothing. Input errors as the files give them.
Expected<Reading> openReading(const Inputs& inputs, const Parameters& set, Job& job);

// What reading costs: a forward over the chosen tokens, with `bytesPerToken` written. Reads headers only.
Expected<Cost> readingCost(const Inputs& inputs, const Parameters& set, double bytesPerToken);

}  // namespace moescope
