// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as a safetensors file: an error, or tensors that lie within the file and can be read.
#include "core/checkpoint/safetensors.h"
#include "tests/fuzz/one_file.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moescope;
  static const OneFile file("model.safetensors");
  file.hold(data, size);
  const auto opened = SafetensorsFile::open(file.file());
  if (!opened) return opened.error().message.empty() ? std::abort() : void(), 0;
  std::uint64_t bytes = opened->dataStart();
  for (const StoredTensor& tensor : opened->tensors()) {
    std::vector<std::byte> into(tensor.bytes);
    if (!opened->read(tensor, into) || opened->find(tensor.name) != &tensor) std::abort();
    bytes += tensor.bytes;
  }
  if (bytes != size || !opened->metadata()) std::abort();
  return 0;
}
