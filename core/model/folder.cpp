// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/folder.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <unordered_map>

#include "core/base/checked.h"
#include "core/base/json_reading.h"
#include "core/checkpoint/shards.h"
#include "core/model/torch_error.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

using TensorsByName = std::unordered_map<std::string, at::Tensor>;

TensorsByName tensorsOf(Decoder& decoder) {
  TensorsByName byName;
  for (const NamedTensor& tensor : decoder.parameters()) byName[tensor.name] = tensor.value;
  for (const NamedTensor& tensor : decoder.buffers()) byName[tensor.name] = tensor.value;
  return byName;
}

// The part of a parameter that one tensor on disk holds; a view.
at::Tensor viewOf(const at::Tensor& parameter, const Slot& slot) {
  const at::Tensor whole = slot.expert < 0 ? parameter : parameter.select(0, slot.expert);
  return whole.narrow(0, slot.firstRow, slot.shape.front());
}

TensorSource sourceOf(const at::Tensor& parameter, const Slot& slot) {
  const at::Tensor view = viewOf(parameter, slot).detach();
  auto held = std::make_shared<at::Tensor>();  // alive while its bytes are written
  return {slot.name, "F32", slot.shape, [view, held]() -> Expected<std::span<const std::byte>> {
            *held = view.cpu().to(at::kFloat).contiguous();
            return std::span(static_cast<const std::byte*>(held->const_data_ptr()), held->nbytes());
          }};
}

std::optional<at::ScalarType> readableType(std::string_view dtype) {
  if (dtype == "F32") return at::kFloat;
  if (dtype == "BF16") return at::kBFloat16;
  if (dtype == "F16") return at::kHalf;
  if (dtype == "F64") return at::kDouble;
  return std::nullopt;
}

// Every tensor that the switches ask for is there, in the right shape and a readable type, and no other is.
Expected<void> checkTensors(const Shards& shards, const ModelConfig& config, const Family& family,
                            const std::vector<Slot>& slots) {
  const std::string folder = shards.folder().string();
  std::set<std::string_view> wanted;
  for (const Slot& slot : slots) {
    const Shards::Place* place = shards.find(slot.name);
    if (!place)
      return inputError(fmt::format("{} lacks the tensor \"{}\" of a {} model", folder, slot.name, family.modelType),
                        folder);
    const std::string file = place->file->path().string();
    if (place->tensor->shape != slot.shape)
      return inputError(fmt::format("{}: tensor \"{}\" has shape [{}], but config.json asks for [{}]", file, slot.name,
                                    fmt::join(place->tensor->shape, ", "), fmt::join(slot.shape, ", ")),
                        file, place->tensor->offset);
    if (!readableType(place->tensor->dtype->name))
      return inputError(fmt::format("{}: tensor \"{}\" is of type {}; F32, BF16, F16 and F64 are read", file, slot.name,
                                    place->tensor->dtype->name),
                        file, place->tensor->offset);
    wanted.insert(slot.name);
  }
  for (const auto& [name, place] : shards.tensors()) {
    const bool derived = name.ends_with("rotary_emb.inv_freq") || (config.tiedHead && name == "lm_head.weight");
    if (!derived && !wanted.contains(name))
      return inputError(fmt::format("{}: tensor \"{}\" has no place in the {} model that config.json describes", folder,
                                    name, family.modelType),
                        place.file->path().string(), place.tensor->offset);
  }
  return {};
}

Expected<void> readInto(const Shards::Place& place, const Slot& slot, const at::Tensor& parameter) {
  const at::Tensor stored = at::empty(slot.shape, at::TensorOptions(*readableType(place.tensor->dtype->name)));
  TRY_DO(
      place.file->read(*place.tensor, std::span(static_cast<std::byte*>(stored.mutable_data_ptr()), stored.nbytes())));
  viewOf(parameter, slot).copy_(stored);
  return {};
}

