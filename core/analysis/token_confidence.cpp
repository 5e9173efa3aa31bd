// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/token_confidence.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>
#include <thread>

#include "core/trace/router_scores.h"

namespace moescope {

namespace {

// Rows of one thread's work.
class Measurer {
 public:
  Measurer(const SelectionRule& rule, std::size_t experts, std::size_t ranks)
      : rule_(rule), p_(experts), score_(experts), sorted_(experts), chosen_(experts), ranks_(ranks) {}

  TokenConfidence operator()(std::span<const float> logit, std::span<const std::uint16_t> expert, double* sorted) {
    std::fill(chosen_.begin(), chosen_.end(), std::uint8_t{0});
    std::size_t k = 0;
    for (std::uint16_t e : expert)
      if (e < chosen_.size() && chosen_[e] == 0) k += chosen_[e] = 1;
    TokenConfidence token;
    if (k == 0 || !routerProbabilities(logit, rule_.sigmoid, p_)) return token;
    token.known = true;
    for (double p : p_) token.entropy -= p > 0 ? p * std::log(p) : 0;
    token.entropy /= std::log(static_cast<double>(p_.size()));
    const std::size_t wanted = std::min(p_.size(), std::max({ranks_, k, std::size_t{2}}));
    std::partial_sort_copy(p_.begin(), p_.end(), sorted_.begin(), sorted_.begin() + static_cast<std::ptrdiff_t>(wanted),
                           std::greater<>());
    token.mass = std::accumulate(sorted_.begin(), sorted_.begin() + static_cast<std::ptrdiff_t>(k), 0.0);
    token.gap = sorted_[0] - sorted_[1];
    std::copy_n(sorted_.begin(), std::min(ranks_, wanted), sorted);
    token.margin = marginOf(logit);
    token.marginScore = marginOf(std::span<const double>(p_));
    selectionScores(rule_, logit, score_);
    token.marginSelection = marginOf(std::span<const double>(score_));
    const double mean = std::accumulate(logit.begin(), logit.end(), 0.0) / static_cast<double>(logit.size());
    for (float z : logit) token.scale += (z - mean) * (z - mean);
    token.scale = std::sqrt(token.scale / static_cast<double>(logit.size()));
    return token;
  }

 private:
  // NaN where every expert is chosen: there is no boundary.
  template <class T>
  double marginOf(std::span<const T> score) const {
    double least = INFINITY, best = -INFINITY;
    for (std::size_t e = 0; e < score.size(); ++e)
      if (chosen_[e])
        least = std::min(least, static_cast<double>(score[e]));
      else
        best = std::max(best, static_cast<double>(score[e]));
    return std::isfinite(best) ? least - best : NAN;
  }

  const SelectionRule& rule_;
  std::vector<double> p_, score_, sorted_;
  std::vector<std::uint8_t> chosen_;
  std::size_t ranks_;
};

float toBfloat16(float value) {  // round to nearest, ties to even
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return std::bit_cast<float>((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u);
}

// The `count` experts with the largest scores; ties to the smaller number.
std::vector<std::uint8_t> largest(std::span<const double> score, std::size_t count) {
  std::vector<std::size_t> order(score.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](std::size_t a, std::size_t b) { return score[a] != score[b] ? score[a] > score[b] : a < b; });
  std::vector<std::uint8_t> set(score.size());
  for (std::size_t at = 0; at < count; ++at) set[order[at]] = 1;
  return set;
}

}  // namespace

void selectionScores(const SelectionRule& rule, std::span<const float> logit, std::span<double> into) {
  if (rule.bias.empty()) {
    std::copy(logit.begin(), logit.end(), into.begin());
    return;
  }
  if (rule.sigmoid)
    std::transform(logit.begin(), logit.end(), into.begin(), [](double z) { return 1 / (1 + std::exp(-z)); });
  else
    routerProbabilities(logit, false, into);
  for (std::size_t e = 0; e < into.size(); ++e) into[e] += rule.bias[e];
}

LayerConfidence layerConfidence(const TraceChunk::Layer& layer, std::int64_t k, const SelectionRule& rule,
                                std::size_t experts, std::size_t ranks, int threads) {
  const std::size_t tokens = layer.logit.size() / experts, columns = static_cast<std::size_t>(k);
  LayerConfidence all{std::vector<TokenConfidence>(tokens), std::vector<double>(tokens * ranks)};
  const auto work = [&](std::size_t first, std::size_t end) {
    Measurer measure(rule, experts, ranks);
    for (std::size_t token = first; token < end; ++token)
      all.tokens[token] =
          measure(std::span(layer.logit).subspan(token * experts, experts),
                  std::span(layer.expert).subspan(token * columns, columns), all.sorted.data() + token * ranks);
  };
  const auto parts = static_cast<std::size_t>(std::max(1, threads));
  std::vector<std::jthread> others;
  for (std::size_t part = 1; part < parts; ++part)
    others.emplace_back(work, tokens * part / parts, tokens * (part + 1) / parts);
  work(0, tokens / parts);
  others.clear();
  return all;
}

Fragility fragility(const SelectionRule& rule, std::span<const float> logit, std::size_t chosen,
                    std::span<const double> sigmas, std::span<const double> normal) {
  std::vector<double> score(logit.size());
  std::vector<float> changed(logit.begin(), logit.end());
  selectionScores(rule, logit, score);
  const std::vector<std::uint8_t> before = largest(score, chosen);
  const auto differs = [&] {
    selectionScores(rule, changed, score);
    return largest(score, chosen) != before;
  };
  Fragility answer;
  std::transform(logit.begin(), logit.end(), changed.begin(), toBfloat16);
  answer.rounded = differs();
  for (double sigma : sigmas) {
    for (std::size_t e = 0; e < logit.size(); ++e) changed[e] = static_cast<float>(logit[e] + sigma * normal[e]);
    answer.noisy.push_back(differs());
  }
  return answer;
}

}  // namespace moescope
