// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/published_pairs.h"

#include <algorithm>
#include <limits>

#include "core/analysis/routed_tokens.h"

namespace moescope {

namespace {

constexpr std::size_t shownExperts = 16;

struct NeighbourCounts {
  std::size_t experts = 0;
  std::vector<std::int64_t> single, pair;  // [E], [E, E]

  void add(const TraceChunk::Layer& layer, std::size_t tokens) {
    const std::size_t k = tokens == 0 ? 0 : layer.expert.size() / tokens;
    for (std::size_t token = 0; token < tokens; ++token) {
      std::uint16_t before = noExpert;
      for (std::size_t rank = 0; rank < k; ++rank) {
        const std::uint16_t expert = layer.expert[token * k + rank];
        if (expert == noExpert) continue;
        ++single[expert];
        if (before != noExpert) {
          ++pair[before * experts + expert];
          ++pair[expert * experts + before];
        }
        before = expert;
      }
    }
  }
  double share(std::size_t a, std::size_t b) const {
    return single[a] > 0 ? static_cast<double>(pair[a * experts + b]) / static_cast<double>(single[a]) : 0;
  }
  // The experts of the highest shares; of equal ones the lower numbers go first.
  std::vector<std::size_t> strongest() const {
    std::vector<std::size_t> order;
    for (std::size_t cell = 0; cell < pair.size(); ++cell)
      if (pair[cell] > 0) order.push_back(cell);
    std::ranges::stable_sort(order, [&](std::size_t x, std::size_t y) {
      return share(x / experts, x % experts) > share(y / experts, y % experts);
    });
    std::vector<std::size_t> chosen;
    for (std::size_t cell : order)
      for (std::size_t expert : {cell / experts, cell % experts})
        if (chosen.size() < shownExperts && std::ranges::count(chosen, expert) == 0) chosen.push_back(expert);
    return chosen;
  }
};

}  // namespace

Figure publishedFigure() {
  return heatMap("published", "published")
      .over({"strongest", "strongest"})
      .at("layer")
      .scale("sequential")
      .option("names", {{"published", "co-activation as OLMoE's script counts it"}, {"strongest", "place of expert"}})
      .titled("Co-activation as published for OLMoE");
}

Expected<void> addPublishedPairs(Result& result, const Artifact& trace, const Parameters& set, Job& job) {
  TRY(info, inspectTrace(trace, set));
  std::vector<NeighbourCounts> layers;
  for (const TraceLayer& layer : info.layers) {
    const auto experts = static_cast<std::size_t>(layer.numExperts);
    layers.push_back({experts, std::vector<std::int64_t>(experts), std::vector<std::int64_t>(experts * experts)});
  }
  TRY_DO(readRouted(trace, set, {.from = 0.9, .to = 1}, job, [&](const TraceChunk& chunk) {
    for (std::size_t layer = 0; layer < layers.size(); ++layer) layers[layer].add(chunk.layers[layer], chunk.tokens());
  }));
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> shares(layers.size() * shownExperts * shownExperts, nan),
      experts(layers.size() * shownExperts, -1);
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const std::vector<std::size_t> chosen = layers[layer].strongest();
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      experts[layer * shownExperts + i] = static_cast<double>(chosen[i]);
      for (std::size_t j = 0; j < chosen.size(); ++j)
        shares[(layer * shownExperts + i) * shownExperts + j] = 100 * layers[layer].share(chosen[i], chosen[j]);
    }
  }
  Axis axis{.name = "strongest"};
  for (std::size_t place = 0; place < shownExperts; ++place) axis.labels.push_back(std::to_string(place));
  result.axes.push_back(std::move(axis));
  result.add("published", "%", {"layer", "strongest", "strongest"}, std::move(shares)).help =
      "Pairs of neighbours in the order of weights over the tokens of the row's expert: k - 1 of k (k - 1) / 2 pairs.";
  result.addWhole("published_expert", "", {"layer", "strongest"}, std::move(experts)).help =
      "The expert at each place of the published matrix.";
  return {};
}

}  // namespace moescope
