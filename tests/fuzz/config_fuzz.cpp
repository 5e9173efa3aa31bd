// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as config.json: an error, or switches that this version can compute, in a few megabytes.
#include <nlohmann/json.hpp>

#include "core/checkpoint/family.h"
#include "core/checkpoint/router_words.h"
#include "core/checkpoint/unread_format.h"
#include "tests/fuzz/one_file.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moescope;
  static const OneFile file("config.json");
  file.hold(data, size);
  const auto folder = CheckpointFolder::open(file.folder());
  if (const auto json = folder->json("config.json", 1u << 20))
    if (const auto blocks = refuseUnread(*folder, *json); !blocks && blocks.error().message.empty()) std::abort();
  const auto config = readModelConfig(file.folder());
  if (!config) return config.error().message.empty() ? std::abort() : void(), 0;
  if (!checkConfig(*config)) std::abort();
  routerInWords(*config);
  return 0;
}
