// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/router_losses.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/analysis/token_windows.h"
#include "core/trace/router_scores.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Sums over some tokens lie in one row: assignments [E], probabilities [E], (ln sum exp z)^2, tokens.
double balanceLoss(std::span<const double> sums) {
  const std::size_t experts = sums.size() / 2 - 1;
  const double assignments = std::accumulate(sums.begin(), sums.begin() + experts, 0.0), tokens = sums.back();
  double product = 0;
  for (std::size_t e = 0; e < experts; ++e) product += sums[e] * sums[experts + e];
  return product > 0 ? static_cast<double>(experts) * product / (assignments * tokens) : nan;
}

double zLoss(std::span<const double> sums) {
  return sums.back() > 0 ? sums[sums.size() - 2] / sums.back() : nan;
}

// One layer's tokens, in the trace's order.
class Pass {
 public:
  Pass(const CountedTrace& counted, std::size_t layer, std::int64_t batch)
      : experts_(static_cast<std::size_t>(counted.info.layers[layer].numExperts)),
        columns_(static_cast<std::size_t>(counted.info.layers[layer].columns())),
        sigmoid_(counted.info.layers[layer].score == "sigmoid"),
        ends_(equalWindows(counted.counters.tokens, batch)),
        rowOf_(documentRows(counted)),
        documents_{.cells = static_cast<std::int64_t>(2 * experts_ + 2)},
        batch_(2 * experts_ + 2),
        p_(experts_) {
    documents_.values.resize(static_cast<std::size_t>(counted.documents() * documents_.cells));
  }

  void add(const TraceChunk& chunk) {
    const TraceChunk::Layer& layer = chunk.layers.front();
    for (std::size_t token = 0; token < chunk.tokens(); ++token) {
      const std::span logit(layer.logit.data() + token * experts_, experts_);
      const std::span expert(layer.expert.data() + token * columns_, columns_);
      if (routerProbabilities(logit, sigmoid_, p_))
        addToken(expert, logSumExp(logit), documents_.values.data() + rowOf_[chunk.document[token]] * documents_.cells);
      else
        ++losses_.notFinite;
      if (window_ < ends_.size() && ++position_ == ends_[window_]) endBatch();
    }
  }

  const DocumentSums& documents() const { return documents_; }
  RouterLosses losses() const {
    RouterLosses losses = losses_;
    losses.balanceBatch = batches_ > 0 ? losses.balanceBatch / static_cast<double>(batches_) : nan;
    return losses;
  }

 private:
  void addToken(std::span<const std::uint16_t> expert, double logSum, double* document) {
    for (double* sums : {document, batch_.data()}) {
      for (std::uint16_t e : expert)
        if (e < experts_) sums[e] += 1;
      for (std::size_t e = 0; e < experts_; ++e) sums[experts_ + e] += p_[e];
      sums[2 * experts_] += logSum * logSum;
      sums[2 * experts_ + 1] += 1;
    }
    losses_.logSumExp.add(logSum);
    ++losses_.tokens;
  }

  void endBatch() {
    if (const double loss = balanceLoss(batch_); !std::isnan(loss)) {
      losses_.balanceBatch += loss;
      ++batches_;
    }
    std::fill(batch_.begin(), batch_.end(), 0);
    ++window_;
  }

  std::size_t experts_, columns_;
  bool sigmoid_;
  std::vector<std::int64_t> ends_, rowOf_;
  DocumentSums documents_;
  std::vector<double> batch_, p_;
  std::size_t window_ = 0;
  std::int64_t position_ = 0, batches_ = 0;
  RouterLosses losses_;
};

Expected<void> addIntervals(RouterLosses& losses, const DocumentSums& documents, const Draws& draws, const Poll& poll) {
  losses.balanceInterval = losses.zInterval = {nan, nan};
  if (draws.count == 0 || documents.documents() < 2) return {};
  std::vector<double> balance(draws.count), z(draws.count);
  TRY_DO(resampleSums(
      documents, draws,
      [&](std::int64_t draw, std::span<const double> sums) {
        balance[draw] = balanceLoss(sums);
        z[draw] = zLoss(sums);
      },
      poll));
  losses.balanceInterval = percentileInterval(balance);
  losses.zInterval = percentileInterval(z);
  return {};
}

}  // namespace

Expected<RouterLosses> measureLosses(const Trace& trace, const TraceFilter& filter, const CountedTrace& counted,
                                     std::size_t layer, std::int64_t batch, const Draws& draws, const Poll& poll) {
  Pass pass(counted, layer, batch);
  TRY_DO(eachChunk(
      trace, filter, Trace::logits, {static_cast<int>(layer)}, [&](double done) { return poll(done / 2); },
      [&](const TraceChunk& chunk) -> Expected<void> {
        pass.add(chunk);
        return {};
      }));
  RouterLosses losses = pass.losses();
  const auto cells = static_cast<std::size_t>(pass.documents().cells);
  std::vector<double> sums(cells);
  for (std::size_t at = 0; at < pass.documents().values.size(); ++at) sums[at % cells] += pass.documents().values[at];
  losses.balance = balanceLoss(sums);
  losses.z = zLoss(sums);
  const std::size_t experts = cells / 2 - 1;
  const double assignments = std::accumulate(sums.begin(), sums.begin() + experts, 0.0);
  for (std::size_t e = 0; e < experts; ++e) {
    losses.frequency.push_back(sums[e] / assignments);
    losses.probability.push_back(sums[experts + e] / sums.back());
  }
  TRY_DO(addIntervals(losses, pass.documents(), draws, [&](double done) { return poll((1 + done) / 2); }));
  return losses;
}

