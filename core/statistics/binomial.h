// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace moescope {

// I_x(a, b), the regularised incomplete beta function, for a, b > 0 and x in [0, 1]. Continued fraction (Lentz; DLMF
// 8.17.22), relative error below 1e-10.
double incompleteBeta(double x, double a, double b);

// P(X >= successes) of a binomial X of `trials` with probability `share`: I_share(successes, trials - successes + 1).
double binomialUpperTail(double successes, double trials, double share);

}  // namespace moescope
