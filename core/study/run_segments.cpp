// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/run_segments.h"

#include <unistd.h>
#include <algorithm>
#include <limits>

#include "core/base/checked.h"
#include "core/base/commit_point.h"
#include "core/base/file.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t mostSteps = 1u << 28;

// Steps of one chunk and of one piece of work, about a megabyte. Part of the file's layout: another number, other
// bytes.
std::size_t stepsOfBlock(std::size_t width, std::size_t steps) {
  const std::size_t byWidth = std::clamp<std::size_t>((1u << 17) / std::max<std::size_t>(1, width), 1, 1024);
  return std::clamp<std::size_t>(steps, 1, byWidth);
}

// "0000.h5" or "timing.0000.h5": digits only between prefix and ".h5".
bool isSegment(const std::string& file, bool timing) {
  std::string_view middle = file;
  if (timing != middle.starts_with("timing.")) return false;
  if (timing) middle.remove_prefix(7);
  if (timing && middle == "h5") return true;
  if (!middle.ends_with(".h5")) return false;
  middle.remove_suffix(3);
  return middle.size() >= 4 && std::all_of(middle.begin(), middle.end(), [](char c) { return c >= '0' && c <= '9'; });
}

using BlockOf = std::function<Expected<std::vector<double>>(const std::string&, std::size_t, std::size_t)>;

// The one writer of run files: metrics in the order of their names, in blocks, whatever the segments were.
Expected<void> writeBlocks(const fs::path& path, const std::vector<std::int64_t>& steps,
                           const std::vector<std::string>& events,
                           const std::map<std::string, std::vector<std::int64_t>>& shapeByMetric,
                           const BlockOf& blockOf) {
  const fs::path draft = path.string() + ".part" + std::to_string(::getpid());
  auto written = [&]() -> Expected<void> {
    TRY(file, hdf5::File::create(draft));
    TRY_DO(file.write<std::int64_t>("/metrics/step", steps, {steps.size()}));
    for (const auto& [metric, shape] : shapeByMetric) {
      const std::string at = "/metrics/" + metric;
      const std::size_t blockSteps = stepsOfBlock(widthOf(shape), steps.size());
      TRY_DO(file.makeGrowing(at, hdf5::Type::float64, {shape.begin(), shape.end()}, blockSteps, true));
      for (std::size_t first = 0; first < steps.size(); first += blockSteps) {
        TRY(block, blockOf(metric, first, std::min(blockSteps, steps.size() - first)));
        TRY_DO(file.appendRows<double>(at, block));
      }
    }
    TRY_DO(file.writeStrings("/events", events));
    return file.close();
  }();
  if (written) written = syncFile(draft);
  if (written) pass(CommitPoint::segmentWritten);
  std::error_code code;
  if (written) fs::rename(draft, path, code);
  if (written && code) written = systemError("rename", draft.string(), code.value());
  if (!written) {
    fs::remove(draft, code);
    return written;
  }
  pass(CommitPoint::segmentRenamed);
  return syncFolder(path.parent_path());
}
}  // namespace

std::size_t widthOf(const std::vector<std::int64_t>& shape) {
  return static_cast<std::size_t>(checkedProduct<std::int64_t>(shape).value_or(0));
}

