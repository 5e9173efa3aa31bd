// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/sheet.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace moescope {

namespace {

constexpr int mostColumns = 6;

struct Range {
  double low = 0, high = 0;
  std::vector<Tick> ticks;  // of the widest
};

void widen(std::map<std::string, Range>& ranges, const std::string& key, double low, double high,
           const std::vector<Tick>& ticks) {
  const auto [at, first] = ranges.try_emplace(key, Range{low, high, ticks});
  if (first) return;
  Range& range = at->second;
  if (high - low > range.high - range.low) range.ticks = ticks;
  range.low = std::min(range.low, low);
  range.high = std::max(range.high, high);
}

bool plotted(const Drawing& drawing) {
  return drawing.empty.empty() && !drawing.table && !drawing.text;
}

// A quantity on an axis is known by its label; positions (layers, experts) and logarithms are left alone.
std::string axisKey(const Drawing& drawing, const DrawingAxis& axis) {
  const bool counts = drawing.scale.has_value() || axis.reversed || axis.logarithmic || axis.label.empty();
  return counts || !axis.ticks.empty() ? std::string() : axis.label;
}

std::string scaleKey(const ColourScale& scale) {
  return scale.map + "\n" + scale.label;
}

}  // namespace

Json toJson(const KeptFigure& kept) {
  return {{"result", kept.result}, {"operation", kept.operation},    {"figure", toJson(kept.figure)},
          {"at", kept.view.at},    {"selected", kept.view.selected}, {"set", kept.view.set}};
}

Expected<KeptFigure> keptFigureFromJson(const Json& json) {
  const auto wrong = [] { return inputError("a figure of the saved session cannot be read; it is left out"); };
  if (!json.is_object() || !json.contains("figure") || !json.contains("result") || !json["result"].is_string())
    return wrong();
  TRY(figure, figureFromJson(json["figure"]));
  const auto operation = json.find("operation");
  KeptFigure kept{json["result"].get<std::string>(),
                  operation != json.end() && operation->is_string() ? operation->get<std::string>() : std::string(),
                  std::move(figure),
                  {}};
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

Json toJson(const Sheet& sheet) {
  Json panels = Json::array();
  for (const KeptFigure& panel : sheet.panels) panels.push_back(toJson(panel));
  return {{"moescope_sheet", 1},
          {"columns", sheet.columns},
          {"letters", sheet.letters},
          {"shared", sheet.shared},
          {"panels", panels}};
}

Expected<Sheet> sheetFromJson(const Json& json) {
  Sheet sheet;
  const Json* panels = &json;
  if (json.is_object()) {
    if (json.value("moescope_sheet", Json()) != 1)
      return inputError(R"(this is no sheet of version 1: it needs "moescope_sheet":1)");
    if (const auto columns = json.find("columns"); columns != json.end() && columns->is_number_integer())
      sheet.columns = std::clamp(columns->get<int>(), 1, mostColumns);
    sheet.letters = json.value("letters", Json(true)) == true;
    sheet.shared = json.value("shared", Json(true)) == true;
    const auto found = json.find("panels");
    if (found == json.end()) return inputError("the sheet has no \"panels\"");
    panels = &*found;
  }
  if (!panels->is_array()) return inputError("a sheet is an object with \"panels\", a list");
  for (const Json& panel : *panels)
    if (auto kept = keptFigureFromJson(panel)) sheet.panels.push_back(*std::move(kept));
  return sheet;
}

void shareScales(std::vector<Drawing>& drawings) {
  std::map<std::string, Range> scales, axes;
  for (const Drawing& drawing : drawings) {
    if (!plotted(drawing)) continue;
    if (drawing.scale)
      widen(scales, scaleKey(*drawing.scale), drawing.scale->low, drawing.scale->high, drawing.scale->ticks);
    if (const std::string key = axisKey(drawing, drawing.y); !key.empty())
      widen(axes, key, drawing.y.low, drawing.y.high, {});
  }
  for (Drawing& drawing : drawings) {
    if (!plotted(drawing)) continue;
    if (drawing.scale) {
      const Range& range = scales.at(scaleKey(*drawing.scale));
      drawing.scale->low = range.low;
      drawing.scale->high = range.high;
      drawing.scale->ticks = range.ticks;
    }
    if (const std::string key = axisKey(drawing, drawing.y); !key.empty()) {
      drawing.y.low = axes.at(key).low;
      drawing.y.high = axes.at(key).high;
    }
  }
}

}  // namespace moescope
