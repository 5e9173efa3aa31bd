// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/figure_list.h"

#include <nlohmann/json.hpp>

namespace moescope {

Json toJson(const KeptFigure& kept) {
  return {{"result", kept.result}, {"operation", kept.operation},    {"figure", toJson(kept.figure)},
          {"at", kept.view.at},    {"selected", kept.view.selected}, {"set", kept.view.set}};
}

Expected<KeptFigure> keptFigureFromJson(const Json& json) {
  const auto wrong = [] { return inputError("a figure of the saved session cannot be read; it is left out"); };
  if (!json.is_object() || !json.contains("figure") || !json.contains("result") || !json["result"].is_string())
    return wrong();
  TRY(figure, figureFromJson(json["figure"]));
  KeptFigure kept{json["result"].get<std::string>(), json.value("operation", std::string()), std::move(figure), {}};
  const auto at = json.find("at");
  if (at != json.end() && at->is_object())
    for (const auto& [axis, index] : at->items())
      if (index.is_number_integer()) kept.view.at[axis] = index.get<std::int64_t>();
  const auto selected = json.find("selected");
  if (selected != json.end() && selected->is_object())
    for (const auto& [axis, list] : selected->items())
      for (const Json& index : list)
        if (index.is_number_integer()) kept.view.selected[axis].push_back(index.get<std::int64_t>());
  const auto set = json.find("set");
  if (set != json.end() && set->is_object())
    for (const auto& [key, value] : set->items())
      if (value.is_string()) kept.view.set[key] = value.get<std::string>();
  return kept;
}

void FigureList::add(KeptFigure figure) {
  figures_.push_back(std::move(figure));
  Q_EMIT changed();
}

void FigureList::remove(std::size_t at) {
  if (at >= figures_.size()) return;
  figures_.erase(figures_.begin() + static_cast<std::ptrdiff_t>(at));
  Q_EMIT changed();
}

Json FigureList::save() const {
  Json list = Json::array();
  for (const KeptFigure& kept : figures_) list.push_back(toJson(kept));
  return list;
}

void FigureList::restore(const Json& json) {
  figures_.clear();
  if (json.is_array())
    for (const Json& item : json)
      if (auto kept = keptFigureFromJson(item)) figures_.push_back(*std::move(kept));
  Q_EMIT changed();
}

}  // namespace moescope