std::vector<fs::path> RunSegments::filesIn(const fs::path& folder, bool timing) {
  std::vector<fs::path> files;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code))
    if (isSegment(entry.path().filename().string(), timing)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

Expected<void> RunSegments::add(const fs::path& path) {
  TRY(file, hdf5::File::open(path));
  TRY(step, file.read<std::int64_t>("/metrics/step", mostSteps));
  if (!std::is_sorted(step.begin(), step.end(), std::less_equal<>()))
    return inputError("/metrics/step of " + path.string() + " does not increase", path.string());
  std::vector<std::string> metrics;
  for (const std::string& metric : file.children("/metrics")) {
    if (metric == "step") continue;
    TRY(shape, file.shape("/metrics/" + metric));
    if (shape.extent.empty() || shape.extent.size() > 3 || shape.extent[0] != step.size())
      return inputError(
          "/metrics/" + metric + " of " + path.string() + " is not [step], [step, layer] or [step, layer, expert]",
          path.string());
    const std::vector<std::int64_t> ofStep(shape.extent.begin() + 1, shape.extent.end());
    const auto [known, added] = shapeByMetric_.emplace(metric, ofStep);
    if (!added && known->second != ofStep)
      return inputError("/metrics/" + metric + " of " + path.string() + " has another shape than in an earlier segment",
                        path.string());
    metrics.push_back(metric);
  }
  if (file.has("/events")) {
    TRY(events, file.readStrings("/events"));
    for (std::string& event : events)
      if (std::find(events_.begin(), events_.end(), event) == events_.end()) events_.push_back(std::move(event));
  }
  segments_.push_back({std::move(file), std::move(step), {}, std::move(metrics)});
  return {};
}

Expected<RunSegments> RunSegments::open(std::vector<fs::path> files) {
  RunSegments all;
  for (const fs::path& file : files) TRY_DO(all.add(file));
  for (const Segment& segment : all.segments_)
    all.steps_.insert(all.steps_.end(), segment.step.begin(), segment.step.end());
  std::sort(all.steps_.begin(), all.steps_.end());
  all.steps_.erase(std::unique(all.steps_.begin(), all.steps_.end()), all.steps_.end());
  for (Segment& segment : all.segments_)
    for (const std::int64_t step : segment.step)
      segment.row.push_back(
          static_cast<std::size_t>(std::lower_bound(all.steps_.begin(), all.steps_.end(), step) - all.steps_.begin()));
  return all;
}

Expected<std::vector<double>> RunSegments::rows(const std::string& metric, std::size_t first, std::size_t count) const {
  const auto shape = shapeByMetric_.find(metric);
  if (shape == shapeByMetric_.end())
    return bugError("a run is asked for its metric '" + metric + "', which it does not have");
  const std::size_t width = widthOf(shape->second);
  const auto size = checkedMultiply<std::size_t>(count, width);
  if (!size || *size > (1ull << 31))
    return inputError("the metric " + metric + " of a run is too large to be read at once");
  std::vector<double> block(*size, std::numeric_limits<double>::quiet_NaN());
  for (const Segment& segment : segments_) {
    if (!std::binary_search(segment.metrics.begin(), segment.metrics.end(), metric)) continue;
    const auto begin = std::lower_bound(segment.row.begin(), segment.row.end(), first);
    const auto end = std::lower_bound(begin, segment.row.end(), first + count);
    if (begin == end || width == 0) continue;
    const auto from = static_cast<std::size_t>(begin - segment.row.begin());
    TRY(values, segment.file.readRows<double>("/metrics/" + metric, from, static_cast<std::uint64_t>(end - begin)));
    for (std::size_t at = 0; at < values.size(); ++at) {
      const std::size_t row = *(begin + static_cast<std::ptrdiff_t>(at / width)) - first;
      // Of a step in two segments, the one that knows the value.
      if (values[at] == values[at]) block[row * width + at % width] = values[at];
    }
  }
  return block;
}

Expected<RunSeries> RunSegments::all() const {
  RunSeries series;
  series.step = steps_;
  series.events = events_;
  for (const auto& [metric, shape] : shapeByMetric_) {
    TRY(values, rows(metric, 0, steps_.size()));
    series.metrics[metric] = {shape, std::move(values)};
  }
  return series;
}

Expected<void> writeRunFile(const fs::path& path, const RunSeries& series) {
  std::map<std::string, std::vector<std::int64_t>> shapeByMetric;
  for (const auto& [metric, of] : series.metrics) shapeByMetric[metric] = of.shape;
  return writeBlocks(
      path, series.step, series.events, shapeByMetric,
      [&](const std::string& metric, std::size_t first, std::size_t count) -> Expected<std::vector<double>> {
        const RunSeries::Series& of = series.metrics.at(metric);
        const auto width = static_cast<std::ptrdiff_t>(widthOf(of.shape));
        const auto begin = of.values.begin() + static_cast<std::ptrdiff_t>(first) * width;
        return std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(count) * width);
      });
}

Expected<void> compactRunFiles(const fs::path& path, const RunSegments& segments) {
  return writeBlocks(path, segments.steps(), segments.events(), segments.shapeByMetric(),
                     [&](const std::string& metric, std::size_t first, std::size_t count) {
                       return segments.rows(metric, first, count);
                     });
}

}  // namespace moescope
