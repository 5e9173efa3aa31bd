// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as model.safetensors.index.json: an error, or names of files that stay in the folder.
#include "core/checkpoint/shard_index.h"
#include "tests/fuzz/one_file.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moescope;
  static const OneFile file(shardIndexName);
  file.hold(data, size);
  const auto folder = CheckpointFolder::open(file.folder());
  const auto index = ShardIndex::read(*folder);
  if (!index) return index.error().message.empty() ? std::abort() : void(), 0;
  for (const std::string& name : index->files)
    if (!CheckpointFolder::isPlainName(name)) std::abort();
  for (const ShardIndex::Entry& entry : index->tensors)
    if (entry.file >= index->files.size()) std::abort();
  return 0;
}
