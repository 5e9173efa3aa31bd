// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/result/drawing.h"

namespace moescope {

// A Python script (h5py, numpy, matplotlib) that draws what `drawing` shows. Heat maps, bars and lines read their
// numbers from the result's file; of other marks the drawn numbers stand in the script. `file` is written as it is
// given; a second argument of the script names the picture to write, otherwise a window opens.
std::string pythonScript(const Result& result, const Figure& figure, const ViewState& view, const Drawing& drawing,
                         const std::string& file);

}  // namespace moescope
