// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/run_file.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/commit_point.h"
#include "core/base/file.h"
#include "core/base/json_reading.h"
#include "core/study/run_segments.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {
constexpr double missing = std::numeric_limits<double>::quiet_NaN();

std::string numbered(std::size_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "%04zu.h5", number);
  return text;
}

// What is written now goes behind every name that is there.
std::size_t numberAfter(const std::vector<fs::path>& files, std::size_t prefix) {
  std::size_t next = 0;
  for (const fs::path& file : files) {
    const std::string digits = file.filename().string().substr(prefix);
    if (digits != "h5") next = std::max<std::size_t>(next, std::strtoul(digits.c_str(), nullptr, 10) + 1);
  }
  return next;
}

// One series being written: its closed segments in a folder, and the steps since the last one.
class Stream {
 public:
  Stream(fs::path folder, std::string prefix) : folder_(std::move(folder)), prefix_(std::move(prefix)) {}

  // Leaves steps up to and including `last` in the closed segments.
  Expected<void> resume(std::int64_t last) {
    const auto files = RunSegments::filesIn(folder_, !prefix_.empty());
    next_ = numberAfter(files, prefix_.size());
    for (const fs::path& file : files) {
      TRY(segment, RunSegments::open({file}));
      if (!segment.steps().empty() && segment.steps().back() <= last) {
        lastStep_ = std::max(lastStep_, segment.steps().back());
        for (const auto& [metric, shape] : segment.shapeByMetric()) shapeByMetric_[metric] = shape;
        continue;
      }
      TRY(series, segment.all());
      truncate(series, last);
      std::error_code code;
      if (series.step.empty() && series.events.empty())
        fs::remove(file, code);
      else
        TRY_DO(writeRunFile(file, series));
      if (!series.step.empty()) lastStep_ = std::max(lastStep_, series.step.back());
    }
    return {};
  }

  Expected<void> append(std::int64_t step, std::span<const Metric> metrics) {
    if (step < lastStep_)
      return bugError("a run goes back from step " + std::to_string(lastStep_) + " to " + std::to_string(step));
    for (const Metric& metric : metrics) TRY_DO(checkShape(metric));
    if (buffer_.step.empty() || buffer_.step.back() != step) {
      buffer_.step.push_back(step);
      for (auto& [name, series] : buffer_.metrics)
        series.values.resize(series.values.size() + widthOf(series.shape), missing);
    }
    lastStep_ = step;
    for (const Metric& metric : metrics) {
      RunSeries::Series& series = buffer_.metrics[metric.name];
      series.shape = metric.shape;
      series.values.resize(buffer_.step.size() * metric.values.size(), missing);
      std::copy(metric.values.begin(), metric.values.end(), series.values.end() - std::ssize(metric.values));
    }
    return {};
  }

  void event(std::string line) { buffer_.events.push_back(std::move(line)); }

  Expected<void> close() {
    if (buffer_.step.empty() && buffer_.events.empty()) return {};
    TRY_DO(writeRunFile(folder_ / (prefix_ + numbered(next_)), buffer_));
    ++next_;
    buffer_ = {};
    return {};
  }

  // All segments become one file. Killed in between, the new file and the old ones hold the same steps.
  Expected<void> compact(const std::string& name) {
    TRY_DO(close());
    const auto files = RunSegments::filesIn(folder_, !prefix_.empty());
    if (files.empty() && !prefix_.empty()) return {};
    {
      TRY(segments, RunSegments::open(files));
      TRY_DO(compactRunFiles(folder_ / name, segments));
    }
    pass(CommitPoint::segmentsMerged);
    std::error_code code;
    for (const fs::path& file : files)
      if (file.filename() != name) fs::remove(file, code);
    next_ = 1;
    return syncFolder(folder_);
  }

 private:
  Expected<void> checkShape(const Metric& metric) {
    if (metric.name.empty() || metric.name == "step" || metric.name.find('/') != std::string::npos)
      return bugError("'" + metric.name + "' cannot be the name of a metric");
    if (metric.shape.size() > 2 || widthOf(metric.shape) != metric.values.size())
      return bugError("the metric " + metric.name + " has " + std::to_string(metric.values.size()) +
                      " values, which is not its shape");
    const auto [known, added] = shapeByMetric_.emplace(metric.name, metric.shape);
    if (!added && known->second != metric.shape)
      return bugError("the metric " + metric.name + " changed its shape while the run went on");
    return {};
  }

  static void truncate(RunSeries& series, std::int64_t last) {
    const auto kept =
        static_cast<std::size_t>(std::upper_bound(series.step.begin(), series.step.end(), last) - series.step.begin());
    series.step.resize(kept);
    for (auto& [metric, of] : series.metrics) of.values.resize(kept * widthOf(of.shape));
    std::erase_if(series.events, [&](const std::string& line) {
      const auto event = parseJson(line);
      return event && event->is_object() && event->value("step", std::int64_t{0}) > last;
    });
  }