// moescope.json knows switches that a family's config.json has no word for (loss coefficients, the router's own name).
// It counts only where it agrees with config.json, which is what the digest covers and what people edit.
Expected<ModelConfig> readSwitches(const fs::path& folder, const Json& config, const Family& family) {
  TRY(fromConfig, family.read(config, (folder / "config.json").string()));
  const Expected<Json> note = readJson(folder / "moescope.json", 64u << 20);
  if (!note || !note->is_object() || !note->contains("model")) return fromConfig;
  const Expected<ModelConfig> noted = modelConfigFromJson((*note)["model"], (folder / "moescope.json").string());
  if (!noted || familyFor(*noted).modelType != family.modelType) return fromConfig;
  const Json written = family.write(*noted);
  for (const auto& [key, value] : written.items())
    if (!config.contains(key) || config[key] != value) return fromConfig;
  return *noted;
}

Expected<void> fillModel(Decoder& decoder, const Shards& shards, const std::vector<Slot>& slots) {
  const at::NoGradGuard guard;
  TensorsByName tensors = tensorsOf(decoder);
  std::set<std::string> filled;
  for (const Slot& slot : slots) {
    const auto found = tensors.find(slot.parameter);
    // A router that stands in for the folder's may have no use for a tensor.
    if (found == tensors.end()) continue;
    TRY_DO(readInto(*shards.find(slot.name), slot, found->second));
    filled.insert(slot.parameter);
  }
  for (auto& [name, tensor] : tensors)
    if (!filled.contains(name)) tensor.zero_();
  return {};
}

}  // namespace

Expected<void> saveModel(Decoder& decoder, const Tokenizer* tokenizer, const Json& record, const fs::path& folder) {
  return guarded([&]() -> Expected<void> {
    const Family& family = familyFor(decoder.config());
    const TensorsByName tensors = tensorsOf(decoder);
    TRY_DO(makeFolders(folder));
    std::vector<TensorSource> sources;
    for (const Slot& slot : family.slots(decoder.config())) {
      const auto found = tensors.find(slot.parameter);
      if (found == tensors.end())
        return bugError(fmt::format("the decoder has no \"{}\" to write as {}", slot.parameter, slot.name));
      sources.push_back(sourceOf(found->second, slot));
    }
    TRY_DO(writeShards(folder, std::move(sources)));
    if (tokenizer) TRY_DO(tokenizer->save(folder));
    Json note = record.is_object() ? record : Json::object();
    note["moescope_model"] = 1;
    note["architecture"] = family.architecture;
    note["model"] = toJson(decoder.config());
    TRY_DO(writeFileSafely(folder / "moescope.json", note.dump(2) + "\n"));
    // Last: a folder with a config.json is complete.
    return writeFileSafely(folder / "config.json", family.write(decoder.config()).dump(2) + "\n");
  });
}

Expected<Decoder> loadModel(const fs::path& folder, at::Device device, const RouterConfig* router) {
  return guarded([&]() -> Expected<Decoder> {
    const std::string file = (folder / "config.json").string();
    TRY(json, readJson(folder / "config.json", 16u << 20));
    TRY(family, findFamily(json, file));
    TRY(config, readSwitches(folder, json, *family));
    TRY(shards, Shards::open(folder));
    // Before the list of tensors is made: there must be at least as many as there are experts' matrices.
    const std::optional<std::int64_t> matrices = checkedMultiply(config.sparseLayers() * 3, config.moe.experts);
    if (!matrices || static_cast<std::uint64_t>(*matrices) > shards.tensors().size())
      return inputError(
          fmt::format("{}: config.json speaks of {} layers with {} experts each, but the files hold only {} tensors",
                      folder.string(), config.sparseLayers(), config.moe.experts, shards.tensors().size()),
          file);
    const std::vector<Slot> slots = family->slots(config);
    TRY_DO(checkTensors(shards, config, *family, slots));
    if (router) {
      std::map<std::string, double> options = config.moe.router.options;
      for (const auto& [name, value] : router->options) options[name] = value;
      config.moe.router = *router;
      config.moe.router.options = std::move(options);
    }
    TRY(decoder, Decoder::make(config, std::nullopt, device));
    TRY_DO(fillModel(decoder, shards, slots));
    return decoder;
  });
}

}  // namespace moescope
