// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result/colours.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace moescope {

namespace {

#include "core/result/colour_tables.inc"

// Both ends as dark as each other on paper, as bright as each other on a dark ground; the middle is the ground's
// neutral.
constexpr std::uint32_t blueToNeutral[] = {0x0b3566, 0x1f5fa6, 0x4590c4, 0x8cc0de, 0xcfe3f0};
constexpr std::uint32_t neutralToRed[] = {0xfbdccb, 0xf3aa88, 0xd8664f, 0xb3232f, 0x690a24};
constexpr std::uint32_t blueToDark[] = {0x9fd4ff, 0x6fb6f2, 0x4a94d8, 0x3a72ad, 0x324f75};
constexpr std::uint32_t darkToRed[] = {0x6b3f3c, 0xa04b40, 0xd4614b, 0xf28468, 0xffb59c};

constexpr std::uint32_t okabeIto[] = {0x0072b2, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x009e73, 0xd55e00, 0xf0e442, 0x8c8c8c};

Rgb rgb(std::uint32_t code) {
  return {static_cast<std::uint8_t>(code >> 16), static_cast<std::uint8_t>(code >> 8), static_cast<std::uint8_t>(code)};
}

void add(std::vector<Rgb>& stops, std::span<const std::uint32_t> codes) {
  for (std::uint32_t code : codes) stops.push_back(rgb(code));
}

}  // namespace

std::vector<Rgb> colourStops(std::string_view map, const Ground& ground) {
  std::vector<Rgb> stops;
  if (map == "blue white red") {
    add(stops, ground.dark ? blueToDark : blueToNeutral);
    stops.push_back(ground.neutral);
    add(stops, ground.dark ? darkToRed : neutralToRed);
  } else if (map == "cividis") {
    add(stops, cividis);
  } else {
    add(stops, viridis);
  }
  return stops;
}

Rgb mixed(const std::vector<Rgb>& stops, double share) {
  const double at = std::clamp(share, 0.0, 1.0) * static_cast<double>(stops.size() - 1);
  const std::size_t low = std::min(static_cast<std::size_t>(at), stops.size() - 2);
  const double part = at - static_cast<double>(low);
  const auto between = [part](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(std::lround(a + part * (b - a)));
  };
  const Rgb &a = stops[low], &b = stops[low + 1];
  return {between(a.red, b.red), between(a.green, b.green), between(a.blue, b.blue)};
}

Rgb colourOf(const ColourScale& scale, double value, const Ground& ground) {
  return mixed(colourStops(scale.map, ground),
               scale.high > scale.low ? (value - scale.low) / (scale.high - scale.low) : 0.5);
}

Rgb domainColour(int index) {
  return rgb(okabeIto[static_cast<std::size_t>(index) % std::size(okabeIto)]);
}

Rgb paperInk(Ink ink) {
  switch (ink) {
    case Ink::text:
      return rgb(0x000000);
    case Ink::muted:
      return rgb(0x7a828d);
    case Ink::line:
      return rgb(0xd9dce1);
    case Ink::accent:
      return rgb(0x0072b2);
    case Ink::neutral:
      return rgb(0xe4e6ea);
    case Ink::good:
      return rgb(0x1c8a5a);
    case Ink::warn:
      return rgb(0xb26a00);
    case Ink::bad:
      return rgb(0xc2363f);
    default:
      return domainColour(static_cast<int>(ink) - static_cast<int>(Ink::domain0));
  }
}

bool wantsLightText(const Rgb& ground) {
  // Relative luminance of WCAG 2; at 0.179 black and white have equal contrast.
  const auto linear = [](std::uint8_t part) {
    const double share = part / 255.0;
    return share <= 0.03928 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(ground.red) + 0.7152 * linear(ground.green) + 0.0722 * linear(ground.blue) < 0.179;
}

}  // namespace moescope
