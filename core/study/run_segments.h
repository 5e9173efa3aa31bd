// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <vector>

#include "core/study/hdf5.h"
#include "core/study/run_file.h"

// The closed segments of a run seen as one series of steps. Their metrics may differ: what a segment lacks is NaN
// there. Steps that two segments hold (a compaction that was killed) are one step.
namespace moescope {

class RunSegments {
 public:
  // Segments of a run ("0000.h5") or of its wall-clock series ("timing.0000.h5", "timing.h5"), in order.
  static std::vector<std::filesystem::path> filesIn(const std::filesystem::path& folder, bool timing);
  // Reads steps, events and shapes and checks them as foreign: an input error names the file and the metric.
  static Expected<RunSegments> open(std::vector<std::filesystem::path> files);

  const std::vector<std::int64_t>& steps() const { return steps_; }
  const std::vector<std::string>& events() const { return events_; }
  const std::map<std::string, std::vector<std::int64_t>>& shapeByMetric() const { return shapeByMetric_; }
  // Rows [first, first + count) of a metric, [count, ...].
  Expected<std::vector<double>> rows(const std::string& metric, std::size_t first, std::size_t count) const;
  Expected<RunSeries> all() const;

 private:
  struct Segment {
    hdf5::File file;
    std::vector<std::int64_t> step;  // increasing
    std::vector<std::size_t> row;    // in the whole run, of each of its steps
    std::vector<std::string> metrics;
  };
  Expected<void> add(const std::filesystem::path& path);

  std::vector<Segment> segments_;
  std::vector<std::int64_t> steps_;
  std::vector<std::string> events_;
  std::map<std::string, std::vector<std::int64_t>> shapeByMetric_;
};

// Writes a whole series as one file at `path`, which appears complete or not at all. The bytes follow from the values
// alone.
Expected<void> writeRunFile(const std::filesystem::path& path, const RunSeries& series);
// The same from segments, a bounded block of steps at a time.
Expected<void> compactRunFiles(const std::filesystem::path& path, const RunSegments& segments);

std::size_t widthOf(const std::vector<std::int64_t>& shape);  // product

}  // namespace moescope
