// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/result/wording.h"

namespace moescope {

namespace {
// The largest power of 1000 that numbers up to `most` are written in, with its letter (SI): 600 000 000 is 600M.
std::pair<double, const char*> thousands(double most) {
  if (most < 1e5) return {1, ""};
  for (const auto& [size, letter] : {std::pair{1e15, ""}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}})
    if (most >= size) return {*letter ? size : 1, letter};
  return {1e3, "k"};
}
}  // namespace

std::vector<Tick> niceTicks(double low, double high, int about) {
  std::vector<Tick> ticks;
  if (!std::isfinite(low) || !std::isfinite(high) || !(low < high)) return ticks;
  const double rough = (high - low) / std::max(about, 1);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (double round : {5.0, 2.5, 2.0, 1.0})
    if (round * power >= rough * 0.999) step = round * power;
  if (!std::isfinite(step) || step <= 0) return ticks;
  const double first = std::ceil(low / step - 1e-9);
  for (double i = first; i * step <= high + step * 1e-9 && ticks.size() < 100; ++i)
    ticks.push_back({i * step + 0.0, ""});
  const auto [unit, letter] = thousands(std::max(std::abs(low), std::abs(high)));
  int decimals = 0;
  for (double scaled = step / unit; decimals < 12 && std::abs(scaled - std::round(scaled)) > 1e-6 * scaled;
       scaled *= 10)
    ++decimals;
  const bool scientific = std::max(std::abs(low), std::abs(high)) >= 1e15 || decimals > 5;
  for (Tick& tick : ticks)
    tick.text = scientific     ? number(tick.at, 3)
                : tick.at == 0 ? fmt::format("{:.{}f}", 0.0, unit > 1 ? 0 : decimals)
                               : fmt::format("{:.{}f}{}", tick.at / unit, decimals, letter);
  return ticks;
}

namespace {
bool isNumber(const std::string& text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}
}  // namespace

std::vector<Tick> labelTicks(const Axis& axis) {
  const std::size_t count = axis.labels.size();
  const bool numbers =
      std::ranges::all_of(axis.labels, [](const std::string& label) { return isNumber(shortLabel(label)); });
  std::size_t step = 1;
  while (numbers && count > 12 && count / step > 9) step *= 2;
  while (!numbers && count / step > 64) step *= 2;
  std::vector<Tick> ticks;
  for (std::size_t i = 0; i < count; i += step) ticks.push_back({static_cast<double>(i), shortLabel(axis.labels[i])});
  return ticks;
}

std::vector<Tick> thinned(const std::vector<Tick>& ticks, std::size_t room) {
  std::size_t step = 1;
  while ((ticks.size() + step - 1) / step > std::max<std::size_t>(room, 1)) step *= 2;
  std::vector<Tick> kept;
  for (std::size_t i = 0; i < ticks.size(); i += step) kept.push_back(ticks[i]);
  return kept;
}

std::vector<Tick> axisTicks(const DrawingAxis& axis, int room) {
  if (!axis.ticks.empty()) {
    std::vector<Tick> within;
    for (const Tick& tick : axis.ticks)
      if (tick.at >= axis.low && tick.at <= axis.high) within.push_back(tick);
    return thinned(within, static_cast<std::size_t>(std::max(room, 1)));
  }
  if (!axis.logarithmic) return niceTicks(axis.low, axis.high, std::clamp(room, 1, 6));
  std::vector<Tick> ticks;
  if (!(axis.low > 0) || !(axis.low < axis.high)) return ticks;
  const bool decades = std::log10(axis.high / axis.low) > 3;
  for (double power = std::floor(std::log10(axis.low)); power <= std::ceil(std::log10(axis.high)) && ticks.size() < 100;
       ++power)
    for (double digit : {1.0, 2.0, 5.0}) {
      const double at = digit * std::pow(10.0, power);
      if (at >= axis.low && at <= axis.high && (digit == 1 || !decades)) ticks.push_back({at, number(at)});
    }
  return thinned(ticks, static_cast<std::size_t>(std::max(room, 1)));
}

