// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/selftest.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

namespace moescope::kernels {

namespace {

constexpr std::uint16_t none = 0xffff;
using Counts = std::vector<std::int64_t>;

// Routed tokens of one shape, the same on every machine.
struct Routed {
  std::int64_t tokens, k, experts, nextK, nextExperts, groups;
  std::vector<std::uint16_t> expert, next;
  std::vector<std::uint32_t> group;
  std::vector<float> weight;

  bool holds(std::int64_t token, std::int64_t choice, std::int64_t e) const { return expert[token * k + choice] == e; }
};

std::uint64_t draw(std::uint64_t& state) {  // splitmix64
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

std::vector<std::uint16_t> drawSets(std::int64_t tokens, std::int64_t k, std::int64_t experts, std::uint64_t& state) {
  std::vector<std::uint16_t> sets(tokens * k, none);
  for (std::int64_t token = 0; token < tokens; ++token) {
    const std::int64_t chosen = draw(state) % 16 == 0 ? k / 2 : k;  // some tokens have fewer experts
    for (std::int64_t choice = 0; choice < std::min(chosen, experts); ++choice) {
      auto* set = sets.data() + token * k;
      std::uint16_t e;
      do e = static_cast<std::uint16_t>(draw(state) % experts);
      while (std::find(set, set + choice, e) != set + choice);
      set[choice] = e;
    }
  }
  return sets;
}

Routed routed(std::int64_t tokens, std::int64_t k, std::int64_t experts) {
  std::uint64_t state = static_cast<std::uint64_t>(tokens * 31 + k * 7 + experts);
  Routed made{tokens, k, experts, std::max<std::int64_t>(1, k / 2), experts + 3, 5, {}, {}, {}, {}};
  made.expert = drawSets(tokens, k, experts, state);
  made.next = drawSets(tokens, made.nextK, made.nextExperts, state);
  for (std::int64_t token = 0; token < tokens; ++token) made.group.push_back(static_cast<std::uint32_t>(draw(state) % made.groups));
  for (std::int64_t at = 0; at < tokens * k; ++at) {
    made.weight.push_back(static_cast<float>(draw(state) % 1000003) / 1000003.0f);
    if (at % 97 == 0) made.weight.back() = std::numeric_limits<float>::quiet_NaN();
  }
  return made;
}

Counts expectedByRank(const Routed& r) {
  Counts rank(r.k * r.experts, 0);
  for (std::int64_t choice = 0; choice < r.k; ++choice)
    for (std::int64_t e = 0; e < r.experts; ++e)
      for (std::int64_t token = 0; token < r.tokens; ++token) rank[choice * r.experts + e] += r.holds(token, choice, e);
  return rank;
}

Counts expectedCount(const Routed& r) {
  const Counts rank = expectedByRank(r);
  Counts count(r.experts, 0);
  for (std::size_t at = 0; at < rank.size(); ++at) count[at % r.experts] += rank[at];
  return count;
}

// One-hot rows of the sets, [tokens, E]: products of them are the joint counts.
Counts oneHot(const std::vector<std::uint16_t>& sets, std::int64_t tokens, std::int64_t k, std::int64_t experts) {
  Counts hot(tokens * experts, 0);
  for (std::int64_t e = 0; e < experts; ++e)
    for (std::int64_t token = 0; token < tokens; ++token)
      hot[token * experts + e] = std::count(sets.begin() + token * k, sets.begin() + (token + 1) * k, e);
  return hot;
}

Counts transposedProduct(const Counts& left, const Counts& right, std::int64_t tokens) {
  const std::int64_t rows = static_cast<std::int64_t>(left.size()) / tokens, columns = static_cast<std::int64_t>(right.size()) / tokens;
  Counts product(rows * columns, 0);
  for (std::int64_t token = 0; token < tokens; ++token)
    for (std::int64_t row = 0; row < rows; ++row)
      if (left[token * rows + row] != 0)
        for (std::int64_t column = 0; column < columns; ++column) product[row * columns + column] += left[token * rows + row] * right[token * columns + column];
  return product;
}

Counts expectedByGroup(const Routed& r) {
  Counts grouped(r.groups * r.experts, 0);
  const Counts hot = oneHot(r.expert, r.tokens, r.k, r.experts);
  for (std::int64_t token = 0; token < r.tokens; ++token)
    for (std::int64_t e = 0; e < r.experts; ++e) grouped[r.group[token] * r.experts + e] += hot[token * r.experts + e];
  return grouped;
}

std::pair<Counts, Counts> expectedWeights(const Routed& r) {
  Counts sum(r.experts, 0), nonfinite(r.experts, 0);
  for (std::int64_t e = 0; e < r.experts; ++e)
    for (std::size_t at = 0; at < r.expert.size(); ++at)
      if (r.expert[at] == e) {
        if (std::isfinite(r.weight[at])) sum[e] += static_cast<std::int64_t>(std::round(std::ldexp(static_cast<double>(r.weight[at]), 24)));
        else ++nonfinite[e];
      }
  return {sum, nonfinite};
}

std::pair<Counts, Counts> expectedOrder(const Routed& r) {
  Counts order, offset{0};
  for (std::int64_t e = 0; e < r.experts; ++e) {
    for (std::size_t at = 0; at < r.expert.size(); ++at)
      if (r.expert[at] == e) order.push_back(static_cast<std::int64_t>(at));
    offset.push_back(static_cast<std::int64_t>(order.size()));
  }
  return {order, offset};
}

void compare(Check& check, bool ran, const Counts& got, const Counts& expected) {
  check.outputs += static_cast<std::int64_t>(expected.size());
  if (!ran || got.size() != expected.size()) {
    check.differences += static_cast<std::int64_t>(expected.size());
    return;
  }
  for (std::size_t at = 0; at < expected.size(); ++at) check.differences += got[at] != expected[at];
}

// Outputs start at 1, because kernels add to what is there.
Counts plusOne(Counts counts) {
  for (std::int64_t& count : counts) ++count;
  return counts;
}

struct Case {
  const char* name;
  bool present;
  std::function<void(Check&, const Routed&)> run;
};

std::vector<Case> cases(const Table& t) {
  return {
      {"count_assignments", t.countAssignments != nullptr,
       [&t](Check& check, const Routed& r) {
         Counts got(r.experts, 1);
         const bool ran = t.countAssignments(r.expert, got);
         compare(check, ran, got, plusOne(expectedCount(r)));
       }},
      {"count_by_rank", t.countByRank != nullptr,
       [&t](Check& check, const Routed& r) {
         Counts got(r.k * r.experts, 1);
         const bool ran = t.countByRank(r.expert, r.k, r.experts, got);
         compare(check, ran, got, plusOne(expectedByRank(r)));
       }},
      {"count_by_group", t.countByGroup != nullptr,
       [&t](Check& check, const Routed& r) {
         Counts got(r.groups * r.experts, 1);
         const bool ran = t.countByGroup(r.expert, r.k, r.experts, r.group, got);
         compare(check, ran, got, plusOne(expectedByGroup(r)));
       }},
      {"count_coactivation", t.countCoactivation != nullptr,
       [&t](Check& check, const Routed& r) {
         Counts got(r.experts * r.experts, 1);
         const bool ran = t.countCoactivation(r.expert, r.k, r.experts, got);
         const Counts hot = oneHot(r.expert, r.tokens, r.k, r.experts);
         compare(check, ran, got, plusOne(transposedProduct(hot, hot, r.tokens)));
       }},
      {"count_transitions", t.countTransitions != nullptr,
       [&t](Check& check, const Routed& r) {
         Counts got(r.experts * r.nextExperts, 1);
         const bool ran = t.countTransitions(r.expert, r.k, r.experts, r.next, r.nextK, r.nextExperts, got);
         const Counts from = oneHot(r.expert, r.tokens, r.k, r.experts), to = oneHot(r.next, r.tokens, r.nextK, r.nextExperts);
         compare(check, ran, got, plusOne(transposedProduct(from, to, r.tokens)));
       }},
      {"sum_weights", t.sumWeights != nullptr,
       [&t](Check& check, const Routed& r) {
         Counts sum(r.experts, 1), nonfinite(r.experts, 1);
         const bool ran = t.sumWeights(r.expert, r.weight, sum, nonfinite);
         const auto [expectedSum, expectedNonfinite] = expectedWeights(r);
         compare(check, ran, sum, plusOne(expectedSum));
         compare(check, ran, nonfinite, plusOne(expectedNonfinite));
       }},
      {"sort_by_expert", t.sortByExpert != nullptr,
       [&t](Check& check, const Routed& r) {
         const auto [expectedPlaces, expectedOffset] = expectedOrder(r);
         Counts order(expectedPlaces.size(), -1), offset(r.experts + 1, -1);
         const bool ran = t.sortByExpert(r.expert, r.experts, order, offset);
         compare(check, ran, order, expectedPlaces);
         compare(check, ran, offset, expectedOffset);
       }},
  };
}

}  // namespace

std::vector<Check> checkKernels(const Table& table) {
  const std::vector<Routed> shapes{routed(1, 1, 1), routed(333, 1, 7), routed(500, 2, 64), routed(257, 8, 257)};
  std::vector<Check> checks;
  for (const Case& one : cases(table)) {
    Check check{.name = one.name, .present = one.present};
    if (one.present)
      for (const Routed& shape : shapes) one.run(check, shape);
    check.ok = one.present && check.differences == 0;
    checks.push_back(std::move(check));
  }
  return checks;
}

}  // namespace moescope::kernels
