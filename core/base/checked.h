// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <concepts>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace moescope {

// Arithmetic on sizes that came from a file: nothing where the result would not fit.
template <std::integral T>
constexpr std::optional<T> checkedAdd(T left, T right) {
  T sum;
  if (__builtin_add_overflow(left, right, &sum)) return std::nullopt;
  return sum;
}

template <std::integral T>
constexpr std::optional<T> checkedMultiply(T left, T right) {
  T product;
  if (__builtin_mul_overflow(left, right, &product)) return std::nullopt;
  return product;
}

// The product of all extents (1 for none), or nothing on overflow or a negative extent.
template <std::integral T>
constexpr std::optional<T> checkedProduct(std::span<const T> extents) {
  T product = 1;
  for (T extent : extents) {
    if (extent < 0) return std::nullopt;
    if (__builtin_mul_overflow(product, extent, &product)) return std::nullopt;
  }
  return product;
}

template <std::integral To, std::integral From>
constexpr std::optional<To> checkedCast(From value) {
  if (!std::in_range<To>(value)) return std::nullopt;
  return static_cast<To>(value);
}

}  // namespace moescope
