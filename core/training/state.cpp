// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/state.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "core/base/file.h"
#include "core/base/json_reading.h"
#include "core/study/hdf5.h"

namespace moescope {
namespace {

constexpr const char* fileName = "state.h5";

Expected<void> writeTensor(hdf5::File& file, const std::string& path, const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().cpu().contiguous();
  const std::vector<std::uint64_t> extent(plain.sizes().begin(), plain.sizes().end());
  const auto count = std::size_t(plain.numel());
  if (plain.scalar_type() == at::kLong)
    return file.write<std::int64_t>(path, {plain.const_data_ptr<std::int64_t>(), count}, extent);
  return file.write<float>(path, {plain.const_data_ptr<float>(), count}, extent);
}

Expected<at::Tensor> readTensor(const hdf5::File& file, const std::string& path) {
  TRY(shape, file.shape(path));
  const std::vector<std::int64_t> extent(shape.extent.begin(), shape.extent.end());
  if (shape.type == hdf5::Type::int64) {
    TRY(values, file.read<std::int64_t>(path));
    return at::tensor(values).view(extent);
  }
  TRY(values, file.read<float>(path));
  return at::from_blob(values.data(), extent, at::kFloat).clone();
}

}  // namespace

Expected<void> saveState(const ResumeState& state, const std::filesystem::path& folder) {
  const std::filesystem::path part = folder / (std::string(fileName) + ".part"), whole = folder / fileName;
  TRY(file, hdf5::File::create(part));
  TRY_DO(file.setAttribute("/", "step", state.step));
  TRY_DO(file.setAttribute("/", "facts", canonical(state.facts)));
  for (const auto& [name, tensor] : state.tensors) TRY_DO(writeTensor(file, "/tensors/" + name, tensor));
  TRY_DO(file.close());
  TRY_DO(syncFile(part));
  std::error_code failure;
  std::filesystem::rename(part, whole, failure);
  if (failure) return systemError("rename", part.string(), failure.value());
  return syncFolder(folder);
}

Expected<std::optional<ResumeState>> loadState(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / fileName;
  if (!std::filesystem::exists(path)) return std::optional<ResumeState>{};
  TRY(file, hdf5::File::open(path));
  ResumeState state;
  TRY_ASSIGN(state.step, file.integer("/", "step"));
  TRY(facts, file.text("/", "facts"));
  TRY_ASSIGN(state.facts, parseJson(facts, path.string()));
  for (const std::string& name : file.children("/tensors")) {
    TRY(tensor, readTensor(file, "/tensors/" + name));
    state.tensors.emplace(name, std::move(tensor));
  }
  return std::optional(std::move(state));
}

Expected<void> restore(const ResumeState& from, std::vector<NamedTensor> into) {
  at::NoGradGuard quiet;
  for (NamedTensor& target : into) {
    const auto found = from.tensors.find(target.name);
    if (found == from.tensors.end())
      return inputError(
          fmt::format("The saved state of this run has no \"{}\"; run with --fresh to start over.", target.name));
    if (found->second.sizes() != target.value.sizes())
      return inputError(fmt::format(
          "\"{}\" in the saved state of this run has another shape; run with --fresh to start over.", target.name));
    target.value.copy_(found->second);
  }
  return {};
}

}  // namespace moescope
