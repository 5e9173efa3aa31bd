// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/resampling.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <thread>

#include "core/statistics/counter_random.h"

namespace moescope {

namespace {

constexpr std::int64_t drawsPerBlock = 16;

// What a block of draws does with each document: how often it is taken, and in which group it counts. [draw, document].
struct Plan {
  std::vector<std::uint32_t> times;
  std::vector<std::uint16_t> group;
};
using Planner = std::function<void(std::int64_t draw, std::span<std::uint32_t> times, std::span<std::uint16_t> group)>;

// Adds every document to the sums of all draws of the block while its row is in the cache.
void addDocuments(const DocumentTable& table, const Plan& plan, std::int64_t draws, std::vector<double>& sums) {
  const std::int64_t documents = table.documents(), cells = table.cells;
  std::vector<double> row(cells);
  for (std::int64_t document = 0; document < documents; ++document) {
    std::copy(table.counts[document], table.counts[document] + cells, row.begin());
    for (std::int64_t draw = 0; draw < draws; ++draw) {
      const double times = plan.times[draw * documents + document];
      if (times == 0) continue;
      double* into = sums.data() + (draw * table.groups + plan.group[draw * documents + document]) * cells;
      for (std::int64_t cell = 0; cell < cells; ++cell) into[cell] += times * row[cell];
    }
  }
}

// Counts and weights are whole numbers far below 2^53: the sums are exact, whatever the order.
Expected<void> run(const DocumentTable& table, const Draws& draws, const Planner& planner, const DrawVisitor& visit,
                   const Poll& poll) {
  const std::int64_t documents = table.documents(), width = table.groups * table.cells;
  std::atomic<std::int64_t> nextBlock = 0;
  std::atomic<bool> stopped = false;
  const auto work = [&] {
    Plan plan;
    std::vector<double> sums;
    while (!stopped) {
      const std::int64_t first = nextBlock++ * drawsPerBlock;
      if (first >= draws.count) return;
      const std::int64_t block = std::min(drawsPerBlock, draws.count - first);
      plan.times.assign(block * documents, 1);
      plan.group.resize(block * documents);
      for (std::int64_t draw = 0; draw < block; ++draw)
        planner(first + draw, std::span(plan.times).subspan(draw * documents, documents),
                std::span(plan.group).subspan(draw * documents, documents));
      sums.assign(block * width, 0);
      addDocuments(table, plan, block, sums);
      for (std::int64_t draw = 0; draw < block; ++draw)
        visit(first + draw, std::span(sums).subspan(draw * width, width));
      if (!poll(static_cast<double>(first + block) / static_cast<double>(draws.count))) stopped = true;
    }
  };
  std::vector<std::jthread> others;
  for (int thread = 1; thread < draws.threads && thread * drawsPerBlock < draws.count; ++thread)
    others.emplace_back(work);
  work();
  others.clear();
  if (stopped) return cancelledError();
  return {};
}

}  // namespace

Expected<void> resampleDocuments(const DocumentTable& table, const Draws& draws, const DrawVisitor& visit,
                                 const Poll& poll) {
  const auto documents = static_cast<std::uint64_t>(table.documents());
  return run(
      table, draws,
      [&](std::int64_t draw, std::span<std::uint32_t> times, std::span<std::uint16_t> group) {
        std::fill(times.begin(), times.end(), 0);
        CounterRandom random(draws.seed, static_cast<std::uint64_t>(draw));
        for (std::uint64_t taken = 0; taken < documents; ++taken) ++times[random.below(documents)];
        std::copy(table.group.begin(), table.group.end(), group.begin());
      },
      visit, poll);
}

Expected<void> permuteGroups(const DocumentTable& table, const Draws& draws, const DrawVisitor& visit,
                             const Poll& poll) {
  return run(
      table, draws,
      [&](std::int64_t draw, std::span<std::uint32_t>, std::span<std::uint16_t> group) {
        std::copy(table.group.begin(), table.group.end(), group.begin());
        CounterRandom random(draws.seed ^ 0x7065726d75746564ull,
                             static_cast<std::uint64_t>(draw));  // not the bootstrap's numbers
        for (std::size_t last = group.size(); last > 1; --last) std::swap(group[last - 1], group[random.below(last)]);
      },
      visit, poll);
}

std::vector<double> groupSums(const DocumentTable& table) {
  std::vector<double> sums(table.groups * table.cells);
  for (std::int64_t document = 0; document < table.documents(); ++document)
    for (std::int64_t cell = 0; cell < table.cells; ++cell)
      sums[table.group[document] * table.cells + cell] += table.counts[document][cell];
  return sums;
}

Interval percentileInterval(std::span<double> values, double coverage) {
  const auto end = std::remove_if(values.begin(), values.end(), [](double value) { return std::isnan(value); });
  const auto count = static_cast<std::size_t>(end - values.begin());
  if (count == 0) return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  std::sort(values.begin(), end);
  const auto quantile = [&](double share) {
    const double place = share * static_cast<double>(count - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, count - 1);
    return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
  };
  return {quantile((1 - coverage) / 2), quantile((1 + coverage) / 2)};
}

}  // namespace moescope
