// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/operation/operation.h"

namespace moescope {

extern const Operation trainLm;  // "train.lm": a decoder learns a corpus, from nothing or from a model

}  // namespace moescope
