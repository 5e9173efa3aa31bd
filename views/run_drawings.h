// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result/drawing.h"
#include "core/study/run_file.h"

namespace moescope {

// How a run is looked at: at a step of its past, smoothed, beside others.
struct RunView {
  std::optional<std::int64_t> step = {};  // nothing: the last one
  double smoothing = 0;                   // 0 to below 1: share of the past in an exponential mean
  struct Other {
    std::string title;
    const RunSeries* run = nullptr;
  };
  std::string title = {};  // of the run itself, where others stand beside it
  std::vector<Other> others = {};
};

// The exponential mean with its start corrected (Kingma and Ba 2015, section 3); NaN is passed over.
std::vector<double> smoothed(const std::vector<double>& values, double share);

// The pictures of the Train page, from the metrics of a run (live or from its file). Where a run has not got that far,
// the drawing's `empty` says what is awaited.
// Held-out loss by domain, nats; thin: training loss. With others: one line a run.
Drawing lossDrawing(const RunSeries& run, const RunView& how = {});
// CV of load, mean over layers; dashed: balanced routing of one batch.
Drawing balanceDrawing(const RunSeries& run, const RunView& how = {});
// Layer x expert, x fair share, at the chosen step.
Drawing loadDrawing(const RunSeries& run, const ViewState& view, const RunView& how = {});

// A text that the model wrote on the way, with the expert of each token by layer.
struct RunSample {
  std::int64_t step = 0, prompt = 0;              // tokens of the prompt
  std::vector<std::string> text;                  // of each token
  std::vector<std::vector<std::int64_t>> expert;  // [layer][token]
};
// The last sample among the events of a run ({"kind":"sample","sample":{...}}), or nothing. Foreign text: checked.
std::optional<RunSample> lastSample(const std::vector<std::string>& events, std::optional<std::int64_t> upTo = {});
std::optional<RunSample> sampleFromJson(const Json& json);
Drawing sampleDrawing(const std::optional<RunSample>& sample, const ViewState& view);

// The last number of a metric, mean over what it has besides steps; NaN when there is none yet.
double lastValue(const RunSeries& run, const std::string& metric);
// The sum of a metric over all steps (tokens seen).
double total(const RunSeries& run, const std::string& metric);

}  // namespace moescope
