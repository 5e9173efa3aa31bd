// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>

#include "core/training/optimiser.h"
#include "core/training/settings.h"
#include "core/training/tally.h"
#include "core/training/token_loss.h"

namespace moescope {

// What may change while a run goes on, by an event at a step.
struct LiveValues {
  double learningRate = 0;  // peak of the schedule
  double balance = 0, zLoss = 0;
};

// What one optimiser step did.
struct StepReport {
  double loss = 0;                          // cross-entropy, nats a token
  double balanceLoss = 0, zLoss = 0;        // mean over layers, without their coefficients
  std::map<std::string, double> auxiliary;  // a router's other losses, with their coefficients, summed over layers
  double gradientNorm = 0;                  // before clipping
  double routerGradientNorm = 0;            // before clipping
  double learningRate = 0;
  std::int64_t tokens = 0;
  std::vector<LayerTally> layers;
  std::vector<Metric> metrics() const;  // all of it, with the per-layer metrics
};

// Makes step after step. The noise of a step is a pure function of (seed, step, part).
class Stepper {
 public:
  Stepper(Decoder& model, const TrainingSettings& settings);

  // One step, counted from 1. A loss, a router logit or a gradient that is not finite stops it before any weight
  // changes: a usage error that names step and layer and says what to try.
  Expected<StepReport> make(std::int64_t step, const Batch& batch, const LiveValues& live);
  const AdamW& optimiser() const { return optimiser_; }

 private:
  Expected<void> addPart(std::int64_t step, std::int64_t part, const BatchTensors& tensors, const Batch& whole,
                         const LiveValues& live, StepReport& report);

  Decoder* model_;
  const TrainingSettings* settings_;
  AdamW optimiser_;
  std::vector<std::int64_t> blocks_;  // index in the model of every MoE layer
};

}  // namespace moescope
