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

constexpr std::size_t mostGroups = 8;

// A scatter before its points are split by colour.
struct Cloud {
  Dots dots;
  std::vector<std::string> name;    // of each point
  std::vector<std::int64_t> group;  // empty: one colour
  std::string xLabel, yLabel;       // with units
  std::string xName, yName, at;
};

std::string nameOf(const Slice& slice, std::size_t cell) {
  if (slice.axes.size() == 1) return place(*slice.axes[0], cell);
  const std::size_t columns = slice.extent(1);
  return place(*slice.axes[0], cell / columns) + " · " + place(*slice.axes[1], cell % columns);
}

Expected<Cloud> ofArrays(const Result& result, const Figure& figure, const ViewState& view) {
  TRY(x, slice(result, figure, figure.values[0], view));
  TRY(y, slice(result, figure, figure.values[1], view));
  Cloud cloud{.xLabel = quantity(x.name, x.array->unit, figure),
              .yLabel = quantity(y.name, y.array->unit, figure),
              .xName = words(x.name, figure),
              .yName = words(y.name, figure),
              .at = x.at};
  Dots& dots = cloud.dots;
  const Axis& axis = *x.axes.back();
  dots.axis = axis.name;
  if (x.axes.size() == 2) dots.placeAxis = x.axes[0]->name;
  const auto chosen = view.selected.find(axis.name);
  const std::size_t columns = axis.labels.size();
  for (std::size_t cell = 0; cell < x.values.size(); ++cell) {
    if (!std::isfinite(x.values[cell]) || !std::isfinite(y.values[cell])) continue;
    const auto index = static_cast<std::int64_t>(cell % columns);
    dots.x.push_back(x.values[cell]);
    dots.y.push_back(y.values[cell]);
    dots.index.push_back(index);
    if (x.axes.size() == 2) dots.place.push_back(static_cast<std::int64_t>(cell / columns));
    dots.selected.push_back(chosen != view.selected.end() && std::ranges::count(chosen->second, index) > 0);
    cloud.name.push_back(nameOf(x, cell));
    if (!x.low.empty()) {
      dots.xLow.push_back(x.low[cell]);
      dots.xHigh.push_back(x.high[cell]);
    }
    if (!y.low.empty()) {
      dots.yLow.push_back(y.low[cell]);
      dots.yHigh.push_back(y.high[cell]);
    }
    dots.readOut.push_back(
        fmt::format("{}{}{}\n{} {}\n{} {}", x.at, x.at.empty() ? "" : " · ", cloud.name.back(), cloud.xName,
                    measured(x.values[cell], x.array->unit, x.lowAt(cell), x.highAt(cell)), cloud.yName,
                    measured(y.values[cell], y.array->unit, y.lowAt(cell), y.highAt(cell))));
  }
  return cloud;
}

Expected<Cloud> ofPoints(const Points& points, const Figure& figure) {
  Cloud cloud;
  const auto label = [&](const char* option, const char* otherwise, const std::string& unit, std::string& name) {
    const Json given = figure.options.value(option, Json());
    name = given.is_string() ? given.get<std::string>() : otherwise;
    const std::string beside = besides(name, unit);
    return name + (beside.empty() ? "" : ", " + beside);
  };
  cloud.xLabel = label("x", "x", points.xUnit, cloud.xName);
  cloud.yLabel = label("y", "y", points.yUnit, cloud.yName);
  for (std::size_t i = 0; i < points.x.size(); ++i) {
    if (!std::isfinite(points.x[i]) || !std::isfinite(points.y[i])) continue;
    cloud.dots.x.push_back(points.x[i]);
    cloud.dots.y.push_back(points.y[i]);
    cloud.name.push_back(i < points.labels.size() ? points.labels[i] : fmt::format("point {}", i));
    if (i < points.group.size()) cloud.group.push_back(points.group[i]);
    cloud.dots.readOut.push_back(fmt::format("{}\n{} {}\n{} {}", cloud.name.back(), cloud.xName, number(points.x[i]),
                                             cloud.yName, number(points.y[i])));
  }
  return cloud;
}

// The points farthest from the middle, in spreads of each axis, have their names written.
void labelFarthest(Cloud& cloud, std::size_t count) {
  Dots& dots = cloud.dots;
  const auto spread = [](const std::vector<double>& values) {
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    double square = 0;
    for (double value : values) square += (value - mean) * (value - mean);
    const double deviation = std::sqrt(square / static_cast<double>(values.size()));
    return std::pair(mean, deviation > 0 ? deviation : 1);
  };
  const auto [xMean, xSpread] = spread(dots.x);
  const auto [yMean, ySpread] = spread(dots.y);
  std::vector<double> distance;
  for (std::size_t i = 0; i < dots.x.size(); ++i)
    distance.push_back(std::hypot((dots.x[i] - xMean) / xSpread, (dots.y[i] - yMean) / ySpread));
  std::vector<std::size_t> order(dots.x.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return distance[a] > distance[b]; });
  dots.label.assign(dots.x.size(), "");
  for (std::size_t i = 0; i < std::min(count, order.size()); ++i) dots.label[order[i]] = cloud.name[order[i]];
  for (std::size_t i = 0; i < dots.selected.size(); ++i)
    if (dots.selected[i]) dots.label[i] = cloud.name[i];
}

