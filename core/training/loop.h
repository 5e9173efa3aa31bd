// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/job.h"
#include "core/model/decoder.h"
#include "core/text/windows.h"
#include "core/training/settings.h"

namespace moescope {

// What a training works on. The tokenizer is null for a corpus of ids.
struct TrainingParts {
  Decoder& model;
  const Tokenizer* tokenizer;
  const Corpus& corpus;
  const TokenisedCorpus& ids;
  Json record;  // goes into every snapshot's moescope.json
};

struct TrainingEnd {
  std::int64_t steps = 0;
  double loss = 0;            // of the last step
  double validationLoss = 0;  // NaN without a validation split
};

// Trains `parts.model` in place and writes the run below job.place("run"): metrics every step, validation and probe
// metrics, samples and live changes as events; snapshots are committed on the way. State goes to job.state() with every
// closed segment of the run, at least every 10 s, so that a killed or cancelled training goes on where it was and ends
// bit-equal to one that was never stopped (same machine and threads). Live events: learning_rate, balance, z_loss;
// pause, resume, snapshot.
Expected<TrainingEnd> train(TrainingParts parts, const TrainingSettings& settings, Job& job);

}  // namespace moescope
