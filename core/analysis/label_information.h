// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/analysis/sampled_tokens.h"

namespace moescope {

// One thing that is known of every sampled token.
struct TokenLabels {
  std::string name;
  std::vector<std::uint32_t> of;  // by token, below `count`; empty where the trace does not say
  std::size_t count = 0;
  bool turns = false;  // the null turns a document's labels round by a random offset; otherwise it deals the label
                       // sequences of whole documents out anew
};

// Domain; token id (types rarer than `minimum` are one label together); character class; tenth (of `bins`) of the
// document.
std::vector<TokenLabels> tokenLabels(const TraceInfo& info, const SampledTokens& sample, const Vocabulary& vocabulary,
                                     std::int64_t minimum, std::int64_t bins);

// I(label; expert) of one layer, nats; each token one unit of 1/k an assignment.
struct LabelInformation {
  double information = 0;  // plug-in
  double corrected = 0;    // less (cells - labels - experts + 1) (E - k) / (E - 1) / (2 N k): Miller and Madow 1955, a
                           // token's k experts being distinct; what occurs is counted
  double labelEntropy = 0, expertEntropy = 0;
  std::vector<double> null;  // by draw
};
// `experts` are [token, columns], noExpert for none. The null takes document i's labels from another document (round
// and round where that is shorter), or from itself turned; either way what is alike within a document stays together.
Expected<LabelInformation> labelInformation(const SampledTokens& sample, const TokenLabels& labels,
                                            std::span<const std::uint16_t> experts, std::size_t columns,
                                            std::size_t expertCount, const Draws& draws, const Poll& poll);

}  // namespace moescope
