// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/capacity_simulation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/trace/chunk.h"

namespace moescope {

namespace {

// All assignments, in the order in which they take places.
std::vector<std::size_t> placingOrder(std::span<const float> weight, std::size_t assignments, std::size_t columns,
                                      Priority priority) {
  std::vector<std::size_t> order(assignments);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (priority == Priority::weight)
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return weight[a] > weight[b]; });
  if (priority == Priority::rank)
    for (std::size_t at = 0, rank = 0; rank < columns; ++rank)
      for (std::size_t from = rank; from < assignments; from += columns) order[at++] = from;
  return order;
}

}  // namespace

std::vector<std::int64_t> queuePlaces(std::span<const std::uint16_t> expert, std::span<const float> weight,
                                      std::int64_t k, std::int64_t experts, Priority priority) {
  std::vector<std::int64_t> places(expert.size(), -1), taken(experts);
  for (std::size_t at : placingOrder(weight, expert.size(), static_cast<std::size_t>(k), priority))
    if (expert[at] < experts) places[at] = taken[expert[at]]++;
  return places;
}

std::int64_t groupCapacity(double factor, std::int64_t tokens, std::int64_t k, std::int64_t experts) {
  const double places = factor * static_cast<double>(tokens) * static_cast<double>(k) / static_cast<double>(experts);
  return static_cast<std::int64_t>(std::ceil(places - 1e-9));  // 1.1 * 10 is 11, as where models are trained
}

CapacitySimulation::CapacitySimulation(const CountedTrace& counted, const CapacitySetting& setting)
    : info_(counted.info), setting_(setting), rowOf_(documentRows(counted)) {
  const auto factors = setting.factors.size();
  for (const TraceLayer& layer : info_.layers) {
    CapacityDrops drops;
    drops.byDecile.assign(factors, std::vector<double>(CapacityDrops::deciles));
    drops.byExpert.assign(factors, std::vector<double>(layer.numExperts));
    drops.lost.resize(factors);
    drops.byDocument.cells = static_cast<std::int64_t>(factors + 1);
    drops.byDocument.values.resize(static_cast<std::size_t>(counted.documents()) * (factors + 1));
    layers_.push_back(std::move(drops));
  }
}

void CapacitySimulation::add(const TraceChunk& chunk) {
  for (std::size_t first = 0; first < chunk.tokens();) {
    std::size_t end = first;
    while (end < chunk.tokens() && (held_.tokens() + end == first || !startsGroup(chunk, end, end - first))) ++end;
    appendTokens(held_, chunk, first, end - first);
    if (end < chunk.tokens()) endGroup();
    first = end;
  }
}

void CapacitySimulation::endGroup() {
  if (held_.tokens() == 0) return;
  sizes_[static_cast<std::int64_t>(held_.tokens())] += static_cast<double>(held_.tokens());
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) fill(layer);
  held_ = {};
}

// Whether token `at` of the chunk belongs to another group than the one before it; `before` tokens of the group lie in
// the chunk, the others are held.
bool CapacitySimulation::startsGroup(const TraceChunk& chunk, std::size_t at, std::size_t before) const {
  if (setting_.group > 0) return static_cast<std::int64_t>(held_.tokens() + before) >= setting_.group;
  const std::uint32_t document = before > 0 ? chunk.document[at - 1] : held_.document.back(),
                      position = before > 0 ? chunk.position[at - 1] : held_.position.back();
  const auto length = static_cast<std::uint32_t>(std::clamp<std::int64_t>(info_.length, 0, UINT32_MAX));
  return chunk.document[at] != document || (length > 0 && chunk.position[at] / length != position / length);
}

void CapacitySimulation::fill(std::size_t index) {
  const TraceLayer& layer = info_.layers[index];
  const TraceChunk::Layer& routed = held_.layers[index];
  const std::size_t tokens = held_.tokens(), columns = static_cast<std::size_t>(layer.columns()),
                    factors = setting_.factors.size();
  const std::vector<std::int64_t> places =
      queuePlaces(routed.expert, routed.weight, layer.columns(), layer.numExperts, setting_.priority);
  std::vector<std::int64_t> capacity;
  for (double factor : setting_.factors)
    capacity.push_back(groupCapacity(factor, static_cast<std::int64_t>(tokens), layer.topK, layer.numExperts));
  CapacityDrops& drops = layers_[index];
  std::vector<std::size_t> kept(factors);
  for (std::size_t token = 0; token < tokens; ++token) {
    double* const document = drops.byDocument.values.data() + rowOf_[held_.document[token]] * drops.byDocument.cells;
    const std::size_t decile = token * CapacityDrops::deciles / tokens;
    std::fill(kept.begin(), kept.end(), 0);
    std::size_t assigned = 0;
    for (std::size_t at = token * columns; at < (token + 1) * columns; ++at) {
      if (places[at] < 0) continue;
      ++assigned;
      for (std::size_t factor = 0; factor < factors; ++factor) {
        if (places[at] < capacity[factor]) {
          ++kept[factor];
          continue;
        }
        drops.byDecile[factor][decile] += 1;
        drops.byExpert[factor][routed.expert[at]] += 1;
        document[factor] += 1;
      }
    }
    document[factors] += static_cast<double>(assigned);
    drops.assignedByDecile[decile] += static_cast<double>(assigned);
    for (std::size_t factor = 0; factor < factors; ++factor)
      if (kept[factor] == 0 && assigned > 0) drops.lost[factor] += 1;
  }
}

}  // namespace moescope
