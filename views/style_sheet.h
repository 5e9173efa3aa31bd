// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace moescope {

struct Theme;

// The one style sheet of the window, made of the theme's tokens. Widgets are addressed by the dynamic properties
// "role" (caption, title, section, banner, panel, side, bar, page) and "kind" (primary, quiet, tab).
QString styleSheet(const Theme& theme);

}  // namespace moescope
