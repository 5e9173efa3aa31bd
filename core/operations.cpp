// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operations.h"

#include <vector>

#include "core/analysis/operations.h"
#include "core/checkpoint/operations.h"
#include "core/text/operations.h"

namespace moescope {

std::span<const Operation> lightOperations() {
  // clang-format off
  static const std::vector<Operation> operations{
      corpusImport,
      corpusSynthetic,
      modelImport,
      modelInspect,
      tensorInspect,
      compareRuns,
      compareTraces,
      loadBalance,
      loadCapacity,
      loadFrequency,
      loadTime,
      pathsSaturation,
      routerConfidence,
      pathsCoactivation,
      pathsTransitions,
      pathsLocality,
      specialiseDomain,
      specialiseInformation,
      specialisePosition,
      specialiseVocabulary,
      tokensText,
  };
  // clang-format on
  return operations;
}

}  // namespace moescope
