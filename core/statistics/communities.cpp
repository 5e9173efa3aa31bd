// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/communities.h"

#include <algorithm>
#include <numeric>

namespace moescope {

namespace {

constexpr double worthwhile = 1e-12;  // a gain below this is rounding

struct Network {
  std::size_t count = 0;
  std::vector<double> weight, strength;  // weight [n, n] with loops on the diagonal
  double total = 0;                      // sum of strengths
};

Network networkOf(std::vector<double> weight, std::size_t count) {
  Network network{.count = count, .weight = std::move(weight), .strength = std::vector<double>(count)};
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < count; ++j) network.strength[i] += network.weight[i * count + j];
  for (double each : network.strength) network.total += each;
  return network;
}

// Moves nodes to the group that gains most, until none does. Groups are numbered in order of first appearance.
bool moveNodes(const Network& network, std::vector<std::size_t>& group) {
  const std::size_t n = network.count;
  std::iota(group.begin(), group.end(), std::size_t{0});
  std::vector<double> inGroup = network.strength, towards(n);
  bool moved = false, again = network.total > 0;
  while (again) {
    again = false;
    for (std::size_t node = 0; node < n; ++node) {
      std::ranges::fill(towards, 0.0);
      for (std::size_t other = 0; other < n; ++other)
        if (other != node) towards[group[other]] += network.weight[node * n + other];
      const double strength = network.strength[node];
      inGroup[group[node]] -= strength;
      const auto gain = [&](std::size_t g) { return towards[g] - strength * inGroup[g] / network.total; };
      std::size_t best = group[node];
      double most = gain(best);
      for (std::size_t g = 0; g < n; ++g)
        if (towards[g] > 0 && gain(g) > most + worthwhile * network.total) {
          most = gain(g);
          best = g;
        }
      inGroup[best] += strength;
      if (best == group[node]) continue;
      group[node] = best;
      moved = again = true;
    }
  }
  std::vector<std::size_t> name(n, n);
  std::size_t next = 0;
  for (std::size_t& g : group) {
    if (name[g] == n) name[g] = next++;
    g = name[g];
  }
  return moved;
}

Network merged(const Network& network, const std::vector<std::size_t>& group) {
  const std::size_t groups = *std::ranges::max_element(group) + 1;
  std::vector<double> weight(groups * groups);
  for (std::size_t i = 0; i < network.count; ++i)
    for (std::size_t j = 0; j < network.count; ++j)
      weight[group[i] * groups + group[j]] += network.weight[i * network.count + j];
  return networkOf(std::move(weight), groups);
}

// The largest group gets 0; of equal ones the one with the earlier node.
std::vector<std::int64_t> bySize(const std::vector<std::size_t>& group) {
  const std::size_t groups = group.empty() ? 0 : *std::ranges::max_element(group) + 1;
  std::vector<std::size_t> size(groups), order(groups), rank(groups);
  for (std::size_t g : group) ++size[g];
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return size[a] > size[b]; });
  for (std::size_t at = 0; at < groups; ++at) rank[order[at]] = at;
  std::vector<std::int64_t> named;
  for (std::size_t g : group) named.push_back(static_cast<std::int64_t>(rank[g]));
  return named;
}

}  // namespace

double modularityOf(std::span<const double> weight, std::span<const std::int64_t> group) {
  const std::size_t n = group.size();
  std::vector<double> strength(n);
  double total = 0, within = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      if (i != j) {
        strength[i] += weight[i * n + j];
        total += weight[i * n + j];
        if (group[i] == group[j]) within += weight[i * n + j];
      }
  if (total <= 0) return 0;
  double expected = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      if (group[i] == group[j]) expected += strength[i] * strength[j] / total;
  return (within - expected) / total;
}

Communities findCommunities(std::span<const double> weight, std::int64_t nodes) {
  const auto count = static_cast<std::size_t>(nodes);
  std::vector<double> own(weight.begin(), weight.end());
  for (std::size_t i = 0; i < count; ++i) own[i * count + i] = 0;
  Network network = networkOf(std::move(own), count);
  std::vector<std::size_t> of(count);
  std::iota(of.begin(), of.end(), std::size_t{0});
  while (network.count > 0) {
    std::vector<std::size_t> group(network.count);
    if (!moveNodes(network, group)) break;
    for (std::size_t& each : of) each = group[each];
    network = merged(network, group);
  }
  Communities communities{.of = bySize(of)};
  communities.modularity = modularityOf(weight, communities.of);
  return communities;
}

}  // namespace moescope
