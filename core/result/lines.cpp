// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/result/marks.h"
#include "core/result/scale.h"
#include "core/result/slice.h"
#include "core/result/wording.h"

namespace moescope {

namespace {

constexpr std::size_t mostHues = 8;       // more lines than this are not told apart by colour
constexpr std::size_t mostIntervals = 4;  // more bands than this hide each other

struct Series {
  Slice slice;
  std::size_t column = 0;  // of the second axis
  std::string label;
  bool thin = false;
  std::vector<double> of(const std::vector<double>& cells) const {
    if (cells.empty()) return {};
    const std::size_t columns = slice.axes.size() > 1 ? slice.extent(1) : 1;
    std::vector<double> list;
    for (std::size_t row = 0; row < slice.extent(0); ++row) list.push_back(cells[row * columns + column]);
    return list;
  }
};

// Steps and positions are drawn at their number, words at their place.
std::vector<double> abscissa(const Axis& axis, bool& numeric) {
  std::vector<double> x;
  numeric = !axis.labels.empty();
  for (std::size_t i = 0; i < axis.labels.size(); ++i) {
    const std::string label = shortLabel(axis.labels[i]);
    double value = 0;
    const auto read = std::from_chars(label.data(), label.data() + label.size(), value);
    numeric = numeric && read.ec == std::errc() && read.ptr == label.data() + label.size() && std::isfinite(value) &&
              (x.empty() || value > x.back());
    x.push_back(value);
  }
  if (!numeric)
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
  return x;
}

bool listed(const Figure& figure, const char* option, const std::string& name) {
  const auto found = figure.options.find(option);
  return found != figure.options.end() && found->is_array() && std::ranges::find(*found, Json(name)) != found->end();
}

Expected<std::vector<Series>> seriesOf(const Result& result, const Figure& figure, const ViewState& view) {
  std::vector<Series> all;
  for (const std::string& name : figure.values) {
    const Array* array = result.array(name);
    std::vector<std::string> over = figure.axes;
    // A figure may mix values over [x] and over [x, series]: losses, and losses by domain.
    if (array && over.size() == 2 && std::ranges::find(array->axes, over[1]) == array->axes.end()) over.pop_back();
    TRY(slice, moescope::slice(result, figure, name, view, over));
    const bool thin = listed(figure, "thin", name);
    if (over.size() == 1) {
      all.push_back({slice, 0, words(name, figure), thin});
    } else {
      for (std::size_t column = 0; column < slice.extent(1); ++column)
        all.push_back({slice, column, slice.axes[1]->labels[column], thin});
    }
  }
  return all;
}

std::vector<std::string> readOuts(const Series& series, const Figure& figure) {
  std::vector<std::string> texts;
  const std::size_t columns = series.slice.axes.size() > 1 ? series.slice.extent(1) : 1;
  for (std::size_t row = 0; row < series.slice.extent(0); ++row) {
    const std::size_t cell = row * columns + series.column;
    std::string where = place(*series.slice.axes[0], row) + " · " + series.label;
    if (columns > 1 && figure.values.size() > 1) where += ", " + words(series.slice.name, figure);
    texts.push_back(where + "\n" +
                    measured(series.slice.values[cell], series.slice.array->unit, series.slice.lowAt(cell),
                             series.slice.highAt(cell)));
  }
  return texts;
}

bool isSelected(const Series& series, const ViewState& view) {
  if (series.slice.axes.size() < 2) return false;
  const auto chosen = view.selected.find(series.slice.axes[1]->name);
  return chosen != view.selected.end() &&
         std::ranges::count(chosen->second, static_cast<std::int64_t>(series.column)) > 0;
}

// One line is the accent, up to eight have hues, more are quiet except those selected. Values of one label share its
// hue.
Ink inkOf(const Series& series, std::size_t at, std::size_t hues, const ViewState& view) {
  if (hues == 1) return Ink::accent;
  if (hues > mostHues) return isSelected(series, view) ? Ink::accent : Ink::muted;
  return domainInk(static_cast<std::int64_t>(at));
}

DrawnData tidy(const std::vector<Series>& all, const Axis& axis) {
  const auto any = [&](auto member) {
    return std::ranges::any_of(all, [&](const Series& s) { return !(s.slice.*member).empty(); });
  };
  const bool baseline = any(&Slice::baseline), interval = any(&Slice::low);
  DrawnData data{.columns = {axis.name, "series", "value"}};
  if (baseline) data.columns.push_back("baseline");
  if (interval) data.columns.insert(data.columns.end(), {"low", "high"});
  const auto cell = [](const std::vector<double>& list, std::size_t row) {
    return list.empty() ? std::nan("") : list[row];
  };
  for (const Series& series : all) {
    const std::vector<double> y = series.of(series.slice.values), floor = series.of(series.slice.baseline),
                              low = series.of(series.slice.low), high = series.of(series.slice.high);
    for (std::size_t row = 0; row < y.size(); ++row) {
      auto& cells = data.rows.emplace_back();
      cells = {axis.labels[row], series.label, y[row]};
      if (baseline) cells.emplace_back(cell(floor, row));
      if (interval) cells.insert(cells.end(), {cell(low, row), cell(high, row)});
    }
  }
  return data;
}

std::string unitsOf(const std::vector<Series>& all) {
  const std::string& unit = all.front().slice.array->unit;
  return std::ranges::all_of(all, [&](const Series& series) { return series.slice.array->unit == unit; })
             ? unitWords(unit)
             : "";
}

std::string named(const std::vector<std::string>& values, const Figure& figure) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + words(value, figure);
  return text;
}

void addSeries(Drawing& drawing, const std::vector<Series>& all, const std::vector<double>& x, const Figure& figure,
               const ViewState& view) {
  const bool floors = figure.options.value("floor", Json("")) == "baseline";
  std::vector<std::string> hues;
  for (const Series& series : all)
    if (std::ranges::find(hues, series.label) == hues.end()) hues.push_back(series.label);
  std::vector<std::string> labelled;
  for (const Series& series : all) {
    const auto at = static_cast<std::size_t>(std::ranges::find(hues, series.label) - hues.begin());
    const Ink ink = inkOf(series, at, hues.size(), view);
    if (!series.slice.low.empty() && hues.size() <= mostIntervals)
      drawing.items.emplace_back(Band{x, series.of(series.slice.low), series.of(series.slice.high), ink});
    if (floors && !series.slice.baseline.empty())
      drawing.items.emplace_back(Polyline{.x = x,
                                          .y = series.of(series.slice.baseline),
                                          .label = hues.size() == 1 ? "floor" : "",
                                          .ink = hues.size() == 1 ? Ink::muted : ink,
                                          .dashed = true,
                                          .thin = true});
    const bool quiet = hues.size() > mostHues && ink == Ink::muted;
    const bool repeated = series.thin || std::ranges::find(labelled, series.label) != labelled.end();
    if (!repeated) labelled.push_back(series.label);
    drawing.items.emplace_back(Polyline{.x = x,
                                        .y = series.of(series.slice.values),
                                        .label = repeated || quiet || hues.size() == 1 ? "" : series.label,
                                        .ink = ink,
                                        .thin = series.thin || quiet,
                                        .readOut = readOuts(series, figure)});
  }
}

}  // namespace

