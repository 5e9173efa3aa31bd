// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

struct TraceChunk;
struct TraceInfo;

// Sufficient statistics of a trace, exact and additive over any split (reference: contract section 4, counters.h5).
struct LayerCounters {
  std::int64_t experts = 0, topK = 0;      // topK: columns of the trace's expert ids
  bool sigmoid = false;                    // how logits become scores; softmax otherwise
  std::vector<std::int64_t> count;         // [E] assignments
  std::vector<std::int64_t> domain;        // [D, E]
  std::vector<std::int64_t> rank;          // [k, E]
  std::vector<std::uint32_t> document;     // [documents, E]
  std::vector<std::int64_t> coactivation;  // [E, E] tokens whose set holds both; diagonal = count
  std::vector<std::int64_t> transition;    // [E, E'] to the next MoE layer, pairs of assignments; empty for the last
  std::vector<std::int64_t> weight;        // [E] combine weights in units of 2^-24
  std::vector<std::int64_t> nonfinite;     // [E] weights that were not finite
  std::vector<std::int64_t> dropped;       // [E] assignments with weight 0 (capacity)
  // Histograms over tokens, [histogramBins]. Of the router's probabilities (sigmoid scores are normalised first), with
  // logits only:
  std::vector<std::int64_t> entropy;  // H(p) / ln E, over [0, 1]
  std::vector<std::int64_t>
      margin;  // least chosen logit - largest other one, over [-8, 8), the ends hold what lies beyond
  // and of the combine weights, of tokens with two experts or more:
  std::vector<std::int64_t> gap;  // (first - second) / sum, over [0, 1]
  bool operator==(const LayerCounters&) const = default;
};

inline constexpr std::int64_t histogramBins = 64;

struct Counters {
  std::vector<LayerCounters> layers;
  std::vector<std::int64_t> tokensByDomain;     // [D]
  std::vector<std::int64_t> tokensByDocument;   // [documents]
  std::vector<std::uint16_t> domainOfDocument;  // [documents]
  std::int64_t tokens = 0;                      // counted
  std::int64_t seen = 0;                        // offered, padding included: how far into the trace the counters reach

  static Counters emptyFor(const TraceInfo& info);
  // Counts text tokens (class 0 and 2..4; padding, class 1, never counts).
  void add(const TraceChunk& chunk);
  void add(const Counters& other);  // same info
  bool operator==(const Counters&) const = default;
};

// Tables of pairs of experts and of documents x experts must fit into memory: an input error says by how much they do
// not.
Expected<void> checkCountersFit(const TraceInfo& info);

// Written beside and renamed, so that a reader never sees half a file. Equal counters give equal bytes.
Expected<void> writeCounters(const Counters& counters, const std::filesystem::path& file);
Expected<Counters> readCounters(const std::filesystem::path& file);

}  // namespace moescope
