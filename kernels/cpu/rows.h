// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace moescope::kernels {

// What stands between the products of a routed MLP in training, row by row in fp32. For hasPanels() only.

// inner [count, width] = silu(gate) * up, of both [count, 2 width]: each row its gate, then its up.
void gateRows(const float* both, std::int64_t count, std::int64_t width, float* inner);

// Backwards, for outputs weight_r * down inner_r. `slope` [count, width] is the gradient of the output times down:
//   ofWeight_r = slope_r . inner_r, weighted_r = weight_r * inner_r, ofBoth = the gradient of both.
void gateRowsBackward(const float* both, const float* weight, const float* slope, std::int64_t count,
                      std::int64_t width, float* weighted, float* ofBoth, float* ofWeight);

// into_t = sum over j of weight[t k + j] * rows[place[t k + j]], j ascending, for `count` tokens of k choices each;
// places below 0 are left out; weight null: 1. Rows of `rows` and `into` have `width` columns.
void sumChoices(const float* rows, const std::int64_t* place, const float* weight, std::int64_t count, std::int64_t k,
                std::int64_t width, float* into);

}  // namespace moescope::kernels
