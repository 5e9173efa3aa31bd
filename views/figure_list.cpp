// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/figure_list.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace moescope {

void FigureList::add(KeptFigure figure) {
  sheet_.panels.push_back(std::move(figure));
  Q_EMIT changed();
}

void FigureList::remove(std::size_t at) {
  if (at >= sheet_.panels.size()) return;
  sheet_.panels.erase(sheet_.panels.begin() + static_cast<std::ptrdiff_t>(at));
  Q_EMIT changed();
}

void FigureList::move(std::size_t from, std::size_t to) {
  auto& panels = sheet_.panels;
  if (from >= panels.size() || to >= panels.size() || from == to) return;
  KeptFigure moved = std::move(panels[from]);
  panels.erase(panels.begin() + static_cast<std::ptrdiff_t>(from));
  panels.insert(panels.begin() + static_cast<std::ptrdiff_t>(to), std::move(moved));
  Q_EMIT changed();
}

void FigureList::set(int columns, bool letters, bool shared) {
  if (columns == sheet_.columns && letters == sheet_.letters && shared == sheet_.shared) return;
  sheet_.columns = columns;
  sheet_.letters = letters;
  sheet_.shared = shared;
  Q_EMIT changed();
}

void FigureList::replace(std::size_t at, KeptFigure figure) {
  if (at >= sheet_.panels.size()) return;
  sheet_.panels[at] = std::move(figure);
  Q_EMIT changed();
}

void FigureList::restore(const Json& json) {
  auto read = sheetFromJson(json);
  sheet_ = read ? *std::move(read) : Sheet();
  Q_EMIT changed();
}

}  // namespace moescope
