// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "core/base/utf8.h"
#include "core/checkpoint/chat_template.h"
#include "core/checkpoint/contents.h"
#include "core/checkpoint/operations.h"
#include "core/checkpoint/router_words.h"

namespace moescope {

namespace {

constexpr std::size_t parts = partNames.size();

// A name as it can be shown in a line: control characters and marks of direction spelled out, cut where it is endless.
std::string shownName(std::string_view name) {
  std::string shown;
  for (std::size_t at = 0; at < name.size(); at += utf8Length(name[at])) {
    if (at > 512) return shown + "...";
    const std::uint32_t character = utf8At(name, at);
    const bool unseen = character < 0x20 || (character >= 0x7f && character < 0xa0) ||
                        (character >= 0x200b && character <= 0x200f) || (character >= 0x2028 && character <= 0x202e) ||
                        (character >= 0x2066 && character <= 0x2069);
    shown += unseen ? fmt::format("\\u{:04x}", character) : std::string(name.substr(at, utf8Length(name[at])));
  }
  return shown;
}

Table tensorTable(const Contents& contents) {
  const std::span<const Shards::Named> tensors = contents.shards.tensors();
  std::vector<std::string> name, role, shape, type, file, unused;
  std::vector<double> block, expert, parameters, bytes;
  for (std::size_t at = 0; at < tensors.size(); ++at) {
    const StoredTensor& tensor = *tensors[at].place.tensor;
    const Contents::Row& row = contents.rows[at];
    name.push_back(shownName(tensor.name));
    role.emplace_back(partNames[static_cast<std::size_t>(row.role.part)]);
    block.push_back(row.role.block < 0 ? NAN : static_cast<double>(row.role.block));
    expert.push_back(row.role.expert < 0 ? NAN : static_cast<double>(row.role.expert));
    shape.push_back(fmt::format("{}", fmt::join(tensor.shape, " x ")));
    type.emplace_back(tensor.dtype->name);
    parameters.push_back(static_cast<double>(parametersOf(tensor)));
    bytes.push_back(static_cast<double>(tensor.bytes));
    file.push_back(shownName(tensors[at].place.file->path().filename().string()));
    unused.push_back(row.unused < 0 ? std::string() : contents.reasons[static_cast<std::size_t>(row.unused)]);
  }
  return {{{"tensor", "", std::move(name)},
           {"role", "", std::move(role)},
           {"block", "", std::move(block)},
           {"expert", "", std::move(expert)},
           {"shape", "", std::move(shape)},
           {"type", "", std::move(type)},
           {"parameters", "", std::move(parameters)},
           {"bytes", "bytes", std::move(bytes)},
           {"file", "", std::move(file)},
           {"not used because", "", std::move(unused)}}};
}

void addParameters(Result& result, const Contents& contents) {
  const auto blocks = static_cast<std::size_t>(contents.blocks);
  std::vector<double> byPart(parts, 0), byBlock(parts * (blocks + 1), 0);
  const std::span<const Shards::Named> tensors = contents.shards.tensors();
  for (std::size_t at = 0; at < tensors.size(); ++at) {
    const Contents::Row& row = contents.rows[at];
    const bool placed = row.unused < 0;
    const auto part = static_cast<std::size_t>(placed ? row.role.part : Part::other);
    const bool inBlock = row.role.block >= 0 && row.role.block < contents.blocks;
    const auto count = static_cast<double>(parametersOf(*tensors[at].place.tensor));
    byPart[part] += count;
    byBlock[part * (blocks + 1) + (inBlock ? static_cast<std::size_t>(row.role.block) : blocks)] += count;
  }
  Axis role{"role", {partNames.begin(), partNames.end()}}, block{"block", {}};
  for (std::size_t index = 0; index < blocks; ++index) block.labels.push_back(std::to_string(index));
  block.labels.emplace_back("none");
  result.axes.push_back(std::move(role));
  result.axes.push_back(std::move(block));
  result.addWhole("parameters", "parameters", {"role"}, std::move(byPart)).help =
      "How many numbers each part of the model holds; \"other\" has no place in it.";
  result.addWhole("parameters_by_block", "parameters", {"role", "block"}, std::move(byBlock)).help =
      "The same, block by block; \"none\" for what lies in no block.";
  result.addWhole("total", "parameters", {}, {static_cast<double>(contents.parameters)}).help =
      "All parameters of the model; scales of quantised weights are none.";
  result.addWhole("active", "parameters", {}, {static_cast<double>(contents.active)}).help =
      "Those that one token meets: of E experts of a layer it meets k; embedding and head count in full.";
}

void addBytes(Result& result, const Contents& contents) {
  std::map<std::string_view, double> byType;
  for (const auto& [name, place] : contents.shards.tensors())
    byType[place.tensor->dtype->name] += static_cast<double>(place.tensor->bytes);
  Axis type{"type", {}};
  std::vector<double> bytes;
  for (const auto& [name, count] : byType) type.labels.emplace_back(name), bytes.push_back(count);
  result.axes.push_back(std::move(type));
  result.addWhole("bytes", "bytes", {"type"}, std::move(bytes)).help = "What the files hold of each type of number.";
}

// What a reader asks first, a fact a row.
Table facts(const Contents& contents) {
  std::vector<std::string> what, value;
  const auto add = [&](const char* name, std::string text) {
    if (text.empty()) return;
    what.emplace_back(name);
    value.push_back(std::move(text));
  };
  const auto count = [](std::int64_t number) { return number > 0 ? std::to_string(number) : std::string(); };
  add("family", contents.type);
  add("architecture", contents.architecture);
  add("layers", count(contents.blocks));
  add("hidden width", count(contents.hidden));
  add("experts a layer", count(contents.experts));
  add("experts a token", count(contents.topK));
  if (contents.config) {
    const ModelConfig& config = *contents.config;
    add("layers with experts", count(config.sparseLayers()));
    add("expert width", count(config.moe.expertWidth));
    add("shared experts", count(config.moe.sharedExperts));
    add("attention heads",
        fmt::format("{}, {} for keys and values", config.attention.heads, config.attention.keyHeads));
    add("vocabulary", count(config.vocabulary));
    add("longest sequence", fmt::format("{} tokens", config.length));
    add("router", routerInWords(config));
  }
  add("routing", contents.notRun);
  add("tensors", std::to_string(contents.shards.tensors().size()));
  add("files", std::to_string(contents.shards.files().size()));
  return {{{"fact", "", std::move(what)}, {"value", "", std::move(value)}}};
}

Description describe() {
  return {.id = "model.inspect",
          .version = 2,
          .title = "What a model is made of",
          .help =
              "Reads the headers of a checkpoint, not its weights: how many parameters each part holds, in all, block "
              "by block and for one token; bytes by type of number; how tokens find their experts, in words; what is "
              "not as it should be with the files; the chat template as text; and every tensor with its role.",
          .page = "Overview",
          .in = {{"model", Kind::model}},
          .out = {{"result", Kind::result}},
          .figures = {sortedBars("roles", "parameters").over({"role"}).titled("Parameters by part"),
                      heatMap("blocks", "parameters_by_block")
                          .over({"role", "block"})
                          .scale("sequential")
                          .titled("Parameters by block"),
                      sortedBars("types", "bytes").over({"type"}).titled("Bytes by type"),
                      table("facts", {"facts"}).titled("About this model"),
                      table("health", {"health"}).titled("Health of the files"),
                      table("tensors", {"tensors"}).titled("Tensors"),
                      table("chat_template", {"chat_template"}).titled("Chat template")},
          .interactive = true,
          .example = "moescope-cli run model.inspect --study S --in model=toy --name inventory"};
}

Expected<Cost> estimate(const Inputs&, const Parameters&) {
  return Cost{.bytes = 1u << 20, .memory = 64u << 20, .seconds = 0.5};
}

Expected<Outputs> run(const Inputs& inputs, const Parameters&, Job& job) {
  const Artifact& model = inputs.at("model");
  job.progress(0, "reading headers");
  TRY(contents, readContents(model.path));
  job.progress(0.5, "looking for changes");
  TRY(changed, changedSinceImport(model, contents.shards));
  if (!changed.empty()) contents.warnings.insert(contents.warnings.begin(), changed);
  TRY(chat, readChatTemplate(model.path));
  Result result{.facts = {{"operation", "model.inspect"},
                          {"source", model.title()},
                          {"family", contents.type},
                          {"warnings", contents.warnings}}};
  addParameters(result, contents);
  addBytes(result, contents);
  result.add("facts", facts(contents));
  std::vector<std::string> health = contents.warnings;
  if (health.empty()) health.emplace_back("All files are there, whole, and as config.json describes them.");
  result.add("health", Table{{{"finding", "", std::move(health)}}});
  result.add("chat_template", Table{{{"line", "", std::move(chat)}}});
  result.add("tensors", tensorTable(contents));
  return one("result", std::move(result),
             {{"parameters", contents.parameters}, {"active", contents.active}, {"family", contents.type}});
}

}  // namespace

const Operation modelInspect{describe, estimate, run};

}  // namespace moescope
