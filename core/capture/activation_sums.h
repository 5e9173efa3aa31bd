// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/model/expert_pass.h"

namespace moescope {

// Sums over the tokens of one MoE layer, in fp64, additive over any split of them. f_e is an expert's output before the
// gate g, p_e the router's probability; E experts, D domains, H the hidden width. Padding is left out, and so are the
// choices that capacity dropped.
class ActivationSums {
 public:
  struct Shape {
    std::int64_t experts = 0, domains = 0, hidden = 0;
    bool means = true;  // also sums of outputs, [E,H]
  };
  explicit ActivationSums(const Shape& shape);

  // Once a batch, before its experts: `domain` of every row (position), -1 for padding.
  void addRouting(const Assignments& routed, const std::vector<std::int32_t>& domain);
  // A piece of what the experts gave, of choices t * k + j of that batch.
  void addOutputs(const ExpertRows& rows, std::int64_t choices, const std::vector<std::int32_t>& domain);
  // The same for an expert's outputs on tokens whether they chose it or not.
  void addAllOutputs(const ExpertRows& rows);

  Shape shape;
  std::int64_t tokens = 0;
  std::vector<double> count, gate, gateSquare, probability;  // [E]
  std::vector<double> norm, normSquare, gateNorm, largest;   // [E]: sums of |f|, |f|^2, g|f|; max |f_i|
  std::vector<double> domainCount, domainGate, domainNorm;   // [D,E]
  std::vector<double> output;                                // [E,H]
  std::vector<double> coactivation, logitProduct, logit;     // [E,E], [E,E] sums of l l^T, [E]
  std::vector<double> allNorm, allOutput;                    // [E], [E,H]; over all tokens
};

}  // namespace moescope
