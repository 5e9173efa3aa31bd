// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/linkage.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace moescope {

namespace {

using Leaves = std::vector<std::size_t>;

// Merges found in the order of their chains become merges by height, their clusters named as nodes.
std::vector<Merge> labelled(std::vector<Merge> found, std::int64_t count) {
  std::ranges::stable_sort(found, {}, &Merge::height);
  std::vector<std::int64_t> parent(2 * static_cast<std::size_t>(count) - 1), size(parent.size(), 1);
  std::iota(parent.begin(), parent.end(), std::int64_t{0});
  const auto root = [&](std::int64_t node) {
    while (parent[static_cast<std::size_t>(node)] != node) node = parent[static_cast<std::size_t>(node)];
    return node;
  };
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::int64_t a = root(found[i].left), b = root(found[i].right), node = count + static_cast<std::int64_t>(i);
    found[i].left = std::min(a, b);
    found[i].right = std::max(a, b);
    parent[static_cast<std::size_t>(a)] = parent[static_cast<std::size_t>(b)] = node;
    found[i].leaves = size[static_cast<std::size_t>(node)] =
        size[static_cast<std::size_t>(a)] + size[static_cast<std::size_t>(b)];
  }
  return found;
}

// The best orders of every subtree, by the leaves at its ends. Two leaves meet in one node only, so that one table
// serves all.
struct LeafOrdering {
  std::vector<Merge>& merges;
  std::span<const double> distance;
  std::size_t count;
  std::vector<double> cost;               // [left end, right end]
  std::vector<std::uint32_t> innerLeft;   // [left end, first leaf of the right part]: last leaf of the left part
  std::vector<std::uint32_t> innerRight;  // [left end, right end]: first leaf of the right part
  std::vector<Leaves> under;              // by node

  std::size_t at(std::size_t i, std::size_t j) const { return i * count + j; }
  bool isLeaf(std::size_t node) const { return node < count; }

  // What may lie at the inner end of a part whose outer end is `leaf`: the leaves of its other side.
  const Leaves& opposite(std::size_t node, std::size_t leaf) const {
    if (isLeaf(node)) return under[node];
    const auto left = static_cast<std::size_t>(merges[node - count].left),
               right = static_cast<std::size_t>(merges[node - count].right);
    return std::ranges::binary_search(under[left], leaf) ? under[right] : under[left];
  }

  void join(std::size_t a, std::size_t b) {
    const Leaves &as = under[a], &bs = under[b];
    std::vector<double> half(bs.size());
    for (std::size_t u : as) {
      const Leaves& inner = opposite(a, u);
      for (std::size_t j = 0; j < bs.size(); ++j) {
        const std::size_t k = bs[j];
        half[j] = std::numeric_limits<double>::infinity();
        for (std::size_t m : inner)
          if (const double sum = cost[at(u, m)] + distance[at(m, k)]; sum < half[j]) {
            half[j] = sum;
            innerLeft[at(u, k)] = static_cast<std::uint32_t>(m);
          }
      }
      std::vector<std::size_t> position(count);
      for (std::size_t j = 0; j < bs.size(); ++j) position[bs[j]] = j;
      for (std::size_t w : bs) {
        double best = std::numeric_limits<double>::infinity();
        for (std::size_t k : opposite(b, w))
          if (const double sum = half[position[k]] + cost[at(k, w)]; sum < best) {
            best = sum;
            innerRight[at(u, w)] = static_cast<std::uint32_t>(k);
          }
        cost[at(u, w)] = cost[at(w, u)] = best;
      }
    }
  }

  // Turns the sides below `node` so that it reads from `first` to `last`.
  void turn(std::size_t node, std::size_t first, std::size_t last) {
    struct Part {
      std::size_t node, first, last;
    };
    std::vector<Part> open{{node, first, last}};
    while (!open.empty()) {
      const Part part = open.back();
      open.pop_back();
      if (isLeaf(part.node)) continue;
      Merge& merge = merges[part.node - count];
      const auto left = static_cast<std::size_t>(merge.left), right = static_cast<std::size_t>(merge.right);
      const bool straight = std::ranges::binary_search(under[left], part.first);
      // Tables are filled from the side that was on the left; read backwards they hold the same orders.
      const std::size_t u = straight ? part.first : part.last, w = straight ? part.last : part.first;
      const std::size_t k = innerRight[at(u, w)], m = innerLeft[at(u, k)];
      if (straight) {
        open.push_back({left, u, m});
        open.push_back({right, k, w});
      } else {
        std::swap(merge.left, merge.right);
        open.push_back({right, w, k});
        open.push_back({left, m, u});
      }
    }
  }
};

}  // namespace