DrawnData tidy(const Cloud& cloud) {
  const Dots& dots = cloud.dots;
  DrawnData data{.columns = {"point", "x", "y"}};
  if (!dots.xLow.empty()) data.columns.insert(data.columns.end(), {"x_low", "x_high"});
  if (!dots.yLow.empty()) data.columns.insert(data.columns.end(), {"y_low", "y_high"});
  if (!cloud.group.empty()) data.columns.emplace_back("group");
  for (std::size_t i = 0; i < dots.x.size(); ++i) {
    auto& row = data.rows.emplace_back();
    row = {cloud.name[i], dots.x[i], dots.y[i]};
    if (!dots.xLow.empty()) row.insert(row.end(), {dots.xLow[i], dots.xHigh[i]});
    if (!dots.yLow.empty()) row.insert(row.end(), {dots.yLow[i], dots.yHigh[i]});
    if (!cloud.group.empty()) row.emplace_back(static_cast<double>(cloud.group[i]));
  }
  return data;
}

// One item a colour: groups have a hue each while they are few.
void addDots(Drawing& drawing, Cloud cloud) {
  std::vector<std::int64_t> groups = cloud.group;
  std::ranges::sort(groups);
  groups.erase(std::ranges::unique(groups).begin(), groups.end());
  if (groups.size() < 2 || groups.size() > mostGroups) {
    drawing.items.emplace_back(std::move(cloud.dots));
    return;
  }
  for (std::size_t g = 0; g < groups.size(); ++g) {
    Dots part{
        .axis = cloud.dots.axis, .placeAxis = cloud.dots.placeAxis, .ink = domainInk(static_cast<std::int64_t>(g))};
    for (std::size_t i = 0; i < cloud.group.size(); ++i) {
      if (cloud.group[i] != groups[g]) continue;
      part.x.push_back(cloud.dots.x[i]);
      part.y.push_back(cloud.dots.y[i]);
      part.label.push_back(cloud.dots.label[i]);
      part.readOut.push_back(cloud.dots.readOut[i]);
    }
    drawing.items.emplace_back(std::move(part));
  }
}

}  // namespace

Expected<Drawing> drawScatter(const Result& result, const Figure& figure, const ViewState& view) {
  const Value* first = result.find(figure.values[0]);
  const Points* points = first ? std::get_if<Points>(&first->content) : nullptr;
  if (!points && (figure.values.size() != 2 || figure.axes.empty() || figure.axes.size() > 2))
    return usageError(
        fmt::format("The scatter \"{}\" needs one value of points, or two arrays over one or two axes.", figure.name));
  TRY(cloud, points ? ofPoints(*points, figure) : ofArrays(result, figure, view));
  Drawing drawing;
  drawing.title = titleOf(figure, cloud.yName + " against " + cloud.xName, cloud.at);
  drawing.data = tidy(cloud);
  if (cloud.dots.x.empty()) {
    drawing.empty = fmt::format("There is no {} with a {} to show.", cloud.xName, cloud.yName);
    return drawing;
  }
  const Json labelled = figure.options.value("labelled", Json(8u));
  labelFarthest(cloud, labelled.is_number_unsigned() ? labelled.get<std::size_t>() : 8);
  const bool intervals = !cloud.dots.xLow.empty() || !cloud.dots.yLow.empty();
  const bool diagonal = figure.options.value("diagonal", Json(false)) == true;
  drawing.caption =
      captioned({sentence(cloud.yLabel) + " against " + cloud.xLabel, intervals ? "with 95 % interval" : "",
                 diagonal ? "dashed: equal" : "", sizeWords(result.facts)});
  drawing.x.label = cloud.xLabel;
  drawing.y.label = cloud.yLabel;
  drawing.x.logarithmic = figure.options.value("logarithmic_x", Json(false)) == true;
  drawing.y.logarithmic = figure.options.value("logarithmic_y", Json(false)) == true;
  fitAxis(drawing.x, {&cloud.dots.x, &cloud.dots.xLow, &cloud.dots.xHigh});
  fitAxis(drawing.y, {&cloud.dots.y, &cloud.dots.yLow, &cloud.dots.yHigh});
  if (drawing.x.low == 0) drawing.x.low = -0.02 * drawing.x.high;  // a point on the edge is seen whole
  if (drawing.y.low == 0) drawing.y.low = -0.02 * drawing.y.high;
  if (diagonal) {
    const double low = std::max(drawing.x.low, drawing.y.low), high = std::min(drawing.x.high, drawing.y.high);
    if (low < high)
      drawing.items.emplace_back(
          Polyline{.x = {low, high}, .y = {low, high}, .label = "", .ink = Ink::muted, .dashed = true, .thin = true});
  }
  if (const auto line = figure.options.find("line"); line != figure.options.end() && line->is_object())
    if (const Json at = line->value("at", Json()), label = line->value("label", Json("")); at.is_number())
      drawing.items.emplace_back(
          Rule{.at = at.get<double>(), .label = label.is_string() ? label.get<std::string>() : ""});
  addDots(drawing, std::move(cloud));
  return drawing;
}

}  // namespace moescope
