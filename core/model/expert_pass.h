// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <span>

#include "core/model/experts.h"

namespace moescope {

// One expert: the rows of gateUp [2I,H] are the gate's, then those of up; down [H,I]; biases [2I] and [H], undefined
// where there are none. In fp32, or as stored in bf16 or f16 where the tokens are on the CPU.
struct ExpertWeights {
  at::Tensor gateUp, down, gateUpBias, downBias;
};

// What one expert made of some of its tokens, before the weights.
struct ExpertRows {
  std::int64_t expert = 0;
  const std::int64_t* order = nullptr;  // [count] t * k + j, ascending
  const float* weight = nullptr;        // [count]
  const float* output = nullptr;        // [count,H]
  std::int64_t count = 0;
};
using ExpertObserver = std::function<void(const ExpertRows&)>;

// A forward through experts (undefined ones have no tokens) that come a few at a time: y_t += weight * expert(x_t) for
// experts first, first + 1, ... over the kept choices, x and y fp32 [T,H]; of `rule`, activation and
// weightInput count. Contributions of a token are added in the
// order of its experts, and rows are multiplied in pieces that depend on nothing but an expert's number of rows: y has
// the same bits however the experts were divided over calls and for any number of threads. Without gradients. The
// observer sees every piece, experts in order, from the calling thread; for it the model must be on the CPU.
void addExperts(const at::Tensor& x, const Assignments& assignments, std::int64_t first,
                std::span<const ExpertWeights> experts, const ExpertRule& rule, at::Tensor& y,
                const ExpertObserver& observer = {});

}  // namespace moescope
