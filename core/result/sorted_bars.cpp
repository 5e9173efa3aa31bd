// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/result/marks.h"
#include "core/result/scale.h"
#include "core/result/slice.h"
#include "core/result/wording.h"

namespace moescope {

namespace {

bool keepsOrder(const Figure& figure, const ViewState& view) {
  if (const auto chosen = view.set.find("order"); chosen != view.set.end()) return chosen->second == "axis";
  return figure.options.value("order", Json("value")) == "axis";
}

// Positions on the axis that have a value, highest first or in the axis's order; ties stay in the axis's order.
std::vector<std::size_t> order(const Slice& slice, bool byAxis) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < slice.values.size(); ++i)
    if (!std::isnan(slice.values[i])) order.push_back(i);
  if (!byAxis)
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return slice.values[a] > slice.values[b]; });
  return order;
}

Bars barsOf(const Slice& slice, const std::vector<std::size_t>& order, const ViewState& view) {
  Bars bars{.axis = slice.axes[0]->name};
  const auto chosen = view.selected.find(bars.axis);
  for (std::size_t i : order) {
    bars.x.push_back(static_cast<double>(bars.x.size()));
    bars.height.push_back(slice.values[i]);
    bars.index.push_back(static_cast<std::int64_t>(i));
    bars.selected.push_back(chosen != view.selected.end() &&
                            std::ranges::count(chosen->second, static_cast<std::int64_t>(i)) > 0);
    const std::string where = slice.at.empty() ? "" : slice.at + " · ";
    bars.readOut.push_back(where + place(*slice.axes[0], i) + "\n" +
                           measured(slice.values[i], slice.array->unit, slice.lowAt(i), slice.highAt(i)));
    if (slice.low.empty()) continue;
    bars.low.push_back(slice.low[i]);
    bars.high.push_back(slice.high[i]);
  }
  return bars;
}

struct FairLine {
  double at = 0;
  std::string label;
};
std::optional<FairLine> fairLine(const Figure& figure) {
  const auto line = figure.options.find("line");
  if (line == figure.options.end() || !line->is_object() || !line->value("at", Json()).is_number()) return std::nullopt;
  const Json label = line->value("label", Json(""));
  return FairLine{line->at("at").get<double>(), label.is_string() ? label.get<std::string>() : ""};
}

// What chance alone gives: a band as wide as the bars.
Band noiseBand(const std::vector<std::size_t>& order, const std::vector<double>& centre,
               const std::vector<double>& noise) {
  Band band;
  for (std::size_t at = 0; at < order.size(); ++at)
    for (double side : {-0.5, 0.5}) {
      band.x.push_back(static_cast<double>(at) + side);
      band.low.push_back(centre[order[at]] - noise[order[at]]);
      band.high.push_back(centre[order[at]] + noise[order[at]]);
    }
  return band;
}

DrawnData tidy(const Slice& slice, const std::vector<std::size_t>& order) {
  DrawnData data{.columns = {"position", slice.axes[0]->name, slice.name}};
  if (!slice.baseline.empty()) data.columns.push_back("baseline");
  if (!slice.low.empty()) data.columns.insert(data.columns.end(), {"low", "high"});
  for (std::size_t i : order) {
    auto& row = data.rows.emplace_back();
    row = {static_cast<double>(data.rows.size() - 1), slice.axes[0]->labels[i], slice.values[i]};
    if (!slice.baseline.empty()) row.emplace_back(slice.baseline[i]);
    if (!slice.low.empty()) row.insert(row.end(), {slice.low[i], slice.high[i]});
  }
  return data;
}

}  // namespace

Expected<Drawing> drawSortedBars(const Result& result, const Figure& figure, const ViewState& view) {
  if (figure.axes.size() != 1)
    return usageError(fmt::format("The bars \"{}\" are over {} axes; they need one.", figure.name, figure.axes.size()));
  TRY(slice, moescope::slice(result, figure, figure.values.front(), view));
  TRY(noise, noiseFloor(result, figure, slice));
  const bool byAxis = keepsOrder(figure, view);
  const std::vector<std::size_t> order = moescope::order(slice, byAxis);
  const std::string name = words(slice.name, figure), axisName = words(slice.axes[0]->name, figure);
  Drawing drawing;
  drawing.title = titleOf(figure, name + " by " + axisName, slice.at);
  drawing.data = tidy(slice, order);
  if (order.empty()) {
    drawing.empty = fmt::format("There is no {} to show: no {} has a value.", name, axisName);
    return drawing;
  }
  Bars bars = barsOf(slice, order, view);
  const std::optional<FairLine> fair = fairLine(figure);
  std::vector<double> centre = slice.baseline;
  if (fair) centre.assign(slice.values.size(), fair->at);
  const bool banded = !noise.empty() && !centre.empty();
  const std::string interval = slice.low.empty() ? "" : " with 95 % interval";
  drawing.caption = captioned({sentence(quantity(slice.name, slice.array->unit, figure)) + interval,
                               fair && !fair->label.empty() ? "dashed: " + fair->label : "",
                               banded ? "shaded: what chance alone gives" : "", sizeWords(result.facts)});
  drawing.x = {.label = byAxis ? axisName : axisName + "s, highest first",
               .low = -0.5,
               .high = static_cast<double>(order.size()) - 0.5};
  if (byAxis)
    drawing.x.ticks = labelTicks(*slice.axes[0]);
  else if (order.size() <= 32)
    for (std::size_t at = 0; at < order.size(); ++at)
      drawing.x.ticks.push_back({static_cast<double>(at), shortLabel(slice.axes[0]->labels[order[at]])});
  drawing.y.label = quantity(slice.name, slice.array->unit, figure);
  const std::vector<double> always{0, fair ? fair->at : 0};
  fitAxis(drawing.y, {&bars.height, &bars.high, &bars.low, &always});
  if (banded) drawing.items.emplace_back(noiseBand(order, centre, noise));
  drawing.items.emplace_back(std::move(bars));
  if (fair) drawing.items.emplace_back(Rule{.at = fair->at, .label = fair->label});
  return drawing;
}

}  // namespace moescope
