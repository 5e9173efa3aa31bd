// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/torch_error.h"

#include <c10/util/Exception.h>

#include <string>

namespace moescope {

Error errorFromTorch(const std::exception& thrown) {
  std::string text = thrown.what();
  if (const auto* fromTorch = dynamic_cast<const c10::Error*>(&thrown)) text = fromTorch->what_without_backtrace();
  const bool memory =
      dynamic_cast<const std::bad_alloc*>(&thrown) || dynamic_cast<const c10::OutOfMemoryError*>(&thrown) ||
      text.find("not enough memory") != std::string::npos || text.find("out of memory") != std::string::npos;
  if (memory) return environmentError("there is not enough memory for this model, batch and length: " + text);
  return bugError("LibTorch refused: " + text);
}

}  // namespace moescope
