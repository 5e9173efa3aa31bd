// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/analysis/expert_cache.h"
#include "core/analysis/segment_counts.h"
#include "core/trace/trace.h"

namespace moescope {

inline constexpr std::array<std::int64_t, 4> segmentLengths{4, 16, 64, 256};
inline constexpr std::size_t segmentCells = 4 + 16 + 64 + 256 + 4;  // their histograms, one behind the other

// What one layer's routing looks like along its documents, read token by token; runs never cross documents.
class LayerLocality {
 public:
  // `groups` of documents (number modulo) keep their segment counts apart, for the bootstrap; the first `simulated`
  // tokens are kept for the caches that need to be simulated size by size.
  LayerLocality(const TraceLayer& layer, std::size_t domains, std::size_t documents, std::int64_t mostLag,
                std::int64_t simulated);
  void add(const TraceChunk& chunk, std::size_t layer);
  void finish();  // after the last chunk

  struct Repeats {  // of tokens that have one before them
    double tokens = 0, first = 0, any = 0;
  };
  const std::vector<Repeats>& repeats() const { return repeats_; }            // by domain
  const std::vector<std::vector<double>>& firsts() const { return firsts_; }  // by domain, tokens by first choice
  const std::vector<std::int64_t>& lags() const { return lags_; }
  double overlap(std::size_t lag) const;  // experts shared with the token so far back, of those chosen; NaN without
  const std::vector<double>& segments() const { return segments_; }  // [groups, segmentCells]
  std::size_t groups() const { return groups_; }
  const SegmentCounts& segment(std::size_t which) const { return counts_[which]; }
  const ReuseDistances& reuse() const { return reuse_; }
  const RequestList& simulated() const { return requests_; }

 private:
  void begin(std::uint32_t document);
  void end();
  void addToken(std::span<const std::uint16_t> chosen, std::uint16_t domain);

  std::size_t experts_, words_, groups_, group_ = 0;
  std::int64_t mostLag_, mostSimulated_, token_ = 0;
  bool open_ = false;
  std::uint32_t document_ = 0;
  std::vector<std::int64_t> lags_;
  std::vector<std::uint64_t> ring_;  // sets of the last tokens, [mostLag + 1, words]
  std::vector<std::int64_t> ringSize_;
  std::vector<double> shared_, asked_;  // by lag
  std::uint16_t before_ = 0;
  std::vector<Repeats> repeats_;
  std::vector<std::vector<double>> firsts_;
  std::vector<SegmentCounts> counts_;
  std::vector<double> segments_;
  ReuseDistances reuse_;
  RequestList requests_;
};

}  // namespace moescope
