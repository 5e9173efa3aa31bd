// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace moescope {

// (E/k) sum_i f_i P_i, f_i the share of tokens that chose i (no gradient), P_i the mean probability of i; 1 under
// balance. Padding (`valid` false) is left out. Switch Transformer, equation 4, divided by k as in MegaBlocks.
at::Tensor balanceLoss(const at::Tensor& probability /* [T,E] */, const at::Tensor& count /* [E] */,
                       const at::Tensor& valid, std::int64_t k);

// Mean over tokens of logsumexp(logits)^2. ST-MoE, equation 5.
at::Tensor zLoss(const at::Tensor& logits /* [T,E] */, const at::Tensor& valid);

// Squared coefficient of variation with the population variance, var / (mean^2 + 1e-10). Shazeer et al. 2017,
// equation 7.
at::Tensor squaredVariation(const at::Tensor& values /* [E] */);

// The rows of [T,...] that are tokens and not padding.
at::Tensor tokensOnly(const at::Tensor& rows, const at::Tensor& valid);

}  // namespace moescope
