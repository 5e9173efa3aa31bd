// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/analysis/loss_correlation.h"
#include "core/analysis/token_chunks.h"
#include "core/analysis/token_confidence.h"
#include "core/statistics/histogram.h"

namespace moescope {

struct ConfidenceRequest {
  SelectionRule rule = {};  // of the layer
  std::vector<double> sigmas = {};
  std::int64_t sample = 0;  // tokens for fragility and losses
  Draws draws = {};
};

// Means over the tokens of a layer that have the value, each with its interval over resampled documents.
struct ConfidenceMeans {
  enum Measure : std::size_t {
    entropy,
    mass,
    gap,
    margin,
    marginScore,
    marginSelection,
    overruled,
    overruledSelection,
    scale,
    weightGap,
    weightEntropy,
    measures
  };
  std::array<double, measures> mean = {};
  std::array<Interval, measures> interval = {};
};

struct ConfidenceOfLayer {
  static constexpr std::size_t entropyBins = 64;
  ConfidenceMeans means = {};
  std::vector<double> entropyByDomain = {}, curve = {}, weightCurve = {};  // curve: mean p by rank
  std::vector<std::int64_t> entropies = {};                                // over [0, 1]
  GrowingHistogram margins = GrowingHistogram();
  std::vector<double> fragility = {};  // by sigma
  double rounded = 0;                  // fragility of bfloat16
  std::int64_t withLogits = 0, sampled = 0;
  // Of entropy and margin with logits, and of the weight gap; empty without losses.
  std::vector<LossCorrelation> losses = {};
};

// Names of `losses`, in order.
std::vector<std::string> lossMeasures(const TraceInfo& info);

// One layer of the tokens that the filter leaves; the trace is read once. Memory: a chunk, a row a document, the
// sample.
Expected<ConfidenceOfLayer> measureConfidence(const Trace& trace, const TraceFilter& filter,
                                              const CountedTrace& counted, std::size_t layer,
                                              const ConfidenceRequest& request, const Poll& poll);

// Adds everything over layers that the trace has columns for, and the axes it needs.
void addConfidence(Result& result, const std::vector<ConfidenceOfLayer>& layers, const CountedTrace& counted,
                   const ConfidenceRequest& request);

}  // namespace moescope
