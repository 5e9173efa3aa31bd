// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/trace/trace.h"

namespace moescope {

// How a layer chooses: a function of the router logits that the chosen experts have the largest values of.
struct SelectionRule {
  bool sigmoid = false;
  std::vector<float> bias = {};  // [E], added to the score for the choice alone; empty: none known
};
// The score by which experts are chosen, [E]: the logits themselves without a bias (softmax and sigmoid keep their
// order), else softmax or sigmoid plus bias.
void selectionScores(const SelectionRule& rule, std::span<const float> logit, std::span<double> into);

// How sure the router was of one token. p: probabilities of all experts (sigmoid scores over their sum).
struct TokenConfidence {
  bool known = false;      // false: a logit was not finite, or the token has no expert; the rest is then 0
  double entropy = 0;      // H(p) / ln E
  double mass = 0;         // sum of the k largest p
  double gap = 0;          // largest p - second
  double margin = 0;       // least logit of a chosen expert - largest of another; negative: something overruled them
  double marginScore = 0;  // the same of p
  double marginSelection = 0;  // the same of selectionScores, in score + bias where a bias is known
  double scale = 0;            // population deviation of the logits over the experts
};

// Of every token of a layer of a chunk, and the mean-able sorted probabilities [token, ranks], largest first. E > 1.
// Tokens are shared out over `threads`; the numbers do not depend on them.
struct LayerConfidence {
  std::vector<TokenConfidence> tokens;
  std::vector<double> sorted;
};
LayerConfidence layerConfidence(const TraceChunk::Layer& layer, std::int64_t k, const SelectionRule& rule,
                                std::size_t experts, std::size_t ranks, int threads);

// Whether noise changes which experts have the largest selection scores, as many as `chosen` holds: the logits rounded
// to bfloat16 (ties to the expert with the smaller number) and, for every sigma, with sigma times `normal` [E] added.
struct Fragility {
  bool rounded = false;
  std::vector<bool> noisy;
};
Fragility fragility(const SelectionRule& rule, std::span<const float> logit, std::size_t chosen,
                    std::span<const double> sigmas, std::span<const double> normal);

}  // namespace moescope
