// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/cache_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double multiples[] = {1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32};
constexpr std::size_t shortRun = 1;  // of segmentLengths: 16 tokens

std::int64_t leastSize(const CountedTrace& counted, std::size_t layer) {
  return std::min(counted.info.layers[layer].columns(), counted.info.layers[layer].numExperts);
}

// Sizes worth simulating: multiples of what a token chooses, up to all.
std::vector<std::int64_t> sizesOf(std::int64_t least, std::int64_t experts) {
  std::set<std::int64_t> sizes{experts};
  for (double multiple : multiples) {
    const auto size = static_cast<std::int64_t>(std::ceil(multiple * static_cast<double>(least)));
    if (size <= experts) sizes.insert(size);
  }
  return {sizes.begin(), sizes.end()};
}

double mostUsed(const std::vector<std::int64_t>& counts, std::int64_t size) {
  std::vector<std::int64_t> sorted = counts;
  std::ranges::sort(sorted, std::greater<>());
  double held = 0, all = 0;
  for (std::size_t at = 0; at < sorted.size(); ++at) {
    all += static_cast<double>(sorted[at]);
    if (static_cast<std::int64_t>(at) < size) held += static_cast<double>(sorted[at]);
  }
  return all > 0 ? held / all : nan;
}

// Sums over layers of what a token misses, at each size; a layer smaller than the size holds all of its experts.
struct Totals {
  double chosen = 0, missed = 0, even = 0;
  double hitRate() const { return chosen > 0 ? 1 - missed / chosen : nan; }
};

double rateAt(const CachedLayer& layer, std::size_t policy, std::int64_t size) {
  if (layer.sizes.empty() || size < layer.sizes.front()) return nan;
  const auto at = std::ranges::upper_bound(layer.sizes, size) - layer.sizes.begin() - 1;
  return layer.rates[policy][static_cast<std::size_t>(at)];
}

struct Budget {
  std::vector<std::int64_t> slots;
  double shared = nan, even = nan;  // LRU hit rates
  std::int64_t total = 0;
};

// LRU hits of a token by layer and size, and the best way to spend the budget on them.
Budget spend(const CountedTrace& counted, const std::vector<CachedLayer>& layers, std::int64_t wanted) {
  std::vector<std::vector<double>> gain;
  std::vector<std::int64_t> least;
  Budget budget;
  double chosen = 0;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    gain.push_back(layers[layer].recent);
    for (double& each : gain.back()) each *= layers[layer].chosen;
    least.push_back(leastSize(counted, layer));
    budget.total += std::min(2 * least.back(), counted.info.layers[layer].numExperts);
    chosen += layers[layer].chosen;
  }
  if (wanted > 0) budget.total = wanted;
  budget.slots = bestSizes(gain, least, budget.total);
  double shared = 0, even = 0;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const auto last = static_cast<std::int64_t>(gain[layer].size()) - 1;
    const auto each = budget.total / static_cast<std::int64_t>(layers.size());
    shared += gain[layer][static_cast<std::size_t>(budget.slots[layer])];
    even += gain[layer][static_cast<std::size_t>(std::clamp(each, least[layer], last))];
  }
  budget.shared = shared / chosen;
  budget.even = even / chosen;
  return budget;
}

std::string percent(double share) {
  return std::isnan(share) ? "–" : fmt::format("{:.1f} %", 100 * share);
}

// The verdict goes first: whether there is anything to keep.
void addVerdict(Result& result, const std::vector<CachedLayer>& layers, const Budget& budget, double evenAt,
                double mostAt) {
  const Array* working = result.array("working_set");
  double touched = 0, all = 0;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const double set = working->values[layer * segmentLengths.size() + segmentLengths.size() - 1];
    if (!std::isnan(set)) touched += set;
    all += static_cast<double>(layers[layer].recent.size()) - 1;
  }
  const std::string hot = std::isnan(mostAt)       ? "not known"
                          : mostAt > evenAt + 0.15 ? "yes: some experts are asked for far more than others"
                                                   : "no: which experts are asked for moves with the text";
  std::vector<std::string> question{
      "Experts that 256 tokens in a row touch",
      fmt::format("A cache of {} experts over all layers, the same in each", budget.total),
      "The same budget, shared out over layers",
      "The same experts always kept",
      "A cache that ignores what is asked",
      "Is there a set worth keeping?"};
  std::vector<std::string> answer{touched > 0 ? percent(touched / all) : "no document is that long",
                                  percent(budget.even) + " hit",
                                  percent(budget.shared) + " hit",
                                  percent(mostAt) + " hit",
                                  percent(evenAt) + " hit",
                                  hot};
  result.add("plan", Table{{{"question", "", question}, {"answer", "", answer}}});
}

}  // namespace

