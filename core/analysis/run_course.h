// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/job.h"

namespace moescope {

// The course of one training in windows of steps: small, however long the run was.
struct RunCourse {
  Json settings = Json::object();  // what was asked for; empty where the run does not say
  std::int64_t lastStep = 0;
  std::map<std::string, std::vector<double>> means;  // by metric, [window]: over its steps and layers; NaN where none
};

// The last step of a run. Input error for a run without a step.
Expected<std::int64_t> lastStepOf(const std::filesystem::path& run);

// `windows` equal parts of the steps 1 to `lastStep`, which may lie behind the run's own end. `metrics` that the run
// does not have are left out. Holds one metric's block of steps at a time. A job that is cancelled ends it.
Expected<RunCourse> courseOf(const std::filesystem::path& run, const std::vector<std::string>& metrics,
                             std::int64_t lastStep, std::int64_t windows, const Job& job);

// The step in the middle of a window, for axes.
double middleStep(std::int64_t window, std::int64_t windows, std::int64_t lastStep);

}  // namespace moescope
