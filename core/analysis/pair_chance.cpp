// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/pair_chance.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "core/statistics/design_effect.h"
#include "core/statistics/fixed_size_sets.h"

namespace moescope {

double designEffect(const CountedTrace& counted, std::size_t layer) {
  std::vector<double> tokens;
  for (std::int64_t each : counted.counters.tokensByDocument)
    if (each > 0) tokens.push_back(static_cast<double>(each));
  return designEffect(documentTable(counted, layer), tokens);
}

PairChance pairChance(const CountedTrace& counted, std::size_t layer, bool independent) {
  const LayerCounters& of = counted.counters.layers[layer];
  const auto experts = static_cast<std::size_t>(of.experts);
  const auto tokens = static_cast<double>(counted.counters.tokens);
  const std::int64_t assignments = std::accumulate(of.count.begin(), of.count.end(), std::int64_t{0});
  const std::int64_t size = assignments / counted.counters.tokens;
  PairChance chance{.expected = std::vector<double>(experts * experts),
                    .p = std::vector<double>(experts * experts, std::numeric_limits<double>::quiet_NaN())};
  // Counters do not hold how many experts each token has; top_k of them for all is the one case that they prove.
  chance.fixedSize = !independent && size * counted.counters.tokens == assignments &&
                     size == counted.info.layers[layer].topK && size == of.topK;
  chance.effect = designEffect(counted, layer);
  std::vector<double> share;
  for (std::int64_t count : of.count) share.push_back(static_cast<double>(count) / tokens);
  std::vector<double> joint;
  if (chance.fixedSize) joint = jointInclusion(share, size);
  const auto worth = [&](std::int64_t count) {
    return static_cast<std::int64_t>(std::llround(static_cast<double>(count) / chance.effect));
  };
  for (std::size_t i = 0; i < experts; ++i)
    for (std::size_t j = 0; j < experts; ++j) {
      const std::size_t cell = i * experts + j;
      const double both = i == j ? share[i] : chance.fixedSize ? joint[cell] : share[i] * share[j];
      chance.expected[cell] = tokens * both;
      if (i == j || of.count[i] == 0 || of.count[j] == 0) continue;
      const std::int64_t together = of.coactivation[cell];
      const Tails tails =
          chance.fixedSize ? binomialTails(tokens / chance.effect, both, static_cast<double>(together) / chance.effect)
                           : hypergeometricTails(worth(counted.counters.tokens), worth(of.count[i]), worth(of.count[j]),
                                                 worth(together));
      chance.p[cell] = tails.both();
    }
  return chance;
}

}  // namespace moescope
