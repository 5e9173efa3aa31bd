// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>

#include "core/statistics/resampling.h"

namespace moescope {

// How many times the tokens of whole documents vary more than as many independent tokens would: the variance of the
// counts by document over the binomial one, pooled over the cells, at least 1 (Kish 1965, design effect of clusters).
// Tokens divided by it are the independent tokens that the trace is worth. `tokens` by document. 1 below two documents.
double designEffect(const DocumentTable& table, std::span<const double> tokens);

}  // namespace moescope
