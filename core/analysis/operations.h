// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/operation/operation.h"

// The analyses, each in the file of its name; its id is that name with a dot: loadBalance is "load.balance".
namespace moescope {

extern const Operation compareRuns;
extern const Operation compareTraces;
extern const Operation loadBalance;
extern const Operation loadCapacity;
extern const Operation loadFrequency;
extern const Operation loadTime;
extern const Operation pathsSaturation;
extern const Operation routerConfidence;
extern const Operation pathsCoactivation;
extern const Operation pathsLocality;
extern const Operation pathsTransitions;
extern const Operation specialiseDomain;
extern const Operation specialiseInformation;
extern const Operation specialisePosition;
extern const Operation specialiseVocabulary;
extern const Operation tokensText;

}  // namespace moescope
