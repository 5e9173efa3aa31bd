// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "core/analysis/token_chunks.h"

namespace moescope {

// Whose assignments take an expert's places first: all first choices before any second one, each in token order
// (GShard, Lepikhin et al. 2021, and the routers trained here); token after token with all its choices; or the heaviest
// combine weights first (batch prioritised routing, Riquelme et al. 2021).
enum class Priority { rank, token, weight };

// The place of every assignment in its expert's queue, 0 for the first, -1 where there is no expert. `expert` is
// [tokens, k], an entry >= E is none; `weight` is as long where the priority asks for it.
std::vector<std::int64_t> queuePlaces(std::span<const std::uint16_t> expert, std::span<const float> weight,
                                      std::int64_t k, std::int64_t experts, Priority priority);

// ceil(factor tokens k / E): how many assignments an expert takes of a group.
std::int64_t groupCapacity(double factor, std::int64_t tokens, std::int64_t k, std::int64_t experts);

struct CapacitySetting {
  std::vector<double> factors = {};
  std::int64_t group = 0;  // consecutive tokens; 0: each window of the trace's length in a document
  Priority priority = Priority::rank;
  unsigned columns() const { return priority == Priority::weight ? static_cast<unsigned>(Trace::weights) : 0u; }
};

// What one layer drops; the first index is the factor. Deciles are of the place in the group.
struct CapacityDrops {
  static constexpr std::size_t deciles = 10;
  std::vector<std::vector<double>> byDecile = {}, byExpert = {};  // assignments
  std::vector<double> assignedByDecile = std::vector<double>(deciles);
  std::vector<double> lost = {};  // tokens that no expert took
  DocumentSums byDocument = {};   // dropped for each factor, then all assignments
};

// Takes the tokens of a trace in order; holds those of one group. `counted` and `setting` outlive it.
class CapacitySimulation {
 public:
  CapacitySimulation(const CountedTrace& counted, const CapacitySetting& setting);
  void add(const TraceChunk& chunk);
  void endGroup();  // also behind the last token
  const std::vector<CapacityDrops>& layers() const { return layers_; }
  const std::map<std::int64_t, double>& sizes() const { return sizes_; }  // tokens of the groups of each size

 private:
  bool startsGroup(const TraceChunk& chunk, std::size_t at, std::size_t before) const;
  void fill(std::size_t layer);

  const TraceInfo& info_;
  const CapacitySetting& setting_;
  std::vector<std::int64_t> rowOf_;
  TraceChunk held_;
  std::vector<CapacityDrops> layers_;
  std::map<std::int64_t, double> sizes_;
};

}  // namespace moescope
