// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/job.h"
#include "core/model/weight_store.h"
#include "core/operation/operation.h"
#include "core/text/windows.h"

namespace moescope {

// A model, whose weights stay where they are, and the corpus it reads, with the windows that the parameters `tokens`,
// `length`, `split` and `domains` choose.
struct Reading {
  WeightStore weights;
  at::Device device;
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

// What is read and what is kept of each token, as far as the headers of the files tell.
struct ReadingSize {
  std::uint64_t tokens = 0;  // of text, its bytes: an upper bound
  std::int64_t length = 0;   // window
};
Expected<ReadingSize> readingSize(const Inputs& inputs, const Parameters& set, const ModelConfig& config);

}  // namespace moescope
