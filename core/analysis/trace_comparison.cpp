// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/trace_comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/analysis/load_metrics.h"
#include "core/analysis/vocabulary_null.h"
#include "core/statistics/bootstrap_inference.h"
#include "core/statistics/matching.h"
#include "core/statistics/proportions.h"
#include "kernels/kernels.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

ExpertNumbers numbersFrom(const std::vector<std::int64_t>& joint, std::size_t experts, std::size_t others) {
  const std::vector<int> partner = bestMatching(std::vector<double>(joint.begin(), joint.end()), experts, others);
  ExpertNumbers numberOf(others, noExpert);
  for (std::size_t e = 0; e < experts; ++e)
    if (partner[e] >= 0) numberOf[partner[e]] = static_cast<std::uint16_t>(e);
  auto next = static_cast<std::uint16_t>(experts);
  for (std::uint16_t& number : numberOf)
    if (number == noExpert) number = next++;
  return numberOf;
}

std::size_t numberOf(const ExpertNumbers& numbers, std::size_t expert) {
  return numbers.empty() ? expert : numbers[expert];
}

// How many numbers the experts of both traces take.
std::size_t widthOf(std::size_t experts, std::size_t others, const ExpertNumbers& numbers) {
  std::size_t width = std::max(experts, others);
  for (std::uint16_t number : numbers) width = std::max(width, std::size_t{number} + 1);
  return width;
}

// What is compared of the counts of both sides: differences by expert, then the divergence.
class Comparison {
 public:
  Comparison(std::size_t experts, std::size_t others, const ExpertNumbers& numbers)
      : numbers_(numbers), width_(widthOf(experts, others, numbers)) {}

  std::size_t width() const { return width_; }
  // By number, NaN where there is none.
  std::vector<double> first(std::span<const double> counts) const { return spread(counts, {}); }
  std::vector<double> second(std::span<const double> counts) const { return spread(counts, numbers_); }
  std::vector<double> operator()(std::span<const double> one, std::span<const double> other) const {
    std::vector<double> left = first(utilisation(one)), right = second(utilisation(other)), all;
    for (std::size_t e = 0; e < width_; ++e) all.push_back(right[e] - left[e]);
    std::vector<double> mine = first(one), theirs = second(other);
    for (auto* list : {&mine, &theirs})
      std::replace_if(
          list->begin(), list->end(), [](double value) { return std::isnan(value); }, 0.0);
    all.push_back(jensenShannon(mine, theirs));
    return all;
  }

 private:
  std::vector<double> spread(std::span<const double> values, const ExpertNumbers& numbers) const {
    std::vector<double> all(width_, nan);
    for (std::size_t e = 0; e < values.size(); ++e) all[numberOf(numbers, e)] = values[e];
    return all;
  }

  const ExpertNumbers& numbers_;
  std::size_t width_;
};

DocumentTable ungrouped(DocumentTable table) {
  table.groups = 1;
  std::fill(table.group.begin(), table.group.end(), std::uint16_t{0});
  return table;
}

// Draws of what is compared, [measure, draw].
Expected<std::vector<double>> drawAll(const DocumentTable& one, const DocumentTable& other, const Comparison& compare,
                                      bool paired, const Draws& draws, const Poll& poll) {
  std::vector<double> drawn((compare.width() + 1) * draws.count);
  const auto keep = [&](std::int64_t draw, std::span<const double> left, std::span<const double> right) {
    const std::vector<double> all = compare(left, right);
    for (std::size_t at = 0; at < all.size(); ++at) drawn[at * draws.count + draw] = all[at];
  };
  if (paired) {
    TRY_DO(resamplePairs(one, other, draws, keep, poll));
    return drawn;
  }
  // Each side by itself: the first's sums are kept until the second's are drawn, by other numbers.
  std::vector<double> left(one.cells * draws.count);
  TRY_DO(resampleDocuments(
      one, draws,
      [&](std::int64_t draw, std::span<const double> sums) {
        std::copy(sums.begin(), sums.end(), left.begin() + draw * one.cells);
      },
      poll));
  Draws others = draws;
  others.seed ^= 0x7365636f6e64ull;
  TRY_DO(resampleDocuments(
      other, others,
      [&](std::int64_t draw, std::span<const double> sums) {
        keep(draw, std::span(left).subspan(draw * one.cells, one.cells), sums);
      },
      poll));
  return drawn;
}

void addRisks(LayerDifference& difference, const CountedTrace& first, const CountedTrace& second, std::size_t layer,
              const Comparison& compare) {
  const auto counts = [&](const CountedTrace& of) {
    const std::vector<std::int64_t>& count = of.counters.layers[layer].count;
    return std::vector<double>(count.begin(), count.end());
  };
  const std::vector<double> one = compare.first(counts(first)), other = compare.second(counts(second));
  for (std::size_t e = 0; e < compare.width(); ++e) {
    if (std::isnan(one[e]) || std::isnan(other[e])) {
      difference.risk.push_back(nan);
      difference.riskInterval.push_back({nan, nan});
      continue;
    }
    const RiskDifference risk = riskDifference({other[e], static_cast<double>(second.counters.tokens)},
                                               {one[e], static_cast<double>(first.counters.tokens)});
    difference.risk.push_back(risk.difference);
    difference.riskInterval.push_back(risk.interval);
  }
}

}  // namespace

