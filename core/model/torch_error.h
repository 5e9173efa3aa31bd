// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <exception>
#include <new>
#include <utility>

#include "core/base/expected.h"

namespace moescope {

// What LibTorch threw, in one sentence without its stack: too little memory is the environment's, the rest is our bug.
Error errorFromTorch(const std::exception& thrown);

// Runs `work`, which gives an Expected, and turns what LibTorch throws into an error. Where its exceptions enter.
template <class Work>
auto guarded(Work&& work) -> decltype(work()) {
  try {
    return std::forward<Work>(work)();
  } catch (const std::exception& thrown) {
    return errorFromTorch(thrown);
  }
}

}  // namespace moescope
