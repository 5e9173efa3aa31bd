// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "core/base/job.h"

namespace moescope {

// Metrics over the steps of a training, as closed HDF5 segments NNNN.h5 in one folder (contract section 3): /metrics/NAME
// [step], [step, layer] or [step, layer, expert]; /metrics/step; /events JSON lines. A reader sees closed segments only.
class RunWriter {
 public:
  // Goes on after the last closed segment that is there; steps after `resumeAfter` are dropped (they will be made again).
  static Expected<RunWriter> open(const std::filesystem::path& folder, std::int64_t resumeAfter = -1);
  RunWriter(RunWriter&&) noexcept;
  RunWriter& operator=(RunWriter&&) noexcept;
  ~RunWriter();

  // Every step has the same names and shapes, except metrics that are missing at some steps (validation): those are NaN there.
  Expected<void> append(std::int64_t step, std::span<const Metric> metrics);
  // Wall-clock series (seconds, tokens per second) go to timing.h5, which is no part of the content.
  Expected<void> appendTiming(std::int64_t step, std::span<const Metric> metrics);
  Expected<void> event(std::int64_t step, const Json& event);
  Expected<void> closeSegment();  // with every snapshot and at least every 10 s
  Expected<void> finish();        // one file 0000.h5: equal content is equal bytes

 private:
  struct State;
  explicit RunWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// All metrics of a run's closed segments.
struct RunSeries {
  std::vector<std::int64_t> step;
  struct Series {
    std::vector<std::int64_t> shape;  // of one step: empty, [layer], [layer, expert]
    std::vector<double> values;       // [step, ...], NaN where missing
  };
  std::map<std::string, Series> metrics;
  std::vector<std::string> events;  // JSON lines
};
Expected<RunSeries> readRun(const std::filesystem::path& folder);

// Gives the steps of a run's closed segments one by one, with their wall-clock series; what a step lacks is left out.
// Holds a bounded block of steps.
Expected<void> forEachStep(const std::filesystem::path& folder,
                           const std::function<void(std::int64_t step, std::span<const Metric> metrics)>& visit);

}  // namespace moescope
