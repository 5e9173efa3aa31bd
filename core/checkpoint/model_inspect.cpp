// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/checkpoint/inventory.h"
#include "core/checkpoint/operations.h"

namespace moescope {

namespace {

constexpr std::array<const char*, 9> roles{"embedding", "attention", "router", "expert", "shared expert",
                                           "dense",     "norm",      "head",   "other"};

// The part of a model that a tensor's role in the decoder belongs to: an index into `roles`.
std::size_t roleOf(const std::string& parameter) {
  const auto last = parameter.rfind("layers.", 0) == 0 ? parameter.substr(parameter.find('.', 7) + 1) : parameter;
  if (last == "embedding") return 0;
  if (last.starts_with("router")) return 2;
  if (last.starts_with("experts.")) return 3;
  if (last.starts_with("shared.")) return 4;
  if (last.starts_with("dense.")) return 5;
  if (last.ends_with("norm")) return 6;
  if (last == "head") return 7;
  return 1;  // query, key, value, output and their biases
}

// The place of each tensor by its name on disk.
std::map<std::string_view, const Slot*> placesOf(const Inventory& inventory) {
  std::map<std::string_view, const Slot*> places;
  for (const Slot& slot : inventory.slots) places[slot.name] = &slot;
  return places;
}

std::int64_t elements(const StoredTensor& tensor) {
  return std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::int64_t{1}, std::multiplies<>());
}

// The block that a tensor lies in, or the number of blocks for what lies in none.
std::int64_t blockOf(const std::string& parameter, std::int64_t blocks) {
  return parameter.rfind("layers.", 0) == 0 ? std::stoll(parameter.substr(7)) : blocks;
}

Table tensorTable(const Inventory& inventory, const std::map<std::string_view, const Slot*>& places) {
  std::vector<std::string> name, shape, type, role, file;
  std::vector<double> parameters, bytes;
  for (const auto& [key, place] : inventory.shards.tensors()) {
    const auto slot = places.find(key);
    name.emplace_back(key);
    shape.push_back(fmt::format("{}", fmt::join(place.tensor->shape, " x ")));
    type.emplace_back(place.tensor->dtype->name);
    role.emplace_back(roles[slot == places.end() ? 8 : roleOf(slot->second->parameter)]);
    file.push_back(place.file->path().filename().string());
    parameters.push_back(static_cast<double>(elements(*place.tensor)));
    bytes.push_back(static_cast<double>(place.tensor->bytes));
  }
  return {{{"tensor", "", name},
           {"role", "", role},
           {"shape", "", shape},
           {"type", "", type},
           {"parameters", "", parameters},
           {"bytes", "bytes", bytes},
           {"file", "", file}}};
}

Description describe() {
  return {.id = "model.inspect",
          .title = "What a model is made of",
          .help =
              "Every tensor of a checkpoint with its role, and how many parameters each part holds: in all, block by "
              "block, and "
              "how many one token meets (the experts that are not chosen left out). Reads headers only.",
          .page = "Overview",
          .in = {{"model", Kind::model}},
          .out = {{"result", Kind::result}},
          .figures = {sortedBars("roles", "parameters").over({"role"}).titled("Parameters by part"),
                      heatMap("blocks", "parameters_by_block")
                          .over({"role", "block"})
                          .scale("sequential")
                          .titled("Parameters by block"),
                      table("tensors", {"tensors"}).titled("Tensors")},
          .interactive = true,
          .example = "moescope-cli run model.inspect --study S --in model=toy --name inventory"};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters&) {
  TRY(config, readModelConfig(inputs.at("model").path));
  return Cost{.bytes = 1u << 20, .memory = 64u << 20, .seconds = 0.1};
}

Expected<Outputs> run(const Inputs& inputs, const Parameters&, Job& job) {
  job.progress(0, "reading headers");
  TRY(inventory, readInventory(inputs.at("model").path));
  const ModelConfig& config = inventory.config;
  const std::map<std::string_view, const Slot*> places = placesOf(inventory);
  const auto blocks = static_cast<std::size_t>(config.layers);
  std::vector<double> byRole(roles.size(), 0), byBlock(roles.size() * (blocks + 1), 0);
  for (const auto& [name, place] : inventory.shards.tensors()) {
    const auto slot = places.find(name);
    const std::size_t role = slot == places.end() ? 8 : roleOf(slot->second->parameter);
    const std::int64_t block = slot == places.end() ? config.layers : blockOf(slot->second->parameter, config.layers);
    const auto count = static_cast<double>(elements(*place.tensor));
    byRole[role] += count;
    byBlock[role * (blocks + 1) + static_cast<std::size_t>(block)] += count;
  }
  Axis role{"role", {roles.begin(), roles.end()}}, block{"block", {}};
  for (std::size_t index = 0; index < blocks; ++index) block.labels.push_back(std::to_string(index));
  block.labels.emplace_back("none");
  Result result{.axes = {std::move(role), std::move(block)},
                .facts = {{"operation", "model.inspect"},
                          {"source", inputs.at("model").title()},
                          {"family", inventory.family->modelType}}};
  result.addWhole("parameters", "parameters", {"role"}, std::move(byRole)).help =
      "How many numbers each part of the model holds.";
  result.addWhole("parameters_by_block", "parameters", {"role", "block"}, std::move(byBlock)).help =
      "The same, block by block; \"none\" for what lies in no block.";
  result.addWhole("total", "parameters", {}, {static_cast<double>(inventory.parameters)}).help =
      "All parameters of the model.";
  result.addWhole("active", "parameters", {}, {static_cast<double>(inventory.active)}).help =
      "Those that one token meets: of E experts of a layer it meets k; embedding and head count in full.";
  result.add("tensors", tensorTable(inventory, places));
  return one(
      "result", std::move(result),
      {{"parameters", inventory.parameters}, {"active", inventory.active}, {"family", inventory.family->modelType}});
}

}  // namespace

const Operation modelInspect{describe, estimate, run};

}  // namespace moescope