void fitAxis(DrawingAxis& axis, const std::vector<const std::vector<double>*>& numbers) {
  double low = std::numeric_limits<double>::infinity(), high = -low, positive = low;
  for (const std::vector<double>* list : numbers)
    for (double value : *list) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
      if (value > 0) positive = std::min(positive, value);
    }
  if (low > high) {
    low = 0;
    high = 1;
  }
  if (axis.logarithmic && std::isfinite(positive)) {
    axis.low = positive / 1.2;
    axis.high = std::max(high * 1.2, axis.low * 10);
    return;
  }
  axis.logarithmic = false;
  if (low >= 0 && low < 0.3 * high) low = 0;
  const double margin = high > low ? 0.05 * (high - low) : std::max(std::abs(high) * 0.1, 1e-9);
  axis.low = low == 0 && high > 0 ? 0 : low - margin;
  axis.high = high + margin;
}

double Colouring::operator()(double value) const {
  if (std::isnan(value)) return value;
  const double shown = !logarithmic ? value : value > 0 ? std::log2(value) : -std::numeric_limits<double>::infinity();
  return std::clamp(shown, scale.low, scale.high);
}

namespace {

std::vector<double> finite(const std::vector<double>& values) {
  std::vector<double> kept;
  std::ranges::copy_if(values, std::back_inserter(kept), [](double value) { return std::isfinite(value); });
  return kept;
}

std::string ratioWords(int power) {
  static const char* fractions[] = {"⅛", "¼", "½"};
  return power >= 0 ? std::to_string(1 << power) + "×" : fractions[power + 3];
}

// log2 around 1: whole doublings, as many as the values need, three at most.
void doublings(Colouring& colours, const std::vector<double>& values, const std::string& unit) {
  double widest = 0;
  for (double value : values)
    if (value > 0) widest = std::max(widest, std::abs(std::log2(value)));
  const int limit = std::clamp(static_cast<int>(std::ceil(widest - 1e-9)), 1, 3);
  colours.logarithmic = true;
  colours.fair = 1;
  colours.scale.map = "blue white red";
  colours.scale.low = -limit;
  colours.scale.high = limit;
  for (int power = -limit; power <= limit; ++power)
    colours.scale.ticks.push_back(
        {static_cast<double>(power),
         power == 0 ? (unit.find("fair") != std::string::npos ? "fair" : "1×") : ratioWords(power)});
  const double most = std::exp2(limit);
  colours.beyond = static_cast<std::size_t>(
      std::ranges::count_if(values, [most](double value) { return value > most || value < 1 / most; }));
  colours.words = "log₂ scale";
  if (colours.beyond > 0)
    colours.words += fmt::format(", colours end at {} and {} ({} {} beyond)", ratioWords(-limit), ratioWords(limit),
                                 colours.beyond, colours.beyond == 1 ? "cell" : "cells");
}

}  // namespace

Expected<Colouring> colouring(const Figure& figure, const std::vector<double>& values, const std::string& unit) {
  Colouring colours;
  const std::vector<double> shown = finite(values);
  const auto [least, most] = std::ranges::minmax_element(shown);
  const double low = shown.empty() ? 0 : *least, high = shown.empty() ? 1 : *most;
  ColourScale& scale = colours.scale;
  if (figure.scaleName == "log2 around 1") {
    doublings(colours, shown, unit);
  } else if (figure.scaleName == "diverging around 0") {
    const double limit = std::max({std::abs(low), std::abs(high), 1e-12});
    colours.fair = 0;
    scale = {.map = "blue white red", .low = -limit, .high = limit, .ticks = niceTicks(-limit, limit, 4)};
  } else if (figure.scaleName.empty() || figure.scaleName == "linear" || figure.scaleName == "sequential") {
    scale.map = "viridis";
    if (const auto own = figure.options.find("colours"); own != figure.options.end() && own->is_string())
      scale.map = own->get<std::string>();
    scale.low = low >= 0 && low < 0.4 * high ? 0 : low;
    scale.high = high > scale.low ? high : scale.low + 1;
    scale.ticks = niceTicks(scale.low, scale.high, 4);
  } else {
    return usageError(
        fmt::format("The figure \"{}\" asks for the scale \"{}\"; there are: linear, sequential, log2 around 1, "
                    "diverging around 0.",
                    figure.name, figure.scaleName));
  }
  if (scale.map != "viridis" && scale.map != "cividis" && scale.map != "blue white red")
    return usageError(
        fmt::format("The figure \"{}\" asks for the colours \"{}\"; there are: viridis, cividis, blue white red.",
                    figure.name, scale.map));
  scale.label = unitWords(unit);
  return colours;
}

}  // namespace moescope
