// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/trace/counters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/trace/chunk.h"
#include "core/trace/router_scores.h"
#include "core/trace/trace.h"
#include "kernels/kernels.h"

namespace moescope {

namespace {

void addTo(std::vector<std::int64_t>& sum, const std::vector<std::int64_t>& other) {
  // Without overflow: sums of a damaged trace's weights may wrap.
  for (std::size_t at = 0; at < sum.size(); ++at)
    sum[at] = static_cast<std::int64_t>(static_cast<std::uint64_t>(sum[at]) + static_cast<std::uint64_t>(other[at]));
}

std::int64_t binOf(double value, double low, double high) {
  const double place = (value - low) / (high - low) * static_cast<double>(histogramBins);
  return std::clamp(static_cast<std::int64_t>(std::floor(place)), std::int64_t{0}, histogramBins - 1);
}

// Entropy and margin of every token of a layer, into their histograms.
void addConfidence(const TraceChunk::Layer& layer, LayerCounters& counters) {
  const auto experts = static_cast<std::size_t>(counters.experts), columns = static_cast<std::size_t>(counters.topK);
  if (experts < 2) return;
  std::vector<double> p(experts);
  std::vector<std::uint8_t> chosen(experts);
  for (std::size_t token = 0; token * experts < layer.logit.size(); ++token) {
    const std::span<const float> logit(layer.logit.data() + token * experts, experts);
    if (!routerProbabilities(logit, counters.sigmoid, p)) continue;
    double entropy = 0;
    for (double share : p) entropy -= share > 0 ? share * std::log(share) : 0;
    ++counters.entropy[binOf(entropy / std::log(static_cast<double>(experts)), 0, 1)];
    std::fill(chosen.begin(), chosen.end(), std::uint8_t{0});
    for (std::size_t rank = 0; rank < columns; ++rank)
      if (const std::uint16_t e = layer.expert[token * columns + rank]; e < experts) chosen[e] = 1;
    double least = INFINITY, best = -INFINITY;
    for (std::size_t e = 0; e < experts; ++e)
      (chosen[e] ? least : best) = chosen[e] ? std::min<double>(least, logit[e]) : std::max<double>(best, logit[e]);
    if (std::isfinite(least) && std::isfinite(best)) ++counters.margin[binOf(least - best, -8, 8)];
  }
}

void addGap(const TraceChunk::Layer& layer, std::size_t columns, LayerCounters& counters) {
  if (columns < 2) return;
  for (std::size_t start = 0; start < layer.weight.size(); start += columns) {
    if (layer.expert[start] == noExpert || layer.expert[start + 1] == noExpert) continue;
    double sum = 0;
    for (std::size_t rank = 0; rank < columns; ++rank)
      sum += layer.expert[start + rank] == noExpert ? 0 : layer.weight[start + rank];
    const double gap = (static_cast<double>(layer.weight[start]) - layer.weight[start + 1]) / sum;
    if (sum > 0 && std::isfinite(gap)) ++counters.gap[binOf(gap, 0, 1)];
  }
}

void addLayer(const TraceChunk& chunk, const TraceChunk::Layer& layer, const std::vector<std::uint32_t>& domain,
              LayerCounters& counters) {
  const std::int64_t experts = counters.experts, k = counters.topK;
  kernels::countAssignments(layer.expert, counters.count);
  kernels::countByGroup(layer.expert, k, experts, domain, counters.domain);
  kernels::countByRank(layer.expert, k, experts, counters.rank);
  kernels::countCoactivation(layer.expert, k, experts, counters.coactivation);
  for (std::size_t token = 0; token < chunk.tokens(); ++token) {
    std::uint32_t* row = counters.document.data() + chunk.document[token] * static_cast<std::size_t>(experts);
    for (std::int64_t rank = 0; rank < k; ++rank)
      if (const std::uint16_t e = layer.expert[token * k + rank]; e < experts) ++row[e];
  }
  if (layer.weight.empty()) return;
  kernels::sumWeights(layer.expert, layer.weight, counters.weight, counters.nonfinite);
  for (std::size_t at = 0; at < layer.expert.size(); ++at)
    if (layer.expert[at] < experts && layer.weight[at] == 0) ++counters.dropped[layer.expert[at]];
  addGap(layer, static_cast<std::size_t>(k), counters);
}

}  // namespace

Expected<void> checkCountersFit(const TraceInfo& info) {
  double pairs = 0, documents = 0;  // doubles: sums of products that may be absurd
  for (std::size_t layer = 0; layer < info.layers.size(); ++layer) {
    const auto experts = static_cast<double>(info.layers[layer].numExperts);
    pairs += experts * experts;
    if (layer + 1 < info.layers.size()) pairs += experts * static_cast<double>(info.layers[layer + 1].numExperts);
    documents += experts * static_cast<double>(info.documents.size());
  }
  constexpr double mostPairs = 1ull << 28, mostDocuments = 1ull << 30;  // 2 GiB and 4 GiB
  if (pairs > mostPairs)
    return inputError(
        fmt::format("counting pairs of experts needs {:.0f} numbers, and {:.0f} are allowed: the trace has too many "
                    "experts in its {} layers",
                    pairs, mostPairs, info.layers.size()));
  if (documents > mostDocuments)
    return inputError(fmt::format(
        "counting {} documents by expert needs {:.0f} numbers, and {:.0f} are allowed: capture fewer documents",
        info.documents.size(), documents, mostDocuments));
  return {};
}

Counters Counters::emptyFor(const TraceInfo& info) {
  Counters counters;
  counters.tokensByDomain.assign(info.domains.size(), 0);
  counters.tokensByDocument.assign(info.documents.size(), 0);
  counters.domainOfDocument.assign(info.documents.size(), 0);
  for (std::size_t index = 0; index < info.layers.size(); ++index) {
    const auto experts = static_cast<std::size_t>(info.layers[index].numExperts);
    LayerCounters layer{.experts = info.layers[index].numExperts,
                        .topK = info.layers[index].columns(),
                        .sigmoid = info.layers[index].score == "sigmoid"};
    layer.count.assign(experts, 0);
    layer.domain.assign(info.domains.size() * experts, 0);
    layer.rank.assign(static_cast<std::size_t>(layer.topK) * experts, 0);
    layer.document.assign(info.documents.size() * experts, 0);
    layer.coactivation.assign(experts * experts, 0);
    if (index + 1 < info.layers.size())
      layer.transition.assign(experts * static_cast<std::size_t>(info.layers[index + 1].numExperts), 0);
    layer.weight.assign(experts, 0);
    layer.nonfinite.assign(experts, 0);
    layer.dropped.assign(experts, 0);
    layer.gap.assign(histogramBins, 0);
    if (info.hasLogits) {
      layer.entropy.assign(histogramBins, 0);
      layer.margin.assign(histogramBins, 0);
    }
    counters.layers.push_back(std::move(layer));
  }
  return counters;
}

void Counters::add(const TraceChunk& chunk) {
  seen += static_cast<std::int64_t>(chunk.tokens());
  if (std::find(chunk.tokenClass.begin(), chunk.tokenClass.end(), padding) != chunk.tokenClass.end()) {
    std::vector<std::uint8_t> keep(chunk.tokens());
    std::transform(chunk.tokenClass.begin(), chunk.tokenClass.end(), keep.begin(),
                   [](std::uint8_t c) { return c != padding; });
    const TraceChunk kept = keepTokens(chunk, keep);
    seen -= static_cast<std::int64_t>(kept.tokens());
    return add(kept);
  }
  tokens += static_cast<std::int64_t>(chunk.tokens());
  const std::vector<std::uint32_t> domain(chunk.domain.begin(), chunk.domain.end());
  for (std::size_t token = 0; token < chunk.tokens(); ++token) {
    ++tokensByDomain[chunk.domain[token]];
    ++tokensByDocument[chunk.document[token]];
    domainOfDocument[chunk.document[token]] = chunk.domain[token];
  }
  for (std::size_t index = 0; index < layers.size(); ++index) {
    addLayer(chunk, chunk.layers[index], domain, layers[index]);
    if (!chunk.layers[index].logit.empty()) addConfidence(chunk.layers[index], layers[index]);
    if (index + 1 < layers.size())
      kernels::countTransitions(chunk.layers[index].expert, layers[index].topK, layers[index].experts,
                                chunk.layers[index + 1].expert, layers[index + 1].topK, layers[index + 1].experts,
                                layers[index].transition);
  }
}

void Counters::add(const Counters& other) {
  tokens += other.tokens;
  seen += other.seen;
  addTo(tokensByDomain, other.tokensByDomain);
  addTo(tokensByDocument, other.tokensByDocument);
  for (std::size_t document = 0; document < domainOfDocument.size(); ++document)
    if (other.tokensByDocument[document] > 0) domainOfDocument[document] = other.domainOfDocument[document];
  for (std::size_t index = 0; index < layers.size(); ++index) {
    LayerCounters& layer = layers[index];
    const LayerCounters& more = other.layers[index];
    addTo(layer.count, more.count);
    addTo(layer.domain, more.domain);
    addTo(layer.rank, more.rank);
    for (std::size_t at = 0; at < layer.document.size(); ++at) layer.document[at] += more.document[at];
    addTo(layer.coactivation, more.coactivation);
    addTo(layer.transition, more.transition);
    addTo(layer.weight, more.weight);
    addTo(layer.nonfinite, more.nonfinite);
    addTo(layer.dropped, more.dropped);
    addTo(layer.entropy, more.entropy);
    addTo(layer.margin, more.margin);
    addTo(layer.gap, more.gap);
  }
}

}  // namespace moescope
