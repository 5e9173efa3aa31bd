// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/resampling.h"

#include <algorithm>
#include <atomic>
#include <cassert>
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

// What is resampled: documents of `cells` numbers each, in `groups` groups.
struct Rows {
  std::int64_t documents, cells, groups;
  std::function<void(std::int64_t document, std::span<double> row)> read;
};

// Adds every document to the sums of all draws of the block while its row is in the cache.
void addDocuments(const Rows& rows, const Plan& plan, std::int64_t draws, std::vector<double>& sums) {
  std::vector<double> row(rows.cells);
  for (std::int64_t document = 0; document < rows.documents; ++document) {
    rows.read(document, row);
    for (std::int64_t draw = 0; draw < draws; ++draw) {
      const double times = plan.times[draw * rows.documents + document];
      if (times == 0) continue;
      double* into = sums.data() + (draw * rows.groups + plan.group[draw * rows.documents + document]) * rows.cells;
      for (std::int64_t cell = 0; cell < rows.cells; ++cell) into[cell] += times * row[cell];
    }
  }
}

// Counts and weights are whole numbers far below 2^53, so that their sums are exact; real ones are added document by
// document. Either way the threads do not matter.
Expected<void> run(const Rows& rows, const Draws& draws, const Planner& planner, const DrawVisitor& visit,
                   const Poll& poll) {
  const std::int64_t documents = rows.documents, width = rows.groups * rows.cells;
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
      addDocuments(rows, plan, block, sums);
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

Rows rowsOf(const DocumentTable& table) {
  return {table.documents(), table.cells, table.groups, [&table](std::int64_t document, std::span<double> row) {
            std::copy(table.counts[document], table.counts[document] + table.cells, row.begin());
          }};
}

// Takes documents with replacement, each with its group; no `groups`: all in one.
Planner bootstrap(std::uint64_t seed, const std::vector<std::uint16_t>* groups) {
  return [seed, groups](std::int64_t draw, std::span<std::uint32_t> times, std::span<std::uint16_t> group) {
    takeDocuments(seed, draw, times);
    if (groups == nullptr)
      std::fill(group.begin(), group.end(), std::uint16_t{0});
    else
      std::copy(groups->begin(), groups->end(), group.begin());
  };
}

}  // namespace

void takeDocuments(std::uint64_t seed, std::int64_t draw, std::span<std::uint32_t> times) {
  std::fill(times.begin(), times.end(), 0);
  CounterRandom random(seed, static_cast<std::uint64_t>(draw));
  for (std::size_t taken = 0; taken < times.size(); ++taken) ++times[random.below(times.size())];
}

Expected<void> resampleDocuments(const DocumentTable& table, const Draws& draws, const DrawVisitor& visit,
                                 const Poll& poll) {
  return run(rowsOf(table), draws, bootstrap(draws.seed, &table.group), visit, poll);
}

Expected<void> resamplePairs(const DocumentTable& first, const DocumentTable& second, const Draws& draws,
                             const PairVisitor& visit, const Poll& poll) {
  assert(first.documents() == second.documents());
  const auto split = static_cast<std::size_t>(first.cells);
  const Rows rows{first.documents(), first.cells + second.cells, 1, [&](std::int64_t document, std::span<double> row) {
                    std::copy(first.counts[document], first.counts[document] + first.cells, row.begin());
                    std::copy(second.counts[document], second.counts[document] + second.cells, row.begin() + split);
                  }};
  return run(
      rows, draws, bootstrap(draws.seed, nullptr),
      [&](std::int64_t draw, std::span<const double> sums) { visit(draw, sums.first(split), sums.subspan(split)); },
      poll);
}

Expected<void> resampleSums(const DocumentSums& table, const Draws& draws, const DrawVisitor& visit, const Poll& poll) {
  const Rows rows{table.documents(), table.cells, 1, [&table](std::int64_t document, std::span<double> row) {
                    const auto from = table.values.begin() + document * table.cells;
                    std::copy(from, from + table.cells, row.begin());
                  }};
  return run(rows, draws, bootstrap(draws.seed, nullptr), visit, poll);
}

Expected<void> permuteGroups(const DocumentTable& table, const Draws& draws, const DrawVisitor& visit,
                             const Poll& poll) {
  return run(
      rowsOf(table), draws,
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

void leaveOneOut(const DocumentTable& table, const std::function<void(std::int64_t, std::span<const double>)>& visit) {
  std::vector<double> sums = groupSums(table);
  for (std::int64_t document = 0; document < table.documents(); ++document) {
    double* const row = sums.data() + table.group[document] * table.cells;
    for (std::int64_t cell = 0; cell < table.cells; ++cell) row[cell] -= table.counts[document][cell];
    visit(document, sums);
    for (std::int64_t cell = 0; cell < table.cells; ++cell) row[cell] += table.counts[document][cell];
  }
}

namespace {
// The numbers among them, ascending.
std::span<double> sorted(std::span<double> values) {
  const auto end = std::remove_if(values.begin(), values.end(), [](double value) { return std::isnan(value); });
  std::sort(values.begin(), end);
  return values.first(static_cast<std::size_t>(end - values.begin()));
}

double interpolated(std::span<const double> ascending, double share) {
  if (ascending.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double place = share * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  return ascending[below] + (place - static_cast<double>(below)) * (ascending[above] - ascending[below]);
}
}  // namespace

double quantile(std::span<double> values, double share) {
  return interpolated(sorted(values), share);
}

Interval percentileInterval(std::span<double> values, double coverage) {
  const std::span<double> numbers = sorted(values);
  return {interpolated(numbers, (1 - coverage) / 2), interpolated(numbers, (1 + coverage) / 2)};
}

}  // namespace moescope
