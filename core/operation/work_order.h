// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/base/job.h"
#include "core/operation/request.h"

namespace moescope {

// What a supervisor hands to a worker: the request, the study it belongs to and how to run it. Kept as
// jobs/<job>/order.json, so that a supervisor that comes later can go on with a job that it did not start.
struct WorkOrder {
  std::string job;               // unique within the study; the name of its folder
  std::filesystem::path study;   // absolute
  Request request;               // resolved
  std::string worker = "light";  // as in the description; a folder for a plugin
  std::string title = {};        // of the operation, for lists of jobs
  Resources resources = {};
  std::map<std::string, std::string> names = {};  // names that outputs get at their commit, by port
  bool fresh = false;                             // forget what an earlier, killed run of this request left
  bool keep = true;                               // false: a preview in scratch/, not filed in the catalogue
  bool estimateOnly = false;                      // say what it would cost, and run nothing
  bool exclusive = false;  // one such job per device at a time: trainings and captures that are kept
};

Json toJson(const WorkOrder& order);
Expected<WorkOrder> workOrderFromJson(const Json& json);

// Job ids become folder names: 1-48 letters, digits, "_-.", not beginning with a dot.
Expected<void> checkJobId(std::string_view job);

// S/jobs/<job>: order.json, messages (JSON lines, worker to supervisor), events (JSON lines, the other way), output
// (what was printed).
std::filesystem::path jobRecord(const std::filesystem::path& study, const std::string& job);

Json toJson(const Resources& resources);

// The device that "auto" and "cuda" mean on this machine: "cpu", "cuda:0", ... What runs there alone is told apart by
// it.
std::string deviceOf(const Resources& resources);

}  // namespace moescope
