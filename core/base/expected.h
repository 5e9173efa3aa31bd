// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cassert>
#include <utility>
#include <variant>

#include "core/base/error.h"

namespace moescope {

// A value, or the reason why there is none. Returned by whatever reads the outside world.
template <class T>
class [[nodiscard]] Expected {
 public:
  using value_type = T;
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Expected(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & { return assert(has_value()), *std::get_if<0>(&state_); }
  const T& value() const& { return assert(has_value()), *std::get_if<0>(&state_); }
  T&& value() && { return assert(has_value()), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const& { return assert(!has_value()), *std::get_if<1>(&state_); }
  Error&& error() && { return assert(!has_value()), std::move(*std::get_if<1>(&state_)); }
  T value_or(T other) const& { return has_value() ? value() : std::move(other); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Expected<void> {
 public:
  Expected() = default;
  Expected(Error error) : error_(std::move(error)) {}
  bool has_value() const { return !error_; }
  explicit operator bool() const { return has_value(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace moescope

// TRY(name, expression): `name` becomes the value, or the function returns the error. TRY_DO(expression) for Expected<void>.
#define TRY(name, ...)                                              \
  auto name##OrError = (__VA_ARGS__);                               \
  if (!name##OrError) return std::move(name##OrError).error();      \
  auto name = *std::move(name##OrError)
#define TRY_ASSIGN(target, ...)                                     \
  do {                                                              \
    auto valueOrError = (__VA_ARGS__);                              \
    if (!valueOrError) return std::move(valueOrError).error();      \
    target = *std::move(valueOrError);                              \
  } while (false)
#define TRY_DO(...)                                                 \
  do {                                                              \
    auto doneOrError = (__VA_ARGS__);                               \
    if (!doneOrError) return std::move(doneOrError).error();        \
  } while (false)
