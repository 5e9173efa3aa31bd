// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/work_order.h"

#include <algorithm>
#include <cctype>

namespace moescope {

Json toJson(const Resources& resources) {
  return Json{{"device", resources.device}, {"threads", resources.threads}, {"memory", resources.memory}};
}

Json toJson(const WorkOrder& order) {
  return Json{{"job", order.job},
              {"study", order.study.string()},
              {"request", toJson(order.request)},
              {"worker", order.worker},
              {"title", order.title},
              {"resources", toJson(order.resources)},
              {"names", order.names},
              {"fresh", order.fresh},
              {"keep", order.keep},
              {"estimate_only", order.estimateOnly},
              {"exclusive", order.exclusive}};
}

Expected<WorkOrder> workOrderFromJson(const Json& json) {
  try {
    TRY(request, requestFromJson(json.at("request")));
    const Json& resources = json.at("resources");
    WorkOrder order{.job = json.at("job"),
                    .study = json.at("study").get<std::string>(),
                    .request = std::move(request),
                    .worker = json.at("worker"),
                    .title = json.at("title"),
                    .resources = {.device = resources.at("device"),
                                  .threads = resources.at("threads"),
                                  .memory = resources.at("memory")},
                    .names = json.at("names"),
                    .fresh = json.at("fresh"),
                    .keep = json.at("keep"),
                    .estimateOnly = json.at("estimate_only"),
                    .exclusive = json.at("exclusive")};
    TRY_DO(checkJobId(order.job));
    return order;
  } catch (const Json::exception& error) {
    return inputError(std::string("an order for a worker is damaged: ") + error.what());
  }
}

Expected<void> checkJobId(std::string_view job) {
  const bool sound = !job.empty() && job.size() <= 48 && job[0] != '.' &&
                     std::all_of(job.begin(), job.end(),
                                 [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-' || c == '.'; });
  if (!sound) return usageError("a job is named by 1 to 48 letters, digits, '_', '-' and '.', not beginning with '.'");
  return {};
}

std::string deviceOf(const Resources& resources) {
  if (resources.device == "cuda") return "cuda:0";
  if (resources.device != "auto" && !resources.device.empty()) return resources.device;
  return std::filesystem::exists("/dev/nvidia0") ? "cuda:0" : "cpu";
}

std::filesystem::path jobRecord(const std::filesystem::path& study, const std::string& job) {
  return study / "jobs" / job;
}

}  // namespace moescope
