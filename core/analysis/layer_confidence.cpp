// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/layer_confidence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/statistics/counter_random.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t measures = ConfidenceMeans::measures, cells = 2 * measures;
constexpr std::size_t leastRanks = 16;

// Value and number of each measure of one document or domain.
void addMeasure(double* row, std::size_t measure, double value) {
  if (std::isnan(value)) return;
  row[2 * measure] += value;
  row[2 * measure + 1] += 1;
}

double meanOf(std::span<const double> row, std::size_t measure) {
  return row[2 * measure + 1] > 0 ? row[2 * measure] / row[2 * measure + 1] : nan;
}

// The combine weights of one token, as shares of their sum, largest first as stored.
struct WeightShares {
  std::vector<double> share;  // by rank, 0 behind the last expert; empty where the sum is not above 0
  double gap = nan, entropy = nan;
};

WeightShares weightShares(std::span<const std::uint16_t> expert, std::span<const float> weight) {
  WeightShares shares;
  double sum = 0;
  std::size_t chosen = 0;
  for (std::size_t rank = 0; rank < expert.size(); ++rank) {
    if (expert[rank] == noExpert) continue;
    sum += weight[rank];
    ++chosen;
  }
  if (!(sum > 0) || !std::isfinite(sum)) return shares;
  shares.share.resize(expert.size());
  double entropy = 0;
  for (std::size_t rank = 0; rank < expert.size(); ++rank) {
    if (expert[rank] == noExpert) continue;
    const double share = shares.share[rank] = weight[rank] / sum;
    entropy -= share > 0 ? share * std::log(share) : 0;
  }
  if (chosen < 2) return shares;
  shares.gap = shares.share[0] - shares.share[1];
  shares.entropy = entropy / std::log(static_cast<double>(chosen));
  return shares;
}

class Pass {
 public:
  Pass(const CountedTrace& counted, std::size_t layer, const ConfidenceRequest& request)
      : layer_(layer),
        of_(counted.info.layers[layer]),
        request_(request),
        experts_(static_cast<std::size_t>(of_.numExperts)),
        columns_(static_cast<std::size_t>(of_.columns())),
        ranks_(std::min(experts_, std::max(leastRanks, 2 * columns_))),
        stride_((counted.counters.tokens + request.sample - 1) / request.sample),
        rowOf_(documentRows(counted)),
        documents_{.cells = static_cast<std::int64_t>(cells)},
        domains_(counted.info.domains.size() * cells) {
    documents_.values.resize(static_cast<std::size_t>(counted.documents()) * cells);
    answer_.curve.resize(ranks_);
    answer_.weightCurve.resize(columns_);
    answer_.entropies.resize(ConfidenceOfLayer::entropyBins);
    answer_.fragility.resize(request.sigmas.size());
  }

  void add(const TraceChunk& chunk) {
    const TraceChunk::Layer& routed = chunk.layers.front();
    const bool logits = !routed.logit.empty() && experts_ > 1;
    const LayerConfidence confidence = logits ? layerConfidence(routed, static_cast<std::int64_t>(columns_),
                                                                request_.rule, experts_, ranks_, request_.draws.threads)
                                              : LayerConfidence{};
    for (std::size_t token = 0; token < chunk.tokens(); ++token) {
      double* const document = documents_.values.data() + rowOf_[chunk.document[token]] * documents_.cells;
      double* const domain = domains_.data() + chunk.domain[token] * cells;
      const TokenConfidence none, &sure = logits ? confidence.tokens[token] : none;
      if (sure.known) {
        addSure(sure, document, domain);
        for (std::size_t rank = 0; rank < ranks_; ++rank)
          answer_.curve[rank] += confidence.sorted[token * ranks_ + rank];
      }
      const WeightShares weights = weightShares(std::span(routed.expert).subspan(token * columns_, columns_),
                                                std::span(routed.weight).subspan(token * columns_, columns_));
      addWeights(weights, document);
      if (position_++ % stride_ != 0) continue;
      if (sure.known) addNoise(routed, token);
      if (!chunk.loss.empty()) {
        entropy_.push_back(sure.known ? static_cast<float>(sure.entropy) : static_cast<float>(nan));
        margin_.push_back(sure.known ? static_cast<float>(sure.margin) : static_cast<float>(nan));
        gap_.push_back(static_cast<float>(weights.gap));
        loss_.push_back(chunk.loss[token]);
        document_.push_back(static_cast<std::uint32_t>(rowOf_[chunk.document[token]]));
      }
    }
  }

  Expected<ConfidenceOfLayer> finish(bool logits, bool losses, const Poll& poll) {
    std::vector<double> sums(cells);
    for (std::size_t at = 0; at < documents_.values.size(); ++at) sums[at % cells] += documents_.values[at];
    for (std::size_t measure = 0; measure < measures; ++measure) answer_.means.mean[measure] = meanOf(sums, measure);
    for (std::size_t at = 0; at * cells < domains_.size(); ++at)
      answer_.entropyByDomain.push_back(
          meanOf(std::span(domains_).subspan(at * cells, cells), ConfidenceMeans::entropy));
    for (double& p : answer_.curve) p = answer_.withLogits > 0 ? p / static_cast<double>(answer_.withLogits) : nan;
    for (double& share : answer_.weightCurve) share = weighted_ > 0 ? share / weighted_ : nan;
    for (double& share : answer_.fragility) share = answer_.sampled > 0 ? share / answer_.sampled : nan;
    answer_.rounded = answer_.sampled > 0 ? answer_.rounded / static_cast<double>(answer_.sampled) : nan;
    TRY_DO(addIntervals([&](double done) { return poll(done / 4); }));
    if (losses) TRY_DO(addLosses(logits, [&](double done) { return poll((1 + 3 * done) / 4); }));
    return std::move(answer_);
  }

