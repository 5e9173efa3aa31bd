// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/result/marks.h"
#include "core/result/scale.h"
#include "core/result/slice.h"
#include "core/result/wording.h"

namespace moescope {

namespace {

constexpr std::size_t mostHues = 8;  // more curves than this are quiet, except the shown one

struct Curve {
  std::string label;
  std::int64_t index = -1;  // on the first of two axes
  std::vector<double> x{0}, y{0};
  double gini = 0;  // twice the area between the curve and the line of equality
};

// From (0, 0) to (1, 1) in steps of one expert, the lowest first; padding and negative values are not counted.
Curve curveOf(std::vector<double> values, std::string label, std::int64_t index) {
  std::erase_if(values, [](double value) { return !std::isfinite(value) || value < 0; });
  std::ranges::sort(values);
  Curve curve{.label = std::move(label), .index = index};
  double total = 0, sum = 0, area = 0;
  for (double value : values) total += value;
  if (total <= 0) return curve;
  const auto count = static_cast<double>(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    area += (2 * sum + values[i]) / total / count;
    sum += values[i];
    curve.x.push_back(static_cast<double>(i + 1) / count);
    curve.y.push_back(sum / total);
  }
  curve.x.back() = curve.y.back() = 1;
  curve.gini = 1 - area;
  return curve;
}

Polyline lineOf(const Curve& curve, Ink ink, bool quiet, const std::string& what, const std::string& axis) {
  Polyline line{.x = curve.x, .y = curve.y, .label = "", .ink = ink, .thin = quiet};
  const std::string head = curve.label.empty() ? "" : curve.label + " · ";
  for (std::size_t i = 0; i < curve.x.size(); ++i)
    line.readOut.push_back(fmt::format("{}the lowest {} % of {}s\nhold {} % of {}; Gini {}", head,
                                       number(100 * curve.x[i]), axis, number(100 * curve.y[i]), what,
                                       number(curve.gini)));
  return line;
}

// Of shares that scatter normally round 1 by `cv`: L(Phi(z)) = Phi(z) - cv phi(z).
Polyline floorOf(double cv) {
  Polyline line{.label = "", .ink = Ink::muted, .dashed = true, .thin = true};
  for (int step = -40; step <= 40; ++step) {
    const double z = 0.1 * step, p = 0.5 * std::erfc(-z / std::numbers::sqrt2);
    const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
    line.x.push_back(p);
    line.y.push_back(std::max(0.0, p - cv * density));
  }
  return line;
}

Expected<std::vector<Curve>> curvesOf(const Slice& slice) {
  std::vector<Curve> curves;
  if (slice.axes.size() == 1) {
    curves.push_back(curveOf(slice.values, "", -1));
    return curves;
  }
  const std::size_t columns = slice.extent(1);
  for (std::size_t row = 0; row < slice.extent(0); ++row) {
    const auto from = slice.values.begin() + static_cast<std::ptrdiff_t>(row * columns);
    curves.push_back(curveOf({from, from + static_cast<std::ptrdiff_t>(columns)}, place(*slice.axes[0], row),
                             static_cast<std::int64_t>(row)));
  }
  return curves;
}

// The coefficient of variation that chance alone gives, from the baseline of the value that the figure names; NaN
// without.
double floorCv(const Result& result, const Figure& figure, const Slice& slice, std::int64_t shown) {
  const Json name = figure.options.value("floor", Json());
  const Array* array = name.is_string() ? result.array(name.get<std::string>()) : nullptr;
  if (!array || array->baseline.empty()) return std::nan("");
  const std::size_t at =
      slice.axes.size() == 1 ? slice.fixed : static_cast<std::size_t>(std::max<std::int64_t>(shown, 0));
  return at < array->baseline.size() ? array->baseline[at] : std::nan("");
}

}  // namespace

Expected<Drawing> drawLorenz(const Result& result, const Figure& figure, const ViewState& view) {
  if (figure.axes.empty() || figure.axes.size() > 2)
    return usageError(fmt::format("The Lorenz curve \"{}\" is over {} axes; it needs one, or two for a curve each.",
                                  figure.name, figure.axes.size()));
  TRY(slice, moescope::slice(result, figure, figure.values.front(), view));
  TRY(curves, curvesOf(slice));
  const Axis& axis = *slice.axes.back();
  const std::string name = words(slice.name, figure), axisName = words(axis.name, figure);
  const std::string what = besides(name, slice.array->unit).empty() || !slice.array->whole ? name : slice.array->unit;
  Drawing drawing;
  drawing.title = titleOf(figure, "how evenly " + name + " spreads over " + axisName + "s", slice.at);
  drawing.data.columns = {"curve", "share_of_" + axis.name + "s", "share_of_total"};
  for (const Curve& curve : curves)
    for (std::size_t i = 0; i < curve.x.size(); ++i) drawing.data.rows.push_back({curve.label, curve.x[i], curve.y[i]});
  if (std::ranges::all_of(curves, [](const Curve& curve) { return curve.x.size() < 2; })) {
    drawing.empty = fmt::format("There is no {} to share out.", name);
    return drawing;
  }
  std::int64_t shown = -1;
  if (slice.axes.size() == 2)
    if (const auto at = view.at.find(slice.axes[0]->name); at != view.at.end())
      shown = std::clamp<std::int64_t>(at->second, 0, static_cast<std::int64_t>(curves.size()) - 1);
  drawing.items.emplace_back(Polyline{.x = {0, 1}, .y = {0, 1}, .label = "", .ink = Ink::muted, .thin = true});
  const double cv = floorCv(result, figure, slice, shown);
  if (std::isfinite(cv)) drawing.items.emplace_back(floorOf(cv));
  const auto draws = [&](const Curve& curve, bool front) {
    const bool own = curves.size() == 1 || curve.index == shown;
    if (curve.x.size() < 2 || own != front) return;
    const Ink ink = own ? Ink::accent : curves.size() > mostHues || shown >= 0 ? Ink::muted : domainInk(curve.index);
    Polyline line = lineOf(curve, ink, !own && ink == Ink::muted, what, axisName);
    if (curves.size() > 1 && (own || ink != Ink::muted)) line.label = curve.label;
    drawing.items.emplace_back(std::move(line));
  };
  for (bool front : {false, true})
    for (const Curve& curve : curves) draws(curve, front);
  const Curve* one = curves.size() == 1 ? &curves[0] : shown >= 0 ? &curves[static_cast<std::size_t>(shown)] : nullptr;
  drawing.caption =
      captioned({sentence(name) + ", lowest first; straight: equal shares", one ? "Gini " + number(one->gini) : "",
                 std::isfinite(cv) ? "dashed: what chance alone gives" : "", sizeWords(result.facts)});
  drawing.x = {.label = "share of " + axisName + "s", .low = 0, .high = 1};
  drawing.y = {.label = "share of " + what, .low = 0, .high = 1};
  return drawing;
}

}  // namespace moescope
