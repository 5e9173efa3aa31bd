// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result/slice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/result/wording.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Error input(const Figure& figure, std::string_view what) {
  return inputError(fmt::format("The figure \"{}\" cannot be drawn: {}.", figure.name, what));
}

// Where each axis of an array is found: the position among the shown axes, or -1 for the one that is held fixed.
std::optional<std::vector<int>> matched(const Array& array, const std::vector<std::string>& shown,
                                        const std::string& fixed) {
  std::vector<int> place;
  std::vector<bool> taken(shown.size());
  for (const std::string& name : array.axes) {
    std::size_t at = 0;
    while (at < shown.size() && (taken[at] || shown[at] != name)) ++at;
    if (at < shown.size())
      taken[at] = true;
    else if (name != fixed)
      return std::nullopt;
    place.push_back(at < shown.size() ? static_cast<int>(at) : -1);
  }
  return place;
}

std::vector<double> gathered(const Result& result, const Array& array, const std::vector<double>& source,
                             const std::vector<int>& place, const std::vector<const Axis*>& shown, std::size_t fixed) {
  std::vector<std::size_t> extent, stride(shown.size());
  std::size_t step = 1, origin = 0, count = 1;
  for (std::size_t j = array.axes.size(); j-- > 0;) {
    if (place[j] >= 0)
      stride[static_cast<std::size_t>(place[j])] += step;
    else
      origin += fixed * step;
    step *= result.axis(array.axes[j])->labels.size();
  }
  for (const Axis* axis : shown) count *= axis->labels.size();
  std::vector<double> values(count);
  std::vector<std::size_t> index(shown.size());
  for (double& value : values) {
    std::size_t from = origin;
    for (std::size_t i = 0; i < index.size(); ++i) from += index[i] * stride[i];
    value = array.whole && source[from] == -1 && &source == &array.values ? nan : source[from];
    for (std::size_t i = index.size(); i-- > 0;) {
      if (++index[i] < shown[i]->labels.size()) break;
      index[i] = 0;
    }
  }
  return values;
}

}  // namespace

double Slice::lowAt(std::size_t cell) const {
  return low.empty() ? nan : low[cell];
}
double Slice::highAt(std::size_t cell) const {
  return high.empty() ? nan : high[cell];
}

Expected<Slice> slice(const Result& result, const Figure& figure, const std::string& name, const ViewState& view,
                      const std::vector<std::string>& over) {
  Slice slice{.name = name, .array = result.array(name)};
  if (!slice.array) {
    std::vector<std::string> known;
    for (const Value& value : result.values) known.push_back(value.name);
    return input(figure, fmt::format("the result has no array \"{}\"; it has {}", name, fmt::join(known, ", ")));
  }
  const Array& array = *slice.array;
  for (const std::string& axis : over) {
    if (!result.axis(axis)) return input(figure, fmt::format("the result has no axis \"{}\"", axis));
    slice.axes.push_back(result.axis(axis));
  }
  const auto place = matched(array, over, figure.atAxis);
  const auto used = place ? std::ranges::count_if(*place, [](int at) { return at >= 0; }) : -1;
  if (used != static_cast<std::ptrdiff_t>(over.size()))
    return input(figure, fmt::format("\"{}\" is over [{}], not over [{}]{}", name, fmt::join(array.axes, ", "),
                                     fmt::join(over, ", "), figure.atAxis.empty() ? "" : " at one " + figure.atAxis));
  if (std::ranges::find(*place, -1) != place->end()) {
    const Axis& axis = *result.axis(figure.atAxis);
    if (axis.labels.empty()) return input(figure, fmt::format("the axis \"{}\" is empty", axis.name));
    const auto wanted = view.at.find(axis.name);
    const std::int64_t last = static_cast<std::int64_t>(axis.labels.size()) - 1;
    slice.fixed =
        static_cast<std::size_t>(wanted == view.at.end() ? 0 : std::clamp<std::int64_t>(wanted->second, 0, last));
    slice.at = moescope::place(axis, slice.fixed);
  }
  const auto gather = [&](const std::vector<double>& source) {
    return source.empty() ? std::vector<double>() : gathered(result, array, source, *place, slice.axes, slice.fixed);
  };
  slice.values = gather(array.values);
  slice.baseline = gather(array.baseline);
  slice.low = gather(array.low);
  slice.high = gather(array.high);
  return slice;
}

Expected<Slice> slice(const Result& result, const Figure& figure, const std::string& value, const ViewState& view) {
  return slice(result, figure, value, view, figure.axes);
}

Expected<std::vector<double>> noiseFloor(const Result& result, const Figure& figure, const Slice& slice) {
  const auto option = figure.options.find("noise_floor");
  if (option == figure.options.end()) return std::vector<double>();
  if (option->is_number()) return std::vector<double>(slice.values.size(), option->get<double>());
  if (!option->is_string()) return input(figure, "its noise_floor is neither a number nor the name of a value");
  const Array* array = result.array(option->get<std::string>());
  if (!array) return input(figure, fmt::format("the result has no array \"{}\"", option->get<std::string>()));
  std::vector<std::string> shown;
  for (const Axis* axis : slice.axes) shown.push_back(axis->name);
  const auto place = matched(*array, shown, figure.atAxis);
  if (!place)
    return input(figure, fmt::format("the axes of \"{}\" are not among those shown", option->get<std::string>()));
  return gathered(result, *array, array->values, *place, slice.axes, slice.fixed);
}

}  // namespace moescope
