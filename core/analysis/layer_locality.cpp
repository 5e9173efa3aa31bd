// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/layer_locality.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace moescope {

namespace {
constexpr std::size_t mostGroups = 512;  // of documents: a bootstrap over more has the same interval
}

LayerLocality::LayerLocality(const TraceLayer& layer, std::size_t domains, std::size_t documents, std::int64_t mostLag,
                             std::int64_t simulated)
    : experts_(static_cast<std::size_t>(layer.numExperts)),
      words_((experts_ + 63) / 64),
      groups_(std::clamp<std::size_t>(documents, 1, mostGroups)),
      mostLag_(mostLag),
      mostSimulated_(simulated),
      repeats_(domains),
      firsts_(domains, std::vector<double>(experts_)),
      segments_(groups_ * segmentCells),
      reuse_(layer.numExperts) {
  for (std::int64_t lag = 1; lag <= mostLag; lag *= 2) lags_.push_back(lag);
  ring_.resize(static_cast<std::size_t>(mostLag + 1) * words_);
  ringSize_.resize(static_cast<std::size_t>(mostLag + 1));
  shared_.resize(lags_.size());
  asked_.resize(lags_.size());
  for (std::int64_t length : segmentLengths) counts_.emplace_back(layer.numExperts, length);
  requests_ = {.experts = layer.numExperts, .k = layer.columns(), .chosen = {}};
}

double LayerLocality::overlap(std::size_t lag) const {
  return asked_[lag] > 0 ? shared_[lag] / asked_[lag] : std::nan("");
}

void LayerLocality::begin(std::uint32_t document) {
  open_ = true;
  document_ = document;
  group_ = document % groups_;
  token_ = 0;
  for (SegmentCounts& each : counts_) each.begin();
}

void LayerLocality::end() {
  if (!open_) return;
  std::span<double> group(segments_.data() + group_ * segmentCells, segmentCells);
  for (std::size_t which = 0; which < counts_.size(); ++which) {
    const auto cells = static_cast<std::size_t>(segmentLengths[which]) + 1;
    counts_[which].end(group.first(cells));
    group = group.subspan(cells);
  }
  open_ = false;
}

void LayerLocality::finish() {
  end();
}

void LayerLocality::add(const TraceChunk& chunk, std::size_t layer) {
  const std::size_t tokens = chunk.tokens();
  if (tokens == 0) return;
  const std::vector<std::uint16_t>& expert = chunk.layers[layer].expert;
  const std::size_t k = expert.size() / tokens;
  for (std::size_t token = 0; token < tokens; ++token) {
    if (!open_ || chunk.document[token] != document_) {
      end();
      begin(chunk.document[token]);
    }
    addToken({expert.data() + token * k, k}, chunk.domain[token]);
  }
}

void LayerLocality::addToken(std::span<const std::uint16_t> chosen, std::uint16_t domain) {
  const std::int64_t slots = mostLag_ + 1;
  const auto slot = [&](std::int64_t token) { return static_cast<std::size_t>(token % slots); };
  std::uint64_t* set = ring_.data() + slot(token_) * words_;
  std::fill(set, set + words_, 0);
  std::int64_t size = 0;
  for (std::uint16_t expert : chosen)
    if (expert != noExpert) {
      set[expert / 64] |= 1ull << (expert % 64);
      ++size;
    }
  ringSize_[slot(token_)] = size;
  for (std::size_t at = 0; at < lags_.size() && lags_[at] <= token_; ++at) {
    const std::uint64_t* other = ring_.data() + slot(token_ - lags_[at]) * words_;
    int same = 0;
    for (std::size_t word = 0; word < words_; ++word) same += std::popcount(set[word] & other[word]);
    shared_[at] += same;
    asked_[at] += static_cast<double>(size);
    if (lags_[at] != 1) continue;
    Repeats& repeats = repeats_[domain];
    repeats.tokens += 1;
    repeats.any += same > 0 ? 1 : 0;
    repeats.first += !chosen.empty() && chosen[0] != noExpert && chosen[0] == before_ ? 1 : 0;
  }
  if (!chosen.empty() && chosen[0] != noExpert) firsts_[domain][chosen[0]] += 1;
  before_ = chosen.empty() ? noExpert : chosen[0];
  for (SegmentCounts& each : counts_) each.add(chosen);
  reuse_.add(chosen);
  if (static_cast<std::int64_t>(requests_.chosen.size()) < mostSimulated_ * requests_.k) {
    requests_.chosen.insert(requests_.chosen.end(), chosen.begin(), chosen.end());
    requests_.chosen.resize((requests_.chosen.size() + static_cast<std::size_t>(requests_.k) - 1) /
                                static_cast<std::size_t>(requests_.k) * static_cast<std::size_t>(requests_.k),
                            noExpert);
  }
  ++token_;
}

}  // namespace moescope
