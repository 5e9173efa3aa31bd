// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/folder.h"

#include <ATen/core/grad_mode.h>
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_map>

#include "core/base/json_reading.h"
#include "core/checkpoint/inventory.h"
#include "core/checkpoint/slot_reading.h"
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

// The numbers of a parameter that a slot fills for one expert (any, where it has none): whole rows, on the CPU.
std::span<float> numbersOf(const at::Tensor& parameter, const Slot& slot, std::int64_t expert) {
  const std::int64_t matrix = expert < 0 ? 0 : expert * parameter.stride(0);
  float* start = parameter.mutable_data_ptr<float>() + matrix + slot.firstRow * slot.columns();
  return {start, static_cast<std::size_t>(slot.size())};
}

// Calls work(expert) for each expert of a slot, or work(-1) where it has none.
template <class Work>
Expected<void> forEachExpert(const Slot& slot, const Work& work) {
  if (slot.experts == 0) return work(slot.expert);
  for (std::int64_t expert = 0; expert < slot.experts; ++expert) TRY_DO(work(expert));
  return {};
}

// One tensor on disk: all slots of that name, put together.
TensorSource sourceOf(std::vector<Slot> slots, const TensorsByName& tensors) {
  std::vector<at::Tensor> parameters;
  for (const Slot& slot : slots) parameters.push_back(tensors.at(slot.parameter).detach());
  const std::string name = slots.front().name;
  const std::vector<std::int64_t> shape = slots.front().shape;
  auto held = std::make_shared<std::vector<float>>();  // alive while its bytes are written
  return {name, "F32", shape, [slots, parameters, held]() -> Expected<std::span<const std::byte>> {
            const std::vector<std::int64_t>& extents = slots.front().shape;
            held->resize(static_cast<std::size_t>(
                std::accumulate(extents.begin(), extents.end(), std::int64_t{1}, std::multiplies<>())));
            for (std::size_t i = 0; i < slots.size(); ++i) {
              const at::Tensor parameter = parameters[i].cpu().to(at::kFloat).contiguous();
              TRY_DO(forEachExpert(slots[i], [&](std::int64_t expert) -> Expected<void> {
                storeSlot(slots[i], expert, numbersOf(parameter, slots[i], expert), *held);
                return {};
              }));
            }
            return std::as_bytes(std::span(*held));
          }};
}

Expected<void> readInto(const Shards::Place& place, const Slot& slot, const at::Tensor& parameter) {
  const at::Tensor onCpu = parameter.is_cpu() ? parameter : parameter.cpu();
  TRY_DO(forEachExpert(
      slot, [&](std::int64_t expert) { return readSlot(place, slot, expert, numbersOf(onCpu, slot, expert)); }));
  if (!parameter.is_cpu()) parameter.copy_(onCpu);
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
    std::map<std::string, std::vector<Slot>> byName;
    for (Slot& slot : family.slots(decoder.config())) {
      if (!tensors.contains(slot.parameter))
        return bugError(fmt::format("the decoder has no \"{}\" to write as {}", slot.parameter, slot.name));
      byName[slot.name].push_back(std::move(slot));
    }
    std::vector<TensorSource> sources;
    for (auto& [name, slots] : byName) sources.push_back(sourceOf(std::move(slots), tensors));
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
