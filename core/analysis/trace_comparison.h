// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/analysis/aligned_traces.h"

namespace moescope {

// Expert e of the second trace's layer goes by number numberOf[e] of the first's; empty: by its own.
using ExpertNumbers = std::vector<std::uint16_t>;

// The pairing of experts that most assignments of the same tokens share, for every layer; experts of the second trace
// left over get numbers behind the first's. Reads both traces.
Expected<std::vector<ExpertNumbers>> matchExperts(std::span<const Trace> pair, const TraceFilter& filter,
                                                  const Poll& poll);

// How the choices of two traces of the same tokens agree, one layer: sums of SetOverlap::cells by document and by
// domain.
struct LayerAgreement {
  DocumentSums byDocument = {};
  std::vector<double> byDomain = {};  // [domain, cells]
};
Expected<std::vector<LayerAgreement>> measureAgreement(std::span<const Trace> pair, const TraceFilter& filter,
                                                       const CountedTrace& first,
                                                       const std::vector<ExpertNumbers>& numbers, const Poll& poll);

// Utilisation of one layer in two traces; experts go by the first's numbers, NaN where one side has no such expert.
struct LayerDifference {
  std::vector<double> first, second, difference, p;  // by expert; difference = second - first, in x fair share
  std::vector<Interval> interval = {};               // of the difference; empty without draws
  std::vector<double> risk = {};                     // share of tokens, second - first
  std::vector<Interval> riskInterval = {};           // Newcombe's, tokens taken as independent
  double divergence = 0;                             // Jensen-Shannon of the experts' shares, bits
  Interval divergenceInterval{0, 0};
};
// `paired`: both traces hold the same documents, and a draw takes the same ones from either.
Expected<LayerDifference> measureDifference(const CountedTrace& first, const CountedTrace& second, std::size_t layer,
                                            const ExpertNumbers& numberOf, bool paired, const Draws& draws,
                                            const Poll& poll);

}  // namespace moescope