std::vector<Merge> averageLinkage(std::span<const double> distance, std::int64_t count) {
  const auto n = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
  std::vector<double> between(distance.begin(), distance.end());
  std::vector<std::int64_t> size(n, 1);
  std::vector<Merge> found;
  std::vector<std::size_t> chain;
  while (found.size() + 1 < n) {
    if (chain.empty())
      chain.push_back(
          static_cast<std::size_t>(std::ranges::find_if(size, [](auto s) { return s > 0; }) - size.begin()));
    for (;;) {
      const std::size_t x = chain.back();
      // The one before goes first among equals, so that the chain ends.
      std::size_t nearest = chain.size() > 1 ? chain[chain.size() - 2] : n;
      double least = nearest < n ? between[x * n + nearest] : std::numeric_limits<double>::infinity();
      for (std::size_t y = 0; y < n; ++y)
        if (y != x && size[y] > 0 && between[x * n + y] < least) {
          least = between[x * n + y];
          nearest = y;
        }
      if (chain.size() > 1 && nearest == chain[chain.size() - 2]) break;
      chain.push_back(nearest);
    }
    const std::size_t a = std::min(chain.back(), chain[chain.size() - 2]),
                      b = std::max(chain.back(), chain[chain.size() - 2]);
    chain.resize(chain.size() - 2);
    found.push_back({static_cast<std::int64_t>(a), static_cast<std::int64_t>(b), between[a * n + b], 0});
    const auto sa = static_cast<double>(size[a]), sb = static_cast<double>(size[b]);
    for (std::size_t y = 0; y < n; ++y)
      if (y != a && y != b && size[y] > 0)
        between[b * n + y] = between[y * n + b] = (sa * between[a * n + y] + sb * between[b * n + y]) / (sa + sb);
    size[b] += size[a];
    size[a] = 0;
  }
  return n == 0 ? found : labelled(std::move(found), count);
}

void orderLeaves(std::vector<Merge>& merges, std::span<const double> distance, std::int64_t leaves) {
  if (merges.empty()) return;
  const auto count = static_cast<std::size_t>(leaves);
  LeafOrdering ordering{.merges = merges,
                        .distance = distance,
                        .count = count,
                        .cost = std::vector<double>(count * count),
                        .innerLeft = std::vector<std::uint32_t>(count * count),
                        .innerRight = std::vector<std::uint32_t>(count * count),
                        .under = std::vector<Leaves>(count + merges.size())};
  for (std::size_t leaf = 0; leaf < count; ++leaf) ordering.under[leaf] = {leaf};
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const auto a = static_cast<std::size_t>(merges[i].left), b = static_cast<std::size_t>(merges[i].right);
    std::ranges::merge(ordering.under[a], ordering.under[b], std::back_inserter(ordering.under[count + i]));
    ordering.join(a, b);
  }
  const std::size_t root = count + merges.size() - 1;
  double least = std::numeric_limits<double>::infinity();
  std::size_t first = 0, last = 0;
  for (std::size_t u : ordering.under[static_cast<std::size_t>(merges.back().left)])
    for (std::size_t w : ordering.under[static_cast<std::size_t>(merges.back().right)])
      if (ordering.cost[ordering.at(u, w)] < least) {
        least = ordering.cost[ordering.at(u, w)];
        first = u;
        last = w;
      }
  ordering.turn(root, first, last);
}

std::vector<std::int64_t> leafOrder(std::span<const Merge> merges) {
  const auto leaves = static_cast<std::int64_t>(merges.size()) + 1;
  std::vector<std::int64_t> order, open{2 * leaves - 2};
  while (!open.empty()) {
    const std::int64_t node = open.back();
    open.pop_back();
    if (node < leaves) {
      order.push_back(node);
      continue;
    }
    const Merge& merge = merges[static_cast<std::size_t>(node - leaves)];
    open.push_back(merge.right);
    open.push_back(merge.left);
  }
  return order;
}

}  // namespace moescope
