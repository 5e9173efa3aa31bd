// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analysis/counted_trace.h"

namespace moescope {

// Co-activation as the script of OLMoE (Muennighoff et al. 2024) counts it, for figures that are to be compared with
// that paper's: of the k experts of a token, in the order of their weights, only the k - 1 neighbouring pairs, over the
// tokens of the first expert; the 16 experts of the highest such shares, in the order in which they come. Adds
// "published" [layer, strongest, strongest] in percent and "published_expert" [layer, strongest].
Expected<void> addPublishedPairs(Result& result, const Artifact& trace, const Parameters& set, Job& job);
Figure publishedFigure();

}  // namespace moescope
