// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/walk_cost.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/capture/reading.h"
#include "core/model/threads.h"

namespace moescope {
namespace {

constexpr double diskRate = 1e9;  // bytes a second: a solid state disk that others use too

// Numbers that every token meets on its way, k of E experts, up to where the walk ends.
double metByToken(const WeightStore& weights, const WalkEnd& end) {
  const ModelConfig& config = weights.config();
  double met = end.loss ? double(weights.head().parameters) : 0;
  for (std::int64_t index = 0; index <= end.block; ++index) {
    met += double(weights.layer(index).parameters);
    if (config.isSparse(index) && (index < end.block || end.experts))
      met += double(config.moe.topK) * double(weights.expert(index, 0).parameters);
  }
  return met;
}

}  // namespace

Expected<Cost> walkCost(const Inputs& inputs, const Parameters& set, const WeightStore& weights, const WalkEnd& end,
                        double keptPerToken, double bytesPerToken) {
  TRY(size, readingSize(inputs, set, weights.config()));
  const std::uint64_t length = std::max<std::uint64_t>(1, std::min(std::uint64_t(size.length), size.tokens));
  WalkExtent extent{.tokens = size.tokens, .longest = length, .bytesPerToken = keptPerToken};
  extent.batch = std::max<std::uint64_t>(
      length, std::min<std::uint64_t>({size.tokens, 4096, length * std::uint64_t(set.integer("batch"))}));
  const WalkPlan plan = planWalk(weights, end, extent, 0);
  Cost cost;
  cost.bytes = std::uint64_t(double(size.tokens) * bytesPerToken);
  cost.memory = plan.memory + (200ull << 20);
  const double computing = 2 * metByToken(weights, end) * double(size.tokens) / measuredRate() / 0.5;
  cost.seconds = std::max(computing, plan.bytesRead / diskRate) + 1;
  return cost;
}

void sayPlan(const WalkPlan& plan, Job& job) {
  job.log("info", fmt::format("{} of {} tokens, about {:.0f} MB of memory{}.",
                              plan.groups == 1 ? std::string("One group") : fmt::format("{} groups", plan.groups),
                              plan.group, double(plan.memory) / 1e6,
                              plan.keep ? "; weights stay in memory after their first reading" : ""));
  const std::uint64_t budget = job.resources().memory;
  if (budget > 0 && plan.memory > budget)
    job.log(
        "warning",
        fmt::format("This model needs about {:.0f} MB for its largest layer and one batch of windows, more than the "
                    "{:.0f} MB given; a smaller length or batch needs less.",
                    double(plan.memory) / 1e6, double(budget) / 1e6));
}

}  // namespace moescope