Expected<Drawing> drawLines(const Result& result, const Figure& figure, const ViewState& view) {
  if (figure.axes.empty() || figure.axes.size() > 2)
    return usageError(
        fmt::format("The lines \"{}\" are over {} axes; they need one, and may have a second for the series.",
                    figure.name, figure.axes.size()));
  TRY(all, seriesOf(result, figure, view));
  const Axis& axis = *result.axis(figure.axes[0]);
  Drawing drawing;
  const std::string made = named(figure.values, figure) + " over " + words(axis.name, figure) + "s";
  drawing.title = titleOf(figure, made, all.empty() ? "" : all.front().slice.at);
  const bool nothing = std::ranges::all_of(all, [](const Series& series) {
    return std::ranges::none_of(series.slice.values, [](double value) { return std::isfinite(value); });
  });
  if (nothing) {
    drawing.empty = fmt::format("There is no {} to show yet.", named(figure.values, figure));
    return drawing;
  }
  bool numeric = false;
  const std::vector<double> x = abscissa(axis, numeric);
  drawing.data = tidy(all, axis);
  addSeries(drawing, all, x, figure, view);
  const std::string unit = besides(named(figure.values, figure), unitsOf(all));
  const bool floors = std::ranges::any_of(drawing.items, [](const Item& item) {
    const auto* line = std::get_if<Polyline>(&item);
    return line && line->dashed;
  });
  const bool thin = std::ranges::any_of(all, &Series::thin);
  std::string thinWords;
  for (const std::string& value : figure.values)
    if (listed(figure, "thin", value)) thinWords = "thin: " + words(value, figure);
  const Json given = figure.options.value("floor_words", Json());
  const std::string floorWords = given.is_string() ? given.get<std::string>() : "what balanced routing alone gives";
  drawing.caption = captioned({sentence(named(figure.values, figure)) + (unit.empty() ? "" : ", " + unit),
                               thin ? thinWords : "", floors ? "dashed: " + floorWords : "", sizeWords(result.facts)});
  drawing.x = {.label = words(axis.name, figure), .low = x.front(), .high = x.back()};
  if (!numeric || x.size() <= 12)
    for (std::size_t i = 0; i < x.size(); ++i) drawing.x.ticks.push_back({x[i], shortLabel(axis.labels[i])});
  if (x.size() == 1) {
    drawing.x.low -= 0.5;
    drawing.x.high += 0.5;
  }
  drawing.y = {.label = named(figure.values, figure) + (unit.empty() ? "" : ", " + unit)};
  drawing.y.logarithmic = figure.options.value("logarithmic", Json(false)) == true;
  std::vector<const std::vector<double>*> shown;
  for (const Item& item : drawing.items) {
    if (const auto* line = std::get_if<Polyline>(&item)) shown.push_back(&line->y);
    if (const auto* band = std::get_if<Band>(&item)) shown.insert(shown.end(), {&band->low, &band->high});
  }
  fitAxis(drawing.y, shown);
  if (const auto line = figure.options.find("line"); line != figure.options.end() && line->is_object())
    if (const Json at = line->value("at", Json()), label = line->value("label", Json(""));
        at.is_number() && label.is_string())
      drawing.items.emplace_back(Rule{.at = at.get<double>(), .label = label.get<std::string>()});
  return drawing;
}

}  // namespace moescope
