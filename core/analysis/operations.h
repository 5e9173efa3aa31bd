// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/operation/operation.h"

namespace moescope {

extern const Operation loadBalance;           // "load.balance"
extern const Operation loadFrequency;         // "load.frequency"
extern const Operation specialiseDomain;      // "specialise.domain"
extern const Operation specialiseVocabulary;  // "specialise.vocabulary"
extern const Operation tokensText;            // "tokens.text"

}  // namespace moescope
