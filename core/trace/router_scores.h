// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>

namespace moescope {

// The probabilities [E] that a layer's score makes of a token's router logits: softmax, or sigmoid scores over their
// sum. False, and nothing said, where a logit is not finite or every score is 0.
bool routerProbabilities(std::span<const float> logit, bool sigmoid, std::span<double> into);

// ln sum exp z, the logarithm of the softmax's denominator.
double logSumExp(std::span<const float> logit);

}  // namespace moescope
