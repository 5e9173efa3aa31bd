// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operations.h"

#include <vector>

#include "core/analysis/operations.h"
#include "core/checkpoint/operations.h"
#include "core/text/operations.h"

namespace moescope {

std::span<const Operation> lightOperations() {
  static const std::vector<Operation> operations{
      corpusImport, corpusSynthetic, modelImport,      modelInspect,         tensorInspect,
      loadBalance,  loadFrequency,   specialiseDomain, specialiseVocabulary, tokensText,
  };
  return operations;
}

}  // namespace moescope
