// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/base/part_file.h"
#include "core/checkpoint/safetensors.h"

namespace moescope {
namespace {

Expected<std::string> headerOf(const std::vector<TensorSource>& tensors) {
  Json header = Json::object();
  header["__metadata__"] = {{"format", "pt"}};
  std::uint64_t offset = 0;
  for (const TensorSource& tensor : tensors) {
    const Dtype* dtype = findDtype(tensor.dtype);
    const std::optional<std::uint64_t> bytes = dtype ? bytesOf(*dtype, tensor.shape) : std::nullopt;
    if (!bytes || header.contains(tensor.name))
      return bugError(fmt::format("tensor \"{}\" cannot be written: its type, shape or name is wrong", tensor.name));
    const std::uint64_t end = offset + *bytes;
    header[tensor.name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // so that the data are aligned
  return text;
}

}  // namespace

Expected<void> writeSafetensors(const std::filesystem::path& path, std::vector<TensorSource> tensors) {
  // Wide types first, so that all data are aligned, as the reference writer does.
  std::sort(tensors.begin(), tensors.end(), [](const TensorSource& a, const TensorSource& b) {
    const Dtype *first = findDtype(a.dtype), *second = findDtype(b.dtype);
    const std::uint64_t bits = first ? first->bits : 0, others = second ? second->bits : 0;
    return bits != others ? bits > others : a.name < b.name;
  });
  TRY(header, headerOf(tensors));
  TRY(file, PartFile::create(path));
  std::array<std::byte, 8> length{};
  for (std::size_t i = 0; i < length.size(); ++i) length[i] = static_cast<std::byte>(header.size() >> (8 * i) & 0xff);
  TRY_DO(file.write(length));
  TRY_DO(file.write(std::as_bytes(std::span(header))));
  for (const TensorSource& tensor : tensors) {
    TRY(bytes, tensor.bytes());
    if (bytes.size() != bytesOf(*findDtype(tensor.dtype), tensor.shape))
      return bugError(
          fmt::format("tensor \"{}\" gave {} bytes, which its shape does not ask for", tensor.name, bytes.size()));
    TRY_DO(file.write(bytes));
  }
  return file.finish();
}

}  // namespace moescope
