// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/result/drawing.h"
#include "views/paper.h"

namespace moescope {

// A figure that was put aside for a paper: of which result, which one, as it was looked at.
struct KeptFigure {
  std::string result;  // id
  std::string operation;
  Figure figure;
  ViewState view;
};
Json toJson(const KeptFigure& kept);
Expected<KeptFigure> keptFigureFromJson(const Json& json);

// One figure of a paper: panels in reading order, so many beside each other.
struct Sheet {
  int columns = 2;
  bool letters = true;  // (a), (b) ... bold, 8 points
  bool shared = true;   // panels of one quantity have one scale
  std::vector<KeptFigure> panels;
};
Json toJson(const Sheet& sheet);
// A list of panels alone is taken too. Input error when it is neither; panels that cannot be read are left out.
Expected<Sheet> sheetFromJson(const Json& json);

// Panels that show the same quantity in the same colours, or on the same axis, get one range.
void shareScales(std::vector<Drawing>& drawings);

}  // namespace moescope
