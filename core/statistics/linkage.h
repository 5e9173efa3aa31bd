// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

// Dendrograms in the form of scipy.cluster.hierarchy: leaves 0 .. n-1, merge i makes node n + i.
namespace moescope {

struct Merge {
  std::int64_t left = 0, right = 0;
  double height = 0;
  std::int64_t leaves = 0;  // under it
};

// Average linkage (UPGMA, Sokal and Michener 1958) of a symmetric `distance` [n, n], by nearest-neighbour chains
// (Murtagh 1983): O(n^2) time. Heights rise; of equal heights the earlier leaves go first.
std::vector<Merge> averageLinkage(std::span<const double> distance, std::int64_t count);

// Turns the merges' sides so that the sum of distances between neighbouring leaves is least among all 2^(n-1) orders
// (Bar-Joseph, Gifford and Jaakkola 2001): O(n^3) time, O(n^2) memory.
void orderLeaves(std::vector<Merge>& merges, std::span<const double> distance, std::int64_t count);

// Leaves from left to right.
std::vector<std::int64_t> leafOrder(std::span<const Merge> merges);

}  // namespace moescope
