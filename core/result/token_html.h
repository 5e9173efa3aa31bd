// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/result/drawing.h"

namespace moescope {

// Token text as a web page that needs nothing else: each token on the ground of its expert, its read-out as a tooltip,
// the legend below. Empty for a drawing without token text.
std::string tokenHtml(const Drawing& drawing);

}  // namespace moescope
