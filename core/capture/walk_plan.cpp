// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/walk_plan.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "kernels/cpu/panels.h"

namespace moescope {
namespace {

constexpr double real = 4;  // bytes of fp32

// The largest of each kind of part, bytes.
struct Largest {
  double layer = 0, storedLayer = 0;    // fp32, as stored
  double expert = 0, storedExpert = 0;  // one
};

Largest largestOf(const WeightStore& weights, const WalkEnd& end) {
  Largest largest;
  const ModelConfig& config = weights.config();
  for (std::int64_t index = 0; index <= end.block; ++index) {
    const WeightStore::Part& layer = weights.layer(index);
    largest.layer = std::max(largest.layer, real * double(layer.parameters));
    largest.storedLayer = std::max(largest.storedLayer, double(layer.resident));
    if (!config.isSparse(index)) continue;
    const WeightStore::Part& expert = weights.expert(index, 0);
    largest.expert = std::max(largest.expert, real * double(expert.parameters));
    largest.storedExpert = std::max(largest.storedExpert, double(expert.resident));
  }
  return largest;
}

// What attention and dense layers have in hand for one piece.
double attentionMemory(const ModelConfig& config, const WalkEnd& end, double positions) {
  double widest = 0;
  for (std::int64_t index = 0; index <= end.block; ++index) {
    const AttentionConfig& attention = config.attentionOf(index);
    widest = std::max(widest, double(attention.heads) * double(attention.headWidth));
  }
  const double wide = double(std::max(config.denseWidth, config.moe.sharedWidth));
  return real * positions * (4.0 * double(config.hidden) + std::max(8.0 * widest, 4.0 * wide));
}

// Of all parts that a walk needs, embedding and head left out.
double sumOf(const WeightStore& weights, const WalkEnd& end, std::uint64_t WeightStore::Part::*size) {
  double all = 0;
  for (std::int64_t index = 0; index <= end.block; ++index) {
    all += double(weights.layer(index).*size);
    if (!weights.config().isSparse(index) || (index == end.block && !end.experts)) continue;
    for (std::int64_t e = 0; e < weights.config().moe.experts; ++e) all += double(weights.expert(index, e).*size);
  }
  return all;
}

}  // namespace

double availableMemory() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  double kilobytes = 0;
  while (file >> name >> kilobytes) {
    if (name == "MemAvailable:") return kilobytes * 1024;
    file.ignore(64, '\n');
  }
  return 4e9;
}

WalkEnd wholeModel(const ModelConfig& config) {
  return {config.layers - 1, true, true};
}

WalkEnd lastRouter(const ModelConfig& config) {
  WalkEnd end{-1, false, false};
  for (std::int64_t index = 0; index < config.layers; ++index)
    if (config.isSparse(index)) end.block = index;
  return end;
}

WalkPlan planWalk(const WeightStore& weights, const WalkEnd& end, const WalkExtent& extent, std::uint64_t budget) {
  const ModelConfig& config = weights.config();
  const Largest largest = largestOf(weights, end);
  const double hidden = double(config.hidden), threads = at::get_num_threads();
  const double allowed = budget > 0 ? double(budget) : 0.7 * availableMemory();
  const double piece =
      double(std::max<std::uint64_t>(extent.longest, std::min<std::uint64_t>(extent.batch, attentionTokens)));

  WalkPlan plan;
  // Products take experts as they are stored, or a copy in fp32.
  const double expert = largest.storedExpert + (kernels::hasPanels() ? 0 : largest.expert);
  const double experts = std::clamp(std::floor(allowed / 8 / std::max(expert, 1.0)), threads, 4096.0);
  plan.experts = std::int64_t(experts);
  plan.window = std::uint64_t(std::clamp(allowed / 8, threads * largest.storedExpert, 256e6));
  // One wave of tiles, one bench a thread, and the experts themselves, converted and as stored.
  const double bench = 256 * real * (6 * threads * hidden + threads * (hidden + 3.0 * double(config.moe.expertWidth)));
  const double passing = largest.expert > 0
                             ? std::min(experts, double(config.moe.experts)) * (largest.expert + largest.storedExpert) +
                                   bench + double(plan.window) + largest.storedLayer
                             : largest.storedLayer;
  const double predicting = end.loss ? real * (double(headRows) * hidden * 2 + 3.0 * 1024 * double(headRows)) : 0;
  const double fixed =
      std::max(largest.layer + std::max(attentionMemory(config, end, piece), passing), predicting) + (16 << 20);

  const double perToken = 3 * real * hidden + 12.0 * double(config.moe.topK) + 64 + extent.bytesPerToken;
  const double all = double(std::max<std::uint64_t>(extent.tokens, 1)),
               least = double(std::max<std::uint64_t>(extent.batch, 1));
  double group = std::max(least, std::floor((allowed - fixed) / perToken));
  const double stored = sumOf(weights, end, &WeightStore::Part::resident);
  if (group < all && stored + fixed + least * perToken <= allowed) {
    plan.keep = true;
    group = std::max(least, std::floor((allowed - fixed - stored) / perToken));
  }
  group = std::min(group, all);
  plan.group = std::uint64_t(group);
  plan.groups = std::uint64_t(std::ceil(all / group));
  plan.memory = std::uint64_t(fixed + group * perToken + (plan.keep ? stored : 0));
  const double head = end.loss ? double(weights.head().bytes) : 0;
  plan.bytesRead = (sumOf(weights, end, &WeightStore::Part::bytes) + head) * (plan.keep ? 1 : double(plan.groups)) +
                   std::min(all * hidden * real, double(weights.embedding().bytes));
  plan.once = plan.bytesRead > 0.25 * availableMemory();
  return plan;
}

}  // namespace moescope