namespace {

// The function load_balancing_loss_func of transformers: f and P are averaged over layers before they are multiplied,
// and f sums to k. NaN where layers differ in size.
double pooledLoss(const std::vector<RouterLosses>& layers, const CountedTrace& counted) {
  const std::size_t experts = layers.front().frequency.size();
  std::vector<double> f(experts), p(experts);
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    if (layers[layer].frequency.size() != experts) return nan;
    const double chosen = routedTotals(counted.counters, layer).chosen();
    for (std::size_t e = 0; e < experts; ++e) {
      f[e] += chosen * layers[layer].frequency[e] / static_cast<double>(layers.size());
      p[e] += layers[layer].probability[e] / static_cast<double>(layers.size());
    }
  }
  return static_cast<double>(experts) * std::inner_product(f.begin(), f.end(), p.begin(), 0.0);
}

void addHistogram(Result& result, const std::vector<RouterLosses>& layers) {
  double reach = 0;
  for (const RouterLosses& layer : layers) reach = std::max(reach, layer.logSumExp.reach());
  std::vector<GrowingHistogram> histograms;
  std::size_t first = GrowingHistogram::bins, last = 0;
  for (const RouterLosses& layer : layers) {
    histograms.push_back(layer.logSumExp);
    histograms.back().growTo(reach);
    for (std::size_t bin = 0; bin < GrowingHistogram::bins; ++bin)
      if (histograms.back().counts()[bin] > 0) {
        first = std::min(first, bin);
        last = std::max(last, bin + 1);
      }
  }
  Axis axis{.name = "z", .labels = {}};
  for (std::size_t bin = first; bin < last; ++bin)
    axis.labels.push_back(fmt::format("{:.4g}", histograms.front().lower(bin)));
  std::vector<double> shares;
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    for (std::size_t bin = first; bin < last; ++bin)
      shares.push_back(static_cast<double>(histograms[layer].counts()[bin]) /
                       static_cast<double>(layers[layer].tokens));
  result.axes.push_back(std::move(axis));
  result.add("z_histogram", "share of tokens", {"layer", "z"}, std::move(shares)).help = fmt::format(
      "Share of the tokens whose ln sum exp of the router logits lies in the bin that begins at z; bins are "
      "{:.4g} wide.",
      histograms.front().width());
}

}  // namespace

void addRouterLosses(Result& result, const std::vector<RouterLosses>& layers, const CountedTrace& counted) {
  std::vector<double> balance, low, high, slots, batch, z, zLow, zHigh;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const RouterLosses& of = layers[layer];
    balance.push_back(of.balance);
    low.push_back(of.balanceInterval.low);
    high.push_back(of.balanceInterval.high);
    slots.push_back(routedTotals(counted.counters, layer).chosen() * of.balance);
    batch.push_back(of.balanceBatch);
    z.push_back(of.z);
    zLow.push_back(of.zInterval.low);
    zHigh.push_back(of.zInterval.high);
  }
  const auto interval = [](Array& array, std::vector<double>& from, std::vector<double>& to) {
    if (std::all_of(from.begin(), from.end(), [](double value) { return std::isnan(value); })) return;
    array.low = std::move(from);
    array.high = std::move(to);
  };
  Array& whole = result.add("lbl", "", {"layer"}, std::move(balance));
  whole.help =
      "Load-balancing loss E sum f P, f the share of assignments and P the mean probability, both summing to 1 "
      "over the experts and pooled over the whole trace (global batch): 1 is balanced. Fedus et al. 2022.";
  interval(whole, low, high);
  result.add("lbl_slots", "", {"layer"}, std::move(slots)).help =
      "The same with f summing to k, as load_balancing_loss_func of transformers has it, for each layer alone: k is "
      "balanced. OLMoE's script averages it over layers.";
  result.add("lbl_batch", "", {"layer"}, std::move(batch)).help =
      "E sum f P with f and P of one batch, averaged over batches (micro batch): usually above the global one, "
      "since experts that serve one domain unbalance every batch of that domain.";
  Array& logits = result.add("z_loss", "", {"layer"}, std::move(z));
  logits.help = "Mean over tokens of (ln sum exp z)^2 of the router logits z. Zoph et al. 2022 (ST-MoE).";
  interval(logits, zLow, zHigh);
  result.add("lbl_hf", "", {}, {pooledLoss(layers, counted)}).help =
      "load_balancing_loss_func of transformers: f (summing to k) and P averaged over all layers before they are "
      "multiplied; k is balanced. Experts of different layers are mixed; layers of different size give no value.";
  addHistogram(result, layers);
}

}  // namespace moescope
