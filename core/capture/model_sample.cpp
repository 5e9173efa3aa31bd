// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/operations.h"

#include <fmt/format.h>

#include <sstream>

#include "core/base/utf8.h"
#include "core/capture/reading.h"
#include "core/capture/walk_plan.h"
#include "core/model/device.h"
#include "core/model/folder.h"
#include "core/model/generate.h"
#include "core/model/threads.h"
#include "core/model/torch_error.h"
#include "core/training/settings.h"
#include "core/training/snapshot.h"

namespace moescope {
namespace {

Description describe() {
  return {.id = "model.sample",
          .version = 1,
          .title = "Sample text",
          .help =
              "Goes on from a prompt, one token after another, and shows where each token was routed in every MoE "
              "layer. A token is "
              "drawn from softmax(logits / temperature) over the likeliest ones: the smallest set that holds the share "
              "`top` of "
              "probability (Holtzman et al. 2020), or so many tokens where `top` is above 1. The draw is a function of "
              "the seed and "
              "the token's place. With tokens=0 the prompt alone is routed.",
          .page = "Tokens",
          .in = {{"model", Kind::model, false, false, "what writes"}},
          .out = {{"result", Kind::result, false, false, "tokens (token text), passages"}},
          .parameters = {text("prompt", "",
                              "the text to go on from; for a model of ids, whole numbers with spaces between"),
                         integer("tokens", 64, 0, 100000, "tokens", "how many to add"),
                         real("temperature", 0.8, 0, 100, "", "0 = always the likeliest token"),
                         real("top", 0.95, 0.001, 1e6, "",
                              "up to 1: share of probability that stays; above: number of tokens that stay"),
                         integer("seed", 0, 0, 1e15, "", "of the draws")},
          .figures = {tokenText("tokens", "tokens"), table("passages", {"passages"})},
          .needs = {"torch"},
          .interactive = false,  // it needs a prompt, so no page may ask for it by itself
          .example = "moescope-cli run model.sample --study S --in model=toy --set prompt='The mixture of '"};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(config, readModelConfig(inputs.at("model").path));
  const ModelSize size = sizeOf(config);
  const double tokens = double(set.integer("tokens")), context = double(set.text("prompt").size()) + tokens / 2;
  Cost cost;
  cost.bytes = std::uint64_t(64 * (context + tokens));
  cost.memory = std::uint64_t(4.0 * double(size.parameters)) + (250ull << 20);
  cost.seconds = 2.0 * double(size.active) * (tokens + 1) * context / measuredRate() / 0.3;
  return cost;
}

Expected<std::vector<std::int32_t>> idsFrom(const std::string& prompt, std::int64_t vocabulary) {
  std::vector<std::int32_t> ids;
  std::istringstream words(prompt);
  for (std::string word; words >> word;) {
    std::size_t read = 0;
    long long id = -1;
    try {
      id = std::stoll(word, &read);
    } catch (const std::exception&) {
    }
    if (read != word.size() || id < 0 || id >= vocabulary)
      return usageError(fmt::format("This model has no tokenizer, so its prompt is ids from 0 to {}; \"{}\" is none.",
                                    vocabulary - 1, word));
    ids.push_back(std::int32_t(id));
  }
  return ids;
}

TokenText tokenTextOf(const Generated& text, const Tokenizer* tokenizer) {
  TokenText tokens{.layers = text.layers,
                   .k = text.k,
                   .id = text.id,
                   .expert = text.expert,
                   .weight = text.weight,
                   .loss = text.loss};
  for (std::size_t i = 0; i < text.id.size(); ++i) {
    tokens.text.push_back(tokenizer ? tokenizer->bytes(text.id[i]) : fmt::format("[{}] ", text.id[i]));
    tokens.position.push_back(std::int32_t(i));
  }
  return tokens;
}

// Joined first, so that characters of several tokens are whole.
std::string passage(const TokenText& tokens, std::size_t first, std::size_t last) {
  std::string bytes;
  for (std::size_t i = first; i < last; ++i) bytes += tokens.text[i];
  return validUtf8(bytes);
}

// Every token passes all layers, so all weights must stay in memory, in fp32.
Expected<void> checkRoom(const std::filesystem::path& folder, std::uint64_t budget) {
  TRY(config, readModelConfig(folder));
  const double needed = 4.0 * double(sizeOf(config).parameters),
               given = budget > 0 ? double(budget) : availableMemory();
  if (needed <= given) return {};
  return environmentError(
      fmt::format("{} needs {:.3g} GB of memory to sample text, and {:.3g} GB may be used; capture.routing and "
                  "evaluate.loss read such a model layer by layer.",
                  folder.string(), needed / 1e9, given / 1e9),
      folder.string());
}

Expected<Outputs> sampleText(const Inputs& inputs, const Parameters& set, Job& job) {
  useThreads(job.resources().threads);
  TRY(device, pickDevice(job.resources().device));
  const std::filesystem::path& folder = inputs.at("model").path;
  TRY_DO(checkRoom(folder, job.resources().memory));
  TRY(model, loadModel(folder, device));
  std::unique_ptr<Tokenizer> tokenizer;
  if (std::filesystem::exists(folder / "tokenizer.json")) TRY_ASSIGN(tokenizer, loadTokenizer(folder));
  std::vector<std::int32_t> prompt;
  if (tokenizer)
    TRY_ASSIGN(prompt, tokenizer->encode(set.text("prompt"), false));
  else
    TRY_ASSIGN(prompt, idsFrom(set.text("prompt"), model.config().vocabulary));
  const Sampling sampling{set.integer("tokens"), set.real("temperature"), set.real("top"),
                          std::uint64_t(set.integer("seed"))};
  TRY(text, generate(model, prompt, sampling, [&] { return job.cancelled(); }));

  const TokenText tokens = tokenTextOf(text, tokenizer.get());
  const std::string given = passage(tokens, 0, text.prompt), added = passage(tokens, text.prompt, text.id.size());
  std::vector<std::string> labels;
  for (std::int64_t block : model.sparseBlocks()) labels.push_back(fmt::format("{} (block {})", labels.size(), block));
  Result result{.axes = {{"layer", labels}}};
  result.add("tokens", tokens);
  result.add("passages", Table{{{"part", "", std::vector<std::string>{"prompt", "continuation"}},
                                {"text", "", std::vector<std::string>{given, added}}}});
  result.facts = {{"tokens", text.id.size()}, {"prompt_tokens", text.prompt}, {"text", given + added}};
  return one("result", std::move(result), {{"tokens", text.id.size()}, {"text", added}});
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  return guarded([&] { return sampleText(inputs, set, job); });
}

}  // namespace

const Operation modelSample{describe, estimate, run};

}  // namespace moescope
