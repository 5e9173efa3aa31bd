// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/statistics/resampling.h"

namespace moescope {

// How a measure of tokens goes with their losses. Both lie in bins of equally many tokens, `rankBins` of them.
struct LossCorrelation {
  static constexpr std::size_t rankBins = 100, deciles = 10;
  double rho = 0;                    // Spearman's
  Interval interval{0, 0};           // over resampled documents, ranks taken anew in every draw; NaN without draws
  std::vector<double> lossByDecile;  // mean loss of the tokens in each tenth of the measure, least first
};

// `measure` and `loss` of sampled tokens, `document` their documents' rows (below `documents`); tokens with a NaN in
// either are left out. NaN for fewer than two tokens.
Expected<LossCorrelation> correlateWithLoss(std::vector<float> measure, std::vector<float> loss,
                                            std::vector<std::uint32_t> document, std::int64_t documents,
                                            const Draws& draws, const Poll& poll);

}  // namespace moescope
