// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/run_course.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/json_reading.h"
#include "core/study/run_segments.h"

namespace moescope {

namespace {

constexpr std::size_t together = 256;  // steps read at once

Expected<RunSegments> openRun(const std::filesystem::path& run) {
  TRY(segments, RunSegments::open(RunSegments::filesIn(run, false)));
  if (segments.steps().empty())
    return inputError("This run has no steps: its training ended before the first one.", run.string());
  return segments;
}

Json settingsOf(const RunSegments& segments, const std::filesystem::path& run) {
  for (const std::string& line : segments.events()) {
    const auto event = parseJson(line, run.string());
    if (event && event->is_object() && event->value("kind", Json()) == "start" && event->contains("settings") &&
        event->at("settings").is_object())
      return event->at("settings");
  }
  return Json::object();
}

struct Mean {
  double sum = 0;
  std::int64_t count = 0;
  void add(double value) {
    if (std::isfinite(value)) sum += value, ++count;
  }
  double value() const { return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / double(count); }
};

}  // namespace

Expected<std::int64_t> lastStepOf(const std::filesystem::path& run) {
  TRY(segments, openRun(run));
  return segments.steps().back();
}

double middleStep(std::int64_t window, std::int64_t windows, std::int64_t lastStep) {
  return (double(window) + 0.5) * double(lastStep) / double(windows);
}

Expected<RunCourse> courseOf(const std::filesystem::path& run, const std::vector<std::string>& metrics,
                             std::int64_t lastStep, std::int64_t windows, const Job& job) {
  TRY(segments, openRun(run));
  const std::vector<std::int64_t>& steps = segments.steps();
  RunCourse course{.settings = settingsOf(segments, run), .lastStep = steps.back(), .means = {}};
  for (const std::string& metric : metrics) {
    const auto shape = segments.shapeByMetric().find(metric);
    if (shape == segments.shapeByMetric().end()) continue;
    const std::size_t width = widthOf(shape->second);
    std::vector<Mean> byWindow(std::size_t(windows), Mean{});
    for (std::size_t first = 0; first < steps.size(); first += together) {
      if (job.cancelled()) return cancelledError();
      const std::size_t count = std::min(together, steps.size() - first);
      TRY(values, segments.rows(metric, first, count));
      for (std::size_t row = 0; row < count; ++row) {
        Mean ofStep;
        for (std::size_t i = 0; i < width; ++i) ofStep.add(values[row * width + i]);
        if (ofStep.count == 0) continue;
        const double place = double(steps[first + row] - 1) / double(std::max<std::int64_t>(1, lastStep));
        byWindow[std::size_t(std::clamp<std::int64_t>(std::int64_t(place * double(windows)), 0, windows - 1))].add(
            ofStep.value());
      }
    }
    std::vector<double>& means = course.means[metric];
    for (const Mean& mean : byWindow) means.push_back(mean.value());
  }
  return course;
}

}  // namespace moescope
