// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/checkpoint/model_config.h"
#include "core/operation/parameter.h"
#include "core/training/optimiser.h"
#include "core/training/schedule.h"

namespace moescope {

// One training of a language model: everything that its numbers depend on, besides corpus and first weights.
struct TrainingSettings {
  std::int64_t steps = 0;
  std::int64_t batch = 0;         // sequences a step
  std::int64_t length = 0;        // tokens a sequence
  std::int64_t accumulation = 1;  // equal parts of a step, one forward and backward each
  Schedule schedule = {};
  GroupRates rates = {};
  double clip = 1;
  double balance = 0, zLoss = 0;  // coefficients
  double domainTemperature = 1;
  std::uint64_t seed = 0;
  std::int64_t snapshotEvery = 0, validateEvery = 0;  // steps; 0 = at the end only
  std::int64_t validationTokens = 0;                  // 0 = all
};

// The parameters of train.lm, in the order of its form.
std::vector<Parameter> trainingParameters();

// Usage errors for what no single range can say: parts that do not divide the batch, a warm-up longer than the run.
Expected<TrainingSettings> trainingSettings(const Parameters& set);

// The decoder that these parameters describe; `vocabulary` comes from the tokenizer or the corpus's ids. Usage errors
// name the parameter and the nearest right value.
Expected<ModelConfig> modelConfigOf(const Parameters& set, std::int64_t vocabulary);

// A model that is trained on keeps its shape: a usage error for a parameter of the shape that was given and says
// otherwise.
Expected<void> checkSameShape(const Parameters& set, const ModelConfig& config);

// Numbers of a model, without making it.
struct ModelSize {
  std::int64_t parameters = 0;
  std::int64_t active = 0;  // that one token meets
};
ModelSize sizeOf(const ModelConfig& config);

}  // namespace moescope