  fs::path folder_;
  std::string prefix_;
  std::size_t next_ = 0;
  std::int64_t lastStep_ = std::numeric_limits<std::int64_t>::min();
  RunSeries buffer_;
  std::map<std::string, std::vector<std::int64_t>> shapeByMetric_;
};
}  // namespace

struct RunWriter::State {
  Stream metrics, timing;
};

RunWriter::RunWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
RunWriter::RunWriter(RunWriter&&) noexcept = default;
RunWriter& RunWriter::operator=(RunWriter&&) noexcept = default;
RunWriter::~RunWriter() = default;

Expected<RunWriter> RunWriter::open(const fs::path& folder, std::int64_t resumeAfter) {
  TRY_DO(makeFolders(folder));
  // Drafts of a writer that was killed.
  std::error_code code;
  std::vector<fs::path> drafts;
  for (const auto& entry : fs::directory_iterator(folder, code))
    if (entry.path().filename().string().find(".h5.part") != std::string::npos) drafts.push_back(entry.path());
  for (const fs::path& draft : drafts) fs::remove(draft, code);
  auto state = std::make_unique<State>(State{Stream(folder, ""), Stream(folder, "timing.")});
  TRY_DO(state->metrics.resume(resumeAfter));
  TRY_DO(state->timing.resume(resumeAfter));
  return RunWriter(std::move(state));
}

Expected<void> RunWriter::append(std::int64_t step, std::span<const Metric> metrics) {
  return state_->metrics.append(step, metrics);
}

Expected<void> RunWriter::appendTiming(std::int64_t step, std::span<const Metric> metrics) {
  return state_->timing.append(step, metrics);
}

Expected<void> RunWriter::event(std::int64_t step, const Json& event) {
  if (!event.is_object()) return bugError("an event of a run is a JSON object");
  Json line = event;
  line["step"] = step;
  state_->metrics.event(canonical(line));
  return {};
}

Expected<void> RunWriter::closeSegment() {
  TRY_DO(state_->metrics.close());
  return state_->timing.close();
}

Expected<void> RunWriter::finish() {
  TRY_DO(state_->timing.compact("timing.h5"));
  return state_->metrics.compact("0000.h5");
}

Expected<RunSeries> readRun(const fs::path& folder) {
  std::error_code code;
  if (!fs::is_directory(folder, code)) return inputError("there is no run at " + folder.string(), folder.string());
  TRY(segments, RunSegments::open(RunSegments::filesIn(folder, false)));
  return segments.all();
}

namespace {

// Rows [first, first + count) of every metric, where each begins.
using Block = std::map<std::string, std::vector<double>>;

Expected<Block> readBlock(const RunSegments& segments, std::size_t first, std::size_t count) {
  Block block;
  for (const auto& [metric, shape] : segments.shapeByMetric()) {
    TRY(values, segments.rows(metric, first, count));
    block[metric] = std::move(values);
  }
  return block;
}

void addRow(const RunSegments& segments, const Block& block, std::size_t row, std::vector<Metric>& into) {
  for (const auto& [metric, values] : block) {
    const std::vector<std::int64_t>& shape = segments.shapeByMetric().at(metric);
    const std::size_t width = widthOf(shape);
    std::vector<double> own(values.begin() + std::ptrdiff_t(row * width),
                            values.begin() + std::ptrdiff_t((row + 1) * width));
    if (!std::ranges::all_of(own, [](double value) { return std::isnan(value); }))
      into.push_back({metric, std::move(own), shape});
  }
}

}  // namespace

Expected<void> forEachStep(const fs::path& folder,
                           const std::function<void(std::int64_t, std::span<const Metric>)>& visit) {
  constexpr std::size_t together = 64;
  TRY(run, RunSegments::open(RunSegments::filesIn(folder, false)));
  TRY(timing, RunSegments::open(RunSegments::filesIn(folder, true)));
  const std::vector<std::int64_t>& steps = run.steps();
  for (std::size_t first = 0; first < steps.size(); first += together) {
    const std::size_t count = std::min(together, steps.size() - first);
    TRY(block, readBlock(run, first, count));
    const auto from = std::ranges::lower_bound(timing.steps(), steps[first]);
    const auto to = std::ranges::upper_bound(timing.steps(), steps[first + count - 1]);
    const std::size_t timed = std::size_t(from - timing.steps().begin());
    TRY(seconds, readBlock(timing, timed, std::size_t(to - from)));
    for (std::size_t row = 0; row < count; ++row) {
      std::vector<Metric> metrics;
      addRow(run, block, row, metrics);
      const auto same = std::ranges::lower_bound(from, to, steps[first + row]);
      if (same != to && *same == steps[first + row]) addRow(timing, seconds, std::size_t(same - from), metrics);
      visit(steps[first + row], metrics);
    }
  }
  return {};
}

}  // namespace moescope
