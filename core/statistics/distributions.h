// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

// Distribution functions that intervals and tests need, to about 1e-12. Pure; any thread.
namespace moescope {

double normalBelow(double z);  // P(Z <= z)
// z with P(Z <= z) = share; infinite at 0 and 1 (Wichura 1988, AS 241).
double normalQuantile(double share);

// Regularised incomplete beta function I_x(a, b), a and b > 0 (continued fraction of Lentz, DLMF 8.17.22).
double incompleteBeta(double a, double b, double x);
// x with I_x(a, b) = share.
double betaQuantile(double a, double b, double share);

// P(X >= hits) of a binomial X of `trials` with probability `share`: I_share(hits, trials - hits + 1).
double binomialAtLeast(double hits, double trials, double share);

// P(|T| >= |t|) of Student's t with `freedom` degrees of freedom.
double twoSidedStudent(double t, double freedom);

}  // namespace moescope