 private:
  void addSure(const TokenConfidence& sure, double* document, double* domain) {
    using M = ConfidenceMeans;
    const auto below = [](double margin) { return std::isnan(margin) ? nan : margin < 0 ? 1.0 : 0.0; };
    for (const auto& [measure, value] : {std::pair{M::entropy, sure.entropy},
                                         {M::mass, sure.mass},
                                         {M::gap, sure.gap},
                                         {M::margin, sure.margin},
                                         {M::marginScore, sure.marginScore},
                                         {M::scale, sure.scale},
                                         {M::overruled, below(sure.margin)}})
      addMeasure(document, measure, value);
    if (!request_.rule.bias.empty()) {
      addMeasure(document, M::marginSelection, sure.marginSelection);
      addMeasure(document, M::overruledSelection, below(sure.marginSelection));
    }
    addMeasure(domain, M::entropy, sure.entropy);
    const auto bin = static_cast<std::size_t>(sure.entropy * ConfidenceOfLayer::entropyBins);
    ++answer_.entropies[std::min(bin, ConfidenceOfLayer::entropyBins - 1)];
    answer_.margins.add(sure.margin);
    ++answer_.withLogits;
  }

  void addWeights(const WeightShares& weights, double* document) {
    for (std::size_t rank = 0; rank < weights.share.size(); ++rank) answer_.weightCurve[rank] += weights.share[rank];
    weighted_ += weights.share.empty() ? 0 : 1;
    addMeasure(document, ConfidenceMeans::weightGap, weights.gap);
    addMeasure(document, ConfidenceMeans::weightEntropy, weights.entropy);
  }

  // Noise of a token depends on the seed, the layer and the token's place alone.
  void addNoise(const TraceChunk::Layer& routed, std::size_t token) {
    CounterRandom random(request_.draws.seed ^ 0x6e6f697365ull, static_cast<std::uint64_t>(position_) << 16 | layer_);
    std::vector<double> normal(experts_);
    for (double& value : normal) value = random.normal();
    std::size_t chosen = 0;
    for (std::size_t rank = 0; rank < columns_; ++rank) chosen += routed.expert[token * columns_ + rank] < experts_;
    const Fragility broken = fragility(request_.rule, std::span(routed.logit).subspan(token * experts_, experts_),
                                       chosen, request_.sigmas, normal);
    answer_.rounded += broken.rounded ? 1 : 0;
    for (std::size_t at = 0; at < request_.sigmas.size(); ++at) answer_.fragility[at] += broken.noisy[at] ? 1 : 0;
    ++answer_.sampled;
  }

  Expected<void> addIntervals(const Poll& poll) {
    answer_.means.interval.fill({nan, nan});
    const std::int64_t draws = request_.draws.count;
    if (draws == 0 || documents_.documents() < 2) return {};
    std::vector<double> drawn(measures * draws);
    TRY_DO(resampleSums(
        documents_, request_.draws,
        [&](std::int64_t draw, std::span<const double> sums) {
          for (std::size_t measure = 0; measure < measures; ++measure)
            drawn[measure * draws + draw] = meanOf(sums, measure);
        },
        poll));
    for (std::size_t measure = 0; measure < measures; ++measure)
      answer_.means.interval[measure] = percentileInterval(std::span(drawn).subspan(measure * draws, draws));
    return {};
  }

  Expected<void> addLosses(bool logits, const Poll& poll) {
    std::vector<const std::vector<float>*> wanted;
    if (logits) wanted = {&entropy_, &margin_};
    wanted.push_back(&gap_);
    for (std::size_t at = 0; at < wanted.size(); ++at) {
      TRY(correlated,
          correlateWithLoss(*wanted[at], loss_, document_, documents_.documents(), request_.draws, [&](double done) {
            return poll((static_cast<double>(at) + done) / static_cast<double>(wanted.size()));
          }));
      answer_.losses.push_back(std::move(correlated));
    }
    return {};
  }

  std::size_t layer_;
  const TraceLayer& of_;
  const ConfidenceRequest& request_;
  std::size_t experts_, columns_, ranks_;
  std::int64_t stride_, position_ = 0;
  std::vector<std::int64_t> rowOf_;
  DocumentSums documents_;
  std::vector<double> domains_;
  std::vector<float> entropy_, margin_, gap_, loss_;
  std::vector<std::uint32_t> document_;
  double weighted_ = 0;
  ConfidenceOfLayer answer_;
};

}  // namespace

std::vector<std::string> lossMeasures(const TraceInfo& info) {
  return info.hasLogits ? std::vector<std::string>{"entropy", "margin", "weight gap"}
                        : std::vector<std::string>{"weight gap"};
}

Expected<ConfidenceOfLayer> measureConfidence(const Trace& trace, const TraceFilter& filter,
                                              const CountedTrace& counted, std::size_t layer,
                                              const ConfidenceRequest& request, const Poll& poll) {
  Pass pass(counted, layer, request);
  TRY_DO(eachChunk(
      trace, filter, Trace::logits | Trace::weights | Trace::loss, {static_cast<int>(layer)},
      [&](double done) { return poll(done / 2); },
      [&](const TraceChunk& chunk) -> Expected<void> {
        pass.add(chunk);
        return {};
      }));
  return pass.finish(trace.info().hasLogits, trace.info().hasLoss, [&](double done) { return poll((1 + done) / 2); });
}

}  // namespace moescope
