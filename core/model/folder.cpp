// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/folder.h"

#include <ATen/core/grad_mode.h>
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_map>

#include "core/checkpoint/slot_reading.h"
#include "core/model/torch_error.h"
#include "core/model/weight_store.h"

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

// Copies every parameter that the decoder has; a router that stands in for the folder's may have no use for some, and
// finds those that only it needs at zero.
Expected<void> fillModel(Decoder& decoder, const WeightStore& weights) {
  const at::NoGradGuard guard;
  TensorsByName tensors = tensorsOf(decoder);
  std::set<std::string> filled;
  for (const WeightStore::Part* part : weights.parts()) {
    TRY(stored, weights.read(*part, /*once=*/false));
    for (const StoredParameter& parameter : stored) {
      const auto found = tensors.find(parameter.name);
      if (found == tensors.end()) continue;
      const at::Tensor here = part->expert < 0 ? found->second : found->second.select(0, part->expert);
      here.copy_(parameter.value.view_as(here));
      filled.insert(parameter.name);
    }
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
    TRY(weights, WeightStore::open(folder));
    ModelConfig config = weights.config();
    if (router) {
      std::map<std::string, double> options = config.moe.router.options;
      for (const auto& [name, value] : router->options) options[name] = value;
      config.moe.router = *router;
      config.moe.router.options = std::move(options);
    }
    TRY(decoder, Decoder::make(config, std::nullopt, device));
    TRY_DO(fillModel(decoder, weights));
    return decoder;
  });
}

}  // namespace moescope
