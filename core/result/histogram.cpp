// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/result/marks.h"
#include "core/result/scale.h"
#include "core/result/slice.h"
#include "core/result/wording.h"

namespace moescope {

namespace {

constexpr std::size_t fewestBins = 8, mostBins = 100, widestCount = 60;

struct Bins {
  std::vector<double> edges;  // one more than bins
  std::size_t count() const { return edges.empty() ? 0 : edges.size() - 1; }
  // The upper edge of the last bin belongs to it.
  std::vector<double> counted(const std::vector<double>& values) const {
    std::vector<double> counts(count());
    for (double value : values) {
      if (!(value >= edges.front() && value <= edges.back())) continue;
      const auto above = static_cast<std::size_t>(std::ranges::upper_bound(edges, value) - edges.begin());
      ++counts[std::clamp<std::size_t>(above, 1, count()) - 1];
    }
    return counts;
  }
};

// Labels that rise are the lower edges of bins; the last bin is as wide as the one before, or wider by the same factor
// when the edges are powers.
Bins labelled(const Axis& axis, bool logarithmic) {
  Bins bins;
  for (const std::string& label : axis.labels) {
    double edge = 0;
    const char* end = label.data() + label.size();
    const auto read = std::from_chars(label.data(), end, edge);
    if (read.ec != std::errc() || !std::isfinite(edge) || (!bins.edges.empty() && edge <= bins.edges.back())) return {};
    bins.edges.push_back(edge);
  }
  const std::size_t n = bins.edges.size();
  if (n < 2) return {};
  const double last = bins.edges[n - 1], before = bins.edges[n - 2];
  bins.edges.push_back(logarithmic && before > 0 ? last * last / before : 2 * last - before);
  return bins;
}

double quantile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
}

// Whole numbers have a bin each while they are few; else the width is 2 IQR / cube root of n.
Bins chosen(const std::vector<double>& values, const std::vector<double>& null, bool whole, std::size_t wanted) {
  std::vector<double> sorted = values;
  std::ranges::sort(sorted);
  double low = sorted.front(), high = sorted.back();
  for (double value : null) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  Bins bins;
  if (whole && wanted == 0 && high - low < static_cast<double>(widestCount)) {
    for (double edge = low - 0.5; edge < high + 1; ++edge) bins.edges.push_back(edge);
    return bins;
  }
  if (high <= low) return {.edges = {low - 0.5, low + 0.5}};
  const double spread = quantile(sorted, 0.75) - quantile(sorted, 0.25);
  const double width = 2 * spread / std::cbrt(static_cast<double>(sorted.size()));
  const double needed = width > 0 ? std::ceil((high - low) / width) : 20;
  const auto count = wanted > 0 ? wanted
                                : static_cast<std::size_t>(std::clamp(needed, static_cast<double>(fewestBins),
                                                                      static_cast<double>(mostBins)));
  for (std::size_t i = 0; i <= count; ++i)
    bins.edges.push_back(low + (high - low) * static_cast<double>(i) / static_cast<double>(count));
  bins.edges.back() = high;
  return bins;
}

std::vector<double> finite(const std::vector<double>& values) {
  std::vector<double> kept;
  std::ranges::copy_if(values, std::back_inserter(kept), [](double value) { return std::isfinite(value); });
  return kept;
}

double sum(const std::vector<double>& values) {
  double total = 0;
  for (double value : values) total += value;
  return total;
}

// What chance alone gives, as steps along the tops of the bars it would have.
Polyline steps(const Bins& bins, const std::vector<double>& heights) {
  Polyline line{.label = "", .ink = Ink::text, .dashed = true, .thin = true};
  for (std::size_t i = 0; i < heights.size(); ++i) {
    line.x.insert(line.x.end(), {bins.edges[i], bins.edges[i + 1]});
    line.y.insert(line.y.end(), {heights[i], heights[i]});
  }
  return line;
}

struct Counted {
  Bins bins;
  std::vector<double> counts, null;  // null empty: none
  std::string unit = {};             // of the values along the x axis
  bool ofBins = false;               // counts stood in the result
  std::vector<std::pair<double, std::string>> selected = {};
};

Expected<Counted> inBins(const Result& result, const Figure& figure, const ViewState& view, bool logarithmic) {
  TRY(slice, moescope::slice(result, figure, figure.values.front(), view));
  Counted counted{.bins = labelled(*slice.axes[0], logarithmic), .counts = slice.values, .null = slice.baseline};
  const Json unit = figure.options.value("unit", Json());
  if (unit.is_string()) counted.unit = unit.get<std::string>();
  counted.ofBins = true;
  return counted;
}

Expected<Counted> ofValues(const Result& result, const Figure& figure, const ViewState& view) {
  const Array* array = result.array(figure.values.front());
  std::vector<std::string> over = figure.axes;
  if (over.empty() && array) {
    over = array->axes;
    std::erase(over, figure.atAxis);
  }
  TRY(slice, moescope::slice(result, figure, figure.values.front(), view, over));
  Counted counted{.unit = slice.array->unit};
  const std::vector<double> values = finite(slice.values);
  if (values.empty()) return counted;
  std::vector<double> null;
  if (const Json name = figure.options.value("null", Json()); name.is_string()) {
    const Array* chance = result.array(name.get<std::string>());
    if (!chance)
      return inputError(fmt::format("The figure \"{}\" cannot be drawn: the result has no array \"{}\".", figure.name,
                                    name.get<std::string>()));
    // The array of the null has further axes of its own (the draws); all of those at the shown layer count.
    std::vector<std::string> all = chance->axes;
    std::erase(all, figure.atAxis);
    TRY(drawn, moescope::slice(result, figure, name.get<std::string>(), view, all));
    null = finite(drawn.values);
  }
  const Json wanted = figure.options.value("bins", Json());
  counted.bins = chosen(values, null, slice.array->whole,
                        wanted.is_number_unsigned() ? std::min<std::size_t>(wanted.get<std::size_t>(), 1000) : 0);
  counted.counts = counted.bins.counted(values);
  if (!null.empty()) {
    counted.null = counted.bins.counted(null);
    const double factor = sum(counted.counts) / static_cast<double>(null.size());
    for (double& each : counted.null) each *= factor;
  }
  if (over.size() != 1) return counted;
  if (const auto chosen = view.selected.find(over[0]); chosen != view.selected.end())
    for (std::int64_t index : chosen->second)
      if (index >= 0 && static_cast<std::size_t>(index) < slice.values.size() &&
          std::isfinite(slice.values[static_cast<std::size_t>(index)]))
        counted.selected.emplace_back(slice.values[static_cast<std::size_t>(index)],
                                      place(*slice.axes[0], static_cast<std::size_t>(index)));
  return counted;
}

Bars barsOf(const Counted& counted, const std::string& heightUnit) {
  Bars bars;
  const double total = sum(counted.counts);
  for (std::size_t i = 0; i < counted.counts.size(); ++i) {
    const double low = counted.bins.edges[i], high = counted.bins.edges[i + 1];
    bars.x.push_back(0.5 * (low + high));
    bars.width.push_back(high - low);
    bars.height.push_back(counted.counts[i]);
    bars.selected.push_back(false);
    std::string text =
        fmt::format("{} to {}{}{}\n{}", number(low), number(high), counted.unit.empty() ? "" : " ",
                    unitWords(counted.unit), measured(counted.counts[i], heightUnit, std::nan(""), std::nan("")));
    if (total > 0) text += fmt::format(", {} %", number(100 * counted.counts[i] / total));
    if (!counted.null.empty()) text += fmt::format("; chance alone {}", number(counted.null[i]));
    bars.readOut.push_back(std::move(text));
  }
  return bars;
}

DrawnData tidy(const Counted& counted) {
  DrawnData data{.columns = {"from", "to", "count"}};
  if (!counted.null.empty()) data.columns.emplace_back("chance");
  for (std::size_t i = 0; i < counted.counts.size(); ++i) {
    auto& row = data.rows.emplace_back();
    row = {counted.bins.edges[i], counted.bins.edges[i + 1], counted.counts[i]};
    if (!counted.null.empty()) row.emplace_back(counted.null[i]);
  }
  return data;
}

// Upright lines: one the figure asks for, and where the selected ones lie.
void addRules(Drawing& drawing, const Figure& figure, const Counted& counted) {
  if (const auto line = figure.options.find("line"); line != figure.options.end() && line->is_object())
    if (const Json at = line->value("at", Json()), label = line->value("label", Json("")); at.is_number())
      drawing.items.emplace_back(Rule{
          .horizontal = false, .at = at.get<double>(), .label = label.is_string() ? label.get<std::string>() : ""});
  for (const auto& [at, name] : counted.selected)
    drawing.items.emplace_back(Rule{.horizontal = false, .at = at, .label = name, .dashed = false, .ink = Ink::accent});
}

}  // namespace

