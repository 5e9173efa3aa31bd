// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/weight_store.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <charconv>

#include "core/base/json_reading.h"
#include "core/checkpoint/slot_reading.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

// What a stored tensor is kept as; fp32 for types that are scaled or rounded on reading.
at::ScalarType typeOf(std::string_view dtype) {
  if (dtype == "BF16") return at::kBFloat16;
  if (dtype == "F16") return at::kHalf;
  return at::kFloat;
}

// Whether the bytes on disk are those of `typeOf`, row after row.
bool isPlain(const Shards::Place& place, const Slot& slot) {
  const std::string_view dtype = place.tensor->dtype->name;
  return !slot.transposed && !slot.interleaved && (dtype == "BF16" || dtype == "F16" || dtype == "F32");
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

// "layers.12.query" is of layer 12; -1 for what belongs to none.
std::int64_t layerOf(std::string_view role) {
  constexpr std::string_view prefix = "layers.";
  std::int64_t layer = -1;
  if (role.starts_with(prefix)) std::from_chars(role.data() + prefix.size(), role.data() + role.size(), layer);
  return layer;
}

}  // namespace

struct WeightStore::State {
  ModelConfig config;
  Inventory inventory;
  Part embedding, head, ends;
  std::vector<Part> layers;
  std::vector<std::vector<Part>> experts;  // [layer, expert]
  std::uint64_t bytes = 0;

  void add(Part& part, const Slot& slot) const {
    part.slots.push_back(&slot);
    part.bytes += std::uint64_t(bytesOfSlot(placeOf(slot), slot));
    part.parameters += std::uint64_t(slot.size());
    part.resident += std::uint64_t(slot.size()) * c10::elementSize(typeOf(placeOf(slot).tensor->dtype->name));
  }

  void sort(const Slot& slot) {
    const std::int64_t layer = layerOf(slot.parameter);
    if (layer < 0) return add(slot.parameter == "embedding" ? embedding : slot.parameter == "head" ? head : ends, slot);
    if (slot.expert < 0 && slot.experts == 0) return add(layers[std::size_t(layer)], slot);
    for (Part& part : experts[std::size_t(layer)])
      if (slot.holds(part.expert)) add(part, slot);
  }

  const Shards::Place& placeOf(const Slot& slot) const { return *inventory.shards.find(slot.name); }

  // `count` rows of a plain slot, from `row` on, as they are stored.
  Expected<void> readRows(const Slot& slot, std::int64_t expert, std::int64_t row, const at::Tensor& into,
                          bool once) const {
    const Shards::Place& place = placeOf(slot);
    const std::span<std::byte> bytes(static_cast<std::byte*>(into.mutable_data_ptr()), into.nbytes());
    const std::uint64_t offset =
        place.tensor->offset + std::uint64_t(slot.first(expert) + row * slot.columns()) * into.element_size();
    return once ? place.file->file().readOnce(offset, bytes) : place.file->file().read(offset, bytes);
  }

  // All of a slot into its rows of a parameter [rows, columns].
  Expected<void> readSlotInto(const Slot& slot, std::int64_t expert, const at::Tensor& rows, bool once) const {
    const Shards::Place& place = placeOf(slot);
    if (isPlain(place, slot) && rows.scalar_type() == typeOf(place.tensor->dtype->name))
      return readRows(slot, expert, 0, rows, once);
    const at::Tensor values = at::empty({slot.rows(), slot.columns()}, at::TensorOptions(at::kFloat));
    TRY_DO(readSlot(place, slot, expert, {values.mutable_data_ptr<float>(), std::size_t(slot.size())}));
    if (once) place.file->file().forget(place.tensor->offset, place.tensor->bytes);
    rows.copy_(values);  // exact: the type is the one that was read
    return {};
  }
};

WeightStore::WeightStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
WeightStore::WeightStore(WeightStore&&) noexcept = default;
WeightStore& WeightStore::operator=(WeightStore&&) noexcept = default;
WeightStore::~WeightStore() = default;

