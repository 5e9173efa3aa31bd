// SPDX-License-Identifier: Apache-2.0
// Concentration of first choices: the formulas are in plugin.json, "help".
#include <moescope_plugin.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace {

namespace plugin = moescope_plugin;

// Tokens by first-choice expert: the first row of the counters' ranks, or counted where a trace has no counters.
std::vector<std::vector<std::int64_t>> firstChoices(const plugin::Trace& trace) {
  std::vector<std::vector<std::int64_t>> countByLayer;
  for (std::size_t layer = 0; layer < trace.layers().size(); ++layer) {
    const auto experts = static_cast<std::size_t>(trace.layers()[layer].experts);
    auto rank = trace.counter(layer, "rank");  // [k, E]
    if (!rank || rank->size() < experts) break;
    rank->resize(experts);
    countByLayer.push_back(std::move(*rank));
  }
  if (countByLayer.size() == trace.layers().size()) return countByLayer;
  countByLayer.clear();
  for (const auto& layer : trace.layers()) countByLayer.emplace_back(static_cast<std::size_t>(layer.experts), 0);
  trace.forEach([&](const plugin::Trace::Block& block) {
    for (std::size_t token = 0; token < block.id.size(); ++token) {
      if (block.tokenClass[token] == 1) continue;
      for (std::size_t layer = 0; layer < countByLayer.size(); ++layer) {
        const std::int32_t expert = block.expert[layer][token * static_cast<std::size_t>(block.columns[layer])];
        if (expert >= 0) ++countByLayer[layer][static_cast<std::size_t>(expert)];
      }
    }
  });
  return countByLayer;
}

void work(const plugin::Request& request) {
  const plugin::Trace trace(request.input("trace"));
  const auto layers = trace.layers().size(), most = static_cast<std::size_t>(trace.mostExperts());
  const double none = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> share(layers * most, none), balanced(layers * most, none), half(layers, none),
      balancedHalf(layers, none);
  auto countByLayer = firstChoices(trace);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    auto& count = countByLayer[layer];
    std::sort(count.rbegin(), count.rend());
    const auto all = static_cast<double>(std::accumulate(count.begin(), count.end(), std::int64_t{0}));
    std::int64_t taken = 0;
    for (std::size_t rank = 0; rank < count.size(); ++rank) {
      taken += count[rank];
      share[layer * most + rank] = all > 0 ? static_cast<double>(taken) / all : none;
      balanced[layer * most + rank] = static_cast<double>(rank + 1) / static_cast<double>(count.size());
      if (std::isnan(half[layer]) && all > 0 && 2 * static_cast<double>(taken) >= all)
        half[layer] = static_cast<double>(rank + 1);
    }
    balancedHalf[layer] = std::ceil(static_cast<double>(count.size()) / 2);
    plugin::progress(static_cast<double>(layer + 1) / static_cast<double>(layers), "sorting experts");
  }
  std::vector<std::string> ranks;
  for (std::size_t rank = 1; rank <= most; ++rank) ranks.push_back(std::to_string(rank));
  plugin::Result result;
  result.axis("layer", trace.layerLabels());
  result.axis("experts", ranks);
  plugin::Extra ofShare, ofHalf;
  ofShare.baseline = balanced;
  ofShare.help = "cumulative share of tokens whose first choice is among the n most chosen experts; baseline n / E";
  ofHalf.baseline = balancedHalf;
  ofHalf.help = "smallest number of experts that together take at least half of the tokens";
  result.array("share", "share", {"layer", "experts"}, share, ofShare);
  result.array("half", "experts", {"layer"}, half, ofHalf);
  result.write(request.output("result"));
}

}  // namespace

int main(int argc, char** argv) {
  return plugin::run(argc, argv, work);
}