Expected<Drawing> drawHistogram(const Result& result, const Figure& figure, const ViewState& view) {
  const bool logarithmic = figure.options.value("logarithmic", Json(false)) == true;
  const Axis* only = figure.axes.size() == 1 ? result.axis(figure.axes[0]) : nullptr;
  const bool ready = figure.options.value("counted", Json(true)) == true && only &&
                     labelled(*only, logarithmic).count() > 0 && only->name != "expert" && only->name != "layer";
  TRY(counted, ready ? inBins(result, figure, view, logarithmic) : ofValues(result, figure, view));
  const Array& array = *result.array(figure.values.front());
  const std::string name = words(figure.values.front(), figure);
  const auto at = view.at.find(figure.atAxis);
  Drawing drawing;
  std::string fixed;
  if (const Axis* axis = result.axis(figure.atAxis);
      axis && !axis->labels.empty() && std::ranges::find(array.axes, figure.atAxis) != array.axes.end())
    fixed =
        place(*axis, static_cast<std::size_t>(std::clamp<std::int64_t>(
                         at == view.at.end() ? 0 : at->second, 0, static_cast<std::int64_t>(axis->labels.size()) - 1)));
  drawing.title = titleOf(figure, "distribution of " + name, fixed);
  drawing.data = tidy(counted);
  if (sum(counted.counts) <= 0) {
    drawing.empty = fmt::format("There is no {} to count.", name);
    return drawing;
  }
  const std::string of = figure.options.value("of", Json("values")).is_string()
                             ? figure.options.value("of", Json("values")).get<std::string>()
                             : "values";
  const std::string heightUnit = counted.ofBins ? array.unit : of;
  Bars bars = barsOf(counted, heightUnit);
  const Json along = figure.options.value("along", Json());
  const std::string alongWords = along.is_string() ? along.get<std::string>()
                                 : counted.ofBins  ? words(only->name, figure)
                                                   : name;
  const std::string beside = besides(alongWords, counted.unit);
  drawing.caption = captioned({sentence(alongWords) + (beside.empty() ? "" : ", " + beside),
                               counted.null.empty() ? "" : "dashed: what chance alone gives", sizeWords(result.facts)});
  drawing.x = {.label = alongWords + (beside.empty() ? "" : ", " + beside),
               .low = counted.bins.edges.front(),
               .high = counted.bins.edges.back()};
  drawing.x.logarithmic = logarithmic && drawing.x.low > 0;
  drawing.y.label = heightUnit.empty() ? "count" : unitWords(heightUnit);
  const std::vector<double> zero{0};
  fitAxis(drawing.y, {&bars.height, &counted.null, &zero});
  drawing.y.low = 0;
  drawing.items.emplace_back(std::move(bars));
  if (!counted.null.empty()) drawing.items.emplace_back(steps(counted.bins, counted.null));
  addRules(drawing, figure, counted);
  return drawing;
}

}  // namespace moescope
