// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/folder.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <unordered_map>

#include "core/base/json_reading.h"
#include "core/checkpoint/inventory.h"
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

at::ScalarType typeOf(std::string_view dtype) {
  if (dtype == "BF16") return at::kBFloat16;
  if (dtype == "F16") return at::kHalf;
  return dtype == "F64" ? at::kDouble : at::kFloat;  // the inventory lets no other pass
}

Expected<void> readInto(const Shards::Place& place, const Slot& slot, const at::Tensor& parameter) {
  const at::Tensor stored = at::empty(slot.shape, at::TensorOptions(typeOf(place.tensor->dtype->name)));
  TRY_DO(
      place.file->read(*place.tensor, std::span(static_cast<std::byte*>(stored.mutable_data_ptr()), stored.nbytes())));
  viewOf(parameter, slot).copy_(stored);
  return {};
}

// moescope.json knows switches that a family's config.json has no word for (loss coefficients, the router's own name).
// It counts only where it agrees with config.json, which is what the digest covers and what people edit.
ModelConfig withNote(const fs::path& folder, const Inventory& inventory) {
  const Expected<Json> note = readJson(folder / "moescope.json", 64u << 20);
  if (!note || !note->is_object() || !note->contains("model")) return inventory.config;
  const Expected<ModelConfig> noted = modelConfigFromJson((*note)["model"], (folder / "moescope.json").string());
  if (!noted || familyOf(*noted) != inventory.family->modelType) return inventory.config;
  const Json written = inventory.family->write(*noted);
  for (const auto& [key, value] : written.items())
    if (!inventory.json.contains(key) || inventory.json[key] != value) return inventory.config;
  return *noted;
}

Expected<void> fillModel(Decoder& decoder, const Inventory& inventory) {
  const at::NoGradGuard guard;
  TensorsByName tensors = tensorsOf(decoder);
  std::set<std::string> filled;
  for (const Slot& slot : inventory.slots) {
    const auto found = tensors.find(slot.parameter);
    // A router that stands in for the folder's may have no use for a tensor.
    if (found == tensors.end()) continue;
    TRY_DO(readInto(*inventory.shards.find(slot.name), slot, found->second));
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
    TRY(inventory, readInventory(folder));
    ModelConfig config = withNote(folder, inventory);
    if (router) {
      std::map<std::string, double> options = config.moe.router.options;
      for (const auto& [name, value] : router->options) options[name] = value;
      config.moe.router = *router;
      config.moe.router.options = std::move(options);
    }
    TRY(decoder, Decoder::make(config, std::nullopt, device));
    TRY_DO(fillModel(decoder, inventory));
    return decoder;
  });
}

}  // namespace moescope