CachedLayer cachedLayer(const LayerLocality& locality, const CountedTrace& counted, std::size_t layer) {
  const std::int64_t experts = counted.info.layers[layer].numExperts;
  CachedLayer cached{.chosen = routedTotals(counted.counters, layer).chosen(),
                     .sizes = sizesOf(leastSize(counted, layer), experts)};
  cached.recent = locality.reuse().hitRates();
  cached.rates.resize(cachePolicies.size());
  const SegmentCounts& run = locality.segment(shortRun);
  for (std::int64_t size : cached.sizes) {
    const auto at = static_cast<std::size_t>(size);
    cached.rates[0].push_back(cached.recent[at]);
    cached.rates[1].push_back(leastFrequentHitRate(locality.simulated(), size));
    cached.rates[2].push_back(beladyHitRate(locality.simulated(), size));
    cached.rates[3].push_back(run.offered() > 0 ? run.covered()[at] / run.offered() : nan);
    cached.rates[4].push_back(mostUsed(counted.counters.layers[layer].count, size));
  }
  return cached;
}

void addCachePlan(Result& result, const CountedTrace& counted, const std::vector<CachedLayer>& layers,
                  const Parameters& set) {
  std::set<std::int64_t> all;
  std::int64_t least = 0;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    all.insert(layers[layer].sizes.begin(), layers[layer].sizes.end());
    least = std::max(least, leastSize(counted, layer));
  }
  std::erase_if(all, [&](std::int64_t size) { return size < least; });
  const std::vector<std::int64_t> sizes(all.begin(), all.end());
  Axis sizeAxis{.name = "size"}, policyAxis{.name = "policy"};
  for (std::int64_t size : sizes) sizeAxis.labels.push_back(std::to_string(size));
  policyAxis.labels.assign(cachePolicies.begin(), cachePolicies.end());
  const std::size_t policies = cachePolicies.size();
  std::vector<double> rate(layers.size() * sizes.size() * policies, nan), mean, even, added, memory;
  const double megabytes = set.real("expert_megabytes"), bandwidth = set.real("bandwidth");
  for (std::size_t at = 0; at < sizes.size(); ++at) {
    double kept = 0;
    for (std::size_t layer = 0; layer < layers.size(); ++layer)
      kept += static_cast<double>(std::min(sizes[at], layers[layer].sizes.back()));
    memory.push_back(kept * megabytes / 1000);
    for (std::size_t policy = 0; policy < policies; ++policy) {
      Totals totals;
      for (std::size_t layer = 0; layer < layers.size(); ++layer) {
        const CachedLayer& of = layers[layer];
        const double hit = rateAt(of, policy, sizes[at]);
        rate[(layer * sizes.size() + at) * policies + policy] = hit;
        if (std::isnan(hit)) continue;
        totals.chosen += of.chosen;
        totals.missed += (1 - hit) * of.chosen;
        totals.even += of.chosen * std::min(1.0, static_cast<double>(sizes[at]) / static_cast<double>(of.sizes.back()));
      }
      mean.push_back(totals.hitRate());
      even.push_back(totals.chosen > 0 ? totals.even / totals.chosen : nan);
      added.push_back(totals.chosen > 0 ? totals.missed * megabytes / bandwidth : nan);  // MB / (GB/s) = ms
    }
  }
  result.axes.push_back(std::move(sizeAxis));
  result.axes.push_back(std::move(policyAxis));
  result.add("hit_rate", "of requests", {"layer", "size", "policy"}, std::move(rate)).help =
      "Requests for an expert that the cache of that many experts of the layer holds, first ones ever apart.";
  const double evenAt = even.empty() ? nan : 0;
  const Budget budget = spend(counted, layers, set.integer("budget"));
  double mostAt = nan, chance = evenAt;
  const std::int64_t each = budget.total / static_cast<std::int64_t>(layers.size());
  for (std::size_t at = 0; at < sizes.size(); ++at)
    if (sizes[at] <= std::max(each, least)) {
      mostAt = mean[at * policies + policies - 1];
      chance = even[at * policies];
    }
  Array& over = result.add("hit_rate_mean", "of requests", {"size", "policy"}, std::move(mean));
  over.help = "Over all layers, each with as many experts as a token chooses there. Baseline: size / E.";
  over.baseline = std::move(even);
  result.add("added", "ms a token", {"size", "policy"}, std::move(added)).help =
      "Misses of a token over all layers x megabytes of an expert / bandwidth.";
  result.add("memory", "GB", {"size"}, std::move(memory)).help = "Of the experts kept, over all layers.";
  result.addWhole("slots", "experts", {"layer"}, std::vector<double>(budget.slots.begin(), budget.slots.end())).help =
      "Experts to keep in each layer so that LRU caches of this budget hit most (exact).";
  addVerdict(result, layers, budget, chance, mostAt);
}

}  // namespace moescope
