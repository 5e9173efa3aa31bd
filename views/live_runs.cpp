// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/live_runs.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moescope {
namespace {

std::size_t widthOf(const std::vector<std::int64_t>& shape) {
  std::size_t width = 1;
  for (std::int64_t extent : shape) width *= static_cast<std::size_t>(extent);
  return width;
}

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

}  // namespace

void append(RunSeries& series, const MetricsBatch& batch) {
  for (std::size_t s = 0; s < batch.steps.size(); ++s) {
    const std::int64_t step = batch.steps[s];
    const bool known = !series.step.empty() && step <= series.step.back();
    std::size_t row = series.step.size();
    if (known) {
      const auto place = std::lower_bound(series.step.begin(), series.step.end(), step);
      row = static_cast<std::size_t>(place - series.step.begin());
      // Earlier steps may come later: one attaches to a job that is already running.
      if (*place != step) {
        series.step.insert(place, step);
        for (auto& [name, metric] : series.metrics) {
          const std::size_t width = widthOf(metric.shape);
          metric.values.resize((series.step.size() - 1) * width, missing);
          metric.values.insert(metric.values.begin() + static_cast<std::ptrdiff_t>(row * width), width, missing);
        }
      }
    } else {
      series.step.push_back(step);
    }
    for (std::size_t i = 0; i < batch.names.size(); ++i) {
      const std::size_t width = widthOf(batch.shapes[i]);
      RunSeries::Series& metric = series.metrics[batch.names[i]];
      if (metric.values.empty()) metric.shape = batch.shapes[i];
      if (metric.shape != batch.shapes[i]) continue;
      metric.values.resize(series.step.size() * width, missing);
      for (std::size_t k = 0; k < width; ++k) {
        const double value = batch.values[i][s * width + k];
        // A later message may complete a step (losses on held-out text), never empty it.
        if (!std::isnan(value) || !known) metric.values[row * width + k] = value;
      }
    }
  }
  for (auto& [name, metric] : series.metrics) metric.values.resize(series.step.size() * widthOf(metric.shape), missing);
}

void LiveRuns::take(const MetricsBatch& batch) {
  append(runs_[batch.job], batch);
  Q_EMIT grown(batch.job);
}

const RunSeries* LiveRuns::find(const QString& job) const {
  const auto found = runs_.find(job);
  return found == runs_.end() ? nullptr : &found->second;
}

}  // namespace moescope