Expected<WeightStore> WeightStore::open(const fs::path& folder) {
  auto state = std::make_unique<State>();
  TRY_ASSIGN(state->inventory, readInventory(folder));
  state->config = withNote(folder, state->inventory);
  const ModelConfig& config = state->config;
  state->layers.resize(std::size_t(config.layers));
  state->experts.resize(std::size_t(config.layers));
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    if (!config.isSparse(layer)) continue;
    std::vector<Part>& stack = state->experts[std::size_t(layer)];
    stack.resize(std::size_t(config.moe.experts));
    for (std::size_t e = 0; e < stack.size(); ++e) stack[e].expert = std::int64_t(e);
  }
  for (const Slot& slot : state->inventory.slots) state->sort(slot);
  WeightStore store(std::move(state));
  for (const Part* part : store.parts()) store.state_->bytes += part->bytes;
  return store;
}

const ModelConfig& WeightStore::config() const {
  return state_->config;
}
const Inventory& WeightStore::inventory() const {
  return state_->inventory;
}
std::uint64_t WeightStore::bytes() const {
  return state_->bytes;
}
const WeightStore::Part& WeightStore::embedding() const {
  return state_->embedding;
}
const WeightStore::Part& WeightStore::head() const {
  return state_->head.slots.empty() ? state_->embedding : state_->head;
}
const WeightStore::Part& WeightStore::ends() const {
  return state_->ends;
}
const WeightStore::Part& WeightStore::layer(std::int64_t index) const {
  return state_->layers.at(std::size_t(index));
}
const WeightStore::Part& WeightStore::expert(std::int64_t layer, std::int64_t expert) const {
  return state_->experts.at(std::size_t(layer)).at(std::size_t(expert));
}

std::vector<const WeightStore::Part*> WeightStore::parts() const {
  std::vector<const Part*> all{&state_->embedding};
  for (std::size_t layer = 0; layer < state_->layers.size(); ++layer) {
    all.push_back(&state_->layers[layer]);
    for (const Part& part : state_->experts[layer]) all.push_back(&part);
  }
  all.push_back(&state_->ends);
  if (!state_->head.slots.empty()) all.push_back(&state_->head);
  return all;
}

Expected<std::vector<StoredParameter>> WeightStore::read(const Part& part, bool once) const {
  std::vector<std::pair<std::string, std::vector<const Slot*>>> byParameter;
  for (const Slot* slot : part.slots) {
    auto found = std::find_if(byParameter.begin(), byParameter.end(),
                              [&](const auto& named) { return named.first == slot->parameter; });
    if (found == byParameter.end()) found = byParameter.insert(found, {slot->parameter, {}});
    found->second.push_back(slot);
  }
  std::vector<StoredParameter> all;
  for (const auto& [name, slots] : byParameter) {
    // Pieces of one type are read into one tensor from the start; others meet in fp32.
    std::int64_t rows = 0;
    at::ScalarType type = typeOf(state_->placeOf(*slots.front()).tensor->dtype->name);
    for (const Slot* slot : slots) {
      rows = std::max(rows, slot->firstRow + slot->rows());
      if (typeOf(state_->placeOf(*slot).tensor->dtype->name) != type) type = at::kFloat;
    }
    const at::Tensor value = at::empty({rows, slots.front()->columns()}, at::TensorOptions(type));
    for (const Slot* slot : slots)
      TRY_DO(state_->readSlotInto(*slot, part.expert, value.narrow(0, slot->firstRow, slot->rows()), once));
    all.push_back({name, value});
  }
  return all;
}

Expected<at::Tensor> WeightStore::readRows(const Part& part, std::int64_t first, std::int64_t count, bool once) const {
  const Slot& slot = *part.slots.at(0);
  const Shards::Place& place = state_->placeOf(slot);
  if (!isPlain(place, slot)) {
    TRY(whole, read(part, once));
    return whole.at(0).value.narrow(0, first, count);
  }
  const at::Tensor rows = at::empty({count, slot.columns()}, at::TensorOptions(typeOf(place.tensor->dtype->name)));
  TRY_DO(state_->readRows(slot, -1, first, rows, once));
  return rows;
}

}  // namespace moescope
