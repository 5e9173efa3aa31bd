// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/base/expected.h"

// Tokens of one document are alike, so documents, never tokens, are what is resampled (Efron and Tibshirani 1993,
// chapter 8, on dependent data). One implementation for every analysis; memory beyond the counts grows with threads x
// cells alone.
namespace moescope {

// What each document holds: counts over `cells` (experts), and the group (domain) that it belongs to.
struct DocumentTable {
  std::int64_t cells = 0, groups = 1;
  std::vector<const std::uint32_t*> counts = {};  // by document, [cells] each; the owner outlives the table
  std::vector<std::uint16_t> group = {};          // by document; below `groups`
  std::int64_t documents() const { return static_cast<std::int64_t>(counts.size()); }
};

struct Draws {
  std::int64_t count = 1000;
  std::uint64_t seed = 0;
  int threads = 1;  // results do not depend on it
};

// Gets the sums [groups, cells] of draw number `draw`; called from several threads at once, each draw once.
using DrawVisitor = std::function<void(std::int64_t draw, std::span<const double> sums)>;
// Called about every 10 ms of work with the share done; false stops (any thread).
using Poll = std::function<bool(double)>;

// Bootstrap: every draw takes as many documents as there are, with replacement, each with its group.
// Draw b of a seed takes the same documents whatever the counts are: layers and models are compared in pairs.
Expected<void> resampleDocuments(const DocumentTable& table, const Draws& draws, const DrawVisitor& visit,
                                 const Poll& poll);

// Permutation null: every draw deals the documents' groups out anew (each group keeps its number of documents).
Expected<void> permuteGroups(const DocumentTable& table, const Draws& draws, const DrawVisitor& visit,
                             const Poll& poll);

// The same documents seen twice (by two models, before and after a merge): both sums of a draw are over the same
// documents, so that what documents alone do to either side cancels in a difference. The tables' groups do not count;
// both have as many documents, in the same order.
using PairVisitor =
    std::function<void(std::int64_t draw, std::span<const double> first, std::span<const double> second)>;
Expected<void> resamplePairs(const DocumentTable& first, const DocumentTable& second, const Draws& draws,
                             const PairVisitor& visit, const Poll& poll);

// Real sums of each document: entropy and tokens, losses.
struct DocumentSums {
  std::int64_t cells = 0;
  std::vector<double> values = {};  // [documents, cells]
  std::int64_t documents() const { return cells == 0 ? 0 : static_cast<std::int64_t>(values.size()) / cells; }
};
// Bootstrap of their sums [cells]; takes the same documents as resampleDocuments.
Expected<void> resampleSums(const DocumentSums& table, const Draws& draws, const DrawVisitor& visit, const Poll& poll);

// How often draw `draw` of a seed takes each document; what the bootstraps above are made of.
void takeDocuments(std::uint64_t seed, std::int64_t draw, std::span<std::uint32_t> times);

// The sums as they are.
std::vector<double> groupSums(const DocumentTable& table);
// Calls visit(document, sums [groups, cells] without that document) for each one: the jackknife.
void leaveOneOut(const DocumentTable& table,
                 const std::function<void(std::int64_t document, std::span<const double> sums)>& visit);

struct Interval {
  double low, high;
};
// The share of numbers below it, interpolated linearly (Hyndman and Fan 1996, type 7; numpy's default). NaN are left
// out and NaN is given where nothing else is there. Reorders `values`.
double quantile(std::span<double> values, double share);
// Percentile interval (Efron 1979) over draws, 95 % unless told; NaN where no draw gave a number.
// Reorders `values`.
Interval percentileInterval(std::span<double> values, double coverage = 0.95);

}  // namespace moescope