Expected<std::vector<ExpertNumbers>> matchExperts(std::span<const Trace> pair, const TraceFilter& filter,
                                                  const Poll& poll) {
  const std::vector<TraceLayer>&one = pair[0].info().layers, &other = pair[1].info().layers;
  std::vector<std::vector<std::int64_t>> joint;
  for (std::size_t layer = 0; layer < one.size(); ++layer)
    joint.emplace_back(static_cast<std::size_t>(one[layer].numExperts * other[layer].numExperts));
  TRY_DO(eachAligned(pair, filter, {}, poll, [&](std::span<const TraceChunk> chunks) -> Expected<void> {
    for (std::size_t layer = 0; layer < one.size(); ++layer)
      kernels::countTransitions(chunks[0].layers[layer].expert, one[layer].columns(), one[layer].numExperts,
                                chunks[1].layers[layer].expert, other[layer].columns(), other[layer].numExperts,
                                joint[layer]);
    return {};
  }));
  std::vector<ExpertNumbers> numbers;
  for (std::size_t layer = 0; layer < one.size(); ++layer)
    numbers.push_back(numbersFrom(joint[layer], static_cast<std::size_t>(one[layer].numExperts),
                                  static_cast<std::size_t>(other[layer].numExperts)));
  return numbers;
}

Expected<std::vector<LayerAgreement>> measureAgreement(std::span<const Trace> pair, const TraceFilter& filter,
                                                       const CountedTrace& first,
                                                       const std::vector<ExpertNumbers>& numbers, const Poll& poll) {
  constexpr std::size_t cells = SetOverlap::cells;
  const std::vector<std::int64_t> rowOf = documentRows(first);
  std::vector<LayerAgreement> layers(first.info.layers.size());
  for (LayerAgreement& layer : layers) {
    layer.byDocument.cells = static_cast<std::int64_t>(cells);
    layer.byDocument.values.resize(static_cast<std::size_t>(first.documents()) * cells);
    layer.byDomain.resize(first.info.domains.size() * cells);
  }
  TRY_DO(eachAligned(pair, filter, {}, poll, [&](std::span<const TraceChunk> chunks) -> Expected<void> {
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
      const std::span<const std::uint16_t> names =
          numbers.empty() ? std::span<const std::uint16_t>() : std::span(numbers[layer]);
      const std::vector<std::uint16_t>&one = chunks[0].layers[layer].expert, &other = chunks[1].layers[layer].expert;
      const std::size_t tokens = chunks[0].tokens(), k = tokens > 0 ? one.size() / tokens : 0,
                        otherK = tokens > 0 ? other.size() / tokens : 0;
      for (std::size_t token = 0; token < tokens; ++token)
        for (double* row : {layers[layer].byDocument.values.data() +
                                static_cast<std::size_t>(rowOf[chunks[0].document[token]]) * cells,
                            layers[layer].byDomain.data() + chunks[0].domain[token] * cells})
          addOverlap(std::span(one).subspan(token * k, k), std::span(other).subspan(token * otherK, otherK), names,
                     std::span(row, cells));
    }
    return {};
  }));
  return layers;
}

Expected<LayerDifference> measureDifference(const CountedTrace& first, const CountedTrace& second, std::size_t layer,
                                            const ExpertNumbers& numbers, bool paired, const Draws& draws,
                                            const Poll& poll) {
  const DocumentTable one = ungrouped(documentTable(first, layer)), other = ungrouped(documentTable(second, layer));
  const Comparison compare(static_cast<std::size_t>(one.cells), static_cast<std::size_t>(other.cells), numbers);
  const std::vector<double> left = groupSums(one), right = groupSums(other), observed = compare(left, right);
  LayerDifference answer{.first = compare.first(utilisation(left)),
                         .second = compare.second(utilisation(right)),
                         .difference = {observed.begin(), observed.end() - 1},
                         .p = std::vector<double>(compare.width(), nan),
                         .divergence = observed.back(),
                         .divergenceInterval = {nan, nan}};
  addRisks(answer, first, second, layer, compare);
  const std::int64_t documents = std::min(one.documents(), other.documents());
  if (draws.count == 0 || documents < 2) return answer;
  TRY(drawn, drawAll(one, other, compare, paired, draws, poll));
  for (std::size_t at = 0; at <= compare.width(); ++at) {
    const std::span<double> of = std::span(drawn).subspan(at * draws.count, draws.count);
    if (at == compare.width()) {
      answer.divergenceInterval = percentileInterval(of);
      continue;
    }
    if (!std::isnan(observed[at])) answer.p[at] = differenceP(observed[at], of, documents);
    answer.interval.push_back(percentileInterval(of));
  }
  return answer;
}

}  // namespace moescope
