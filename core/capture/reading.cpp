// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/model/device.h"
#include "core/model/threads.h"

namespace moescope {
namespace {

Expected<WindowChoice> windowChoice(const Parameters& set, std::int64_t modelLength) {
  const std::int64_t asked = set.integer("length");
  if (asked > modelLength)
    return usageError(
        fmt::format("length={} is longer than the {} tokens that the model was made for; use length={} or less.", asked,
                    modelLength, modelLength));
  WindowChoice choice{.tokens = std::uint64_t(set.integer("tokens")),
                      .length = std::uint32_t(asked > 0 ? asked : std::min<std::int64_t>(modelLength, 2048))};
  choice.split = *splitFromName(set.text("split"));
  for (const Json& name : set.value("domains"))
    choice.domains.push_back(name.is_string() ? name.get<std::string>() : name.dump());
  return choice;
}

Expected<std::unique_ptr<Tokenizer>> tokenizerOf(const Corpus& corpus, const std::filesystem::path& model) {
  if (!corpus.hasText()) return std::unique_ptr<Tokenizer>();
  return loadTokenizer(model);
}

}  // namespace

std::uint64_t Reading::tokens() const {
  return std::accumulate(windows.begin(), windows.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Window& window) { return sum + window.count; });
}

std::vector<Parameter> readingParameters() {
  return {
      integer("tokens", 0, 0, 1e15, "tokens",
              "exactly that many, documents in turn from every domain, the last one cut; 0 = all"),
      integer("length", 0, 0, 1e9, "tokens", "window; 0 = the training length, at most 2048"),
      choice("split", "all",
             {{"all", "every document"},
              {"train", "those that training used"},
              {"validation", "those kept from training"}},
             "which documents"),
      list("domains", Json::array(), "names of the domains to read; none = all"),
      integer("batch", 16, 1, 65536, "windows",
              "windows run side by side, at most 4096 tokens of them; changes speed, and values within rounding")
          .secondary(),
  };
}

Expected<Reading> openReading(const Inputs& inputs, const Parameters& set, Job& job) {
  useThreads(job.resources().threads);
  job.progress(0, "reading the model");
  TRY(device, pickDevice(job.resources().device));
  const std::filesystem::path& folder = inputs.at("model").path;
  TRY(weights, WeightStore::open(folder));
  job.progress(0, "reading the corpus");
  TRY(opened, Corpus::open(inputs.at("corpus").path));
  auto corpus = std::make_unique<Corpus>(std::move(opened));
  TRY(tokenizer, tokenizerOf(*corpus, folder));
  TRY(ids, TokenisedCorpus::open(*corpus, tokenizer.get(), tokenCacheFor(inputs.at("corpus").path)));
  if (ids.vocabularySize() > weights.config().vocabulary)
    return usageError(fmt::format(
        "The corpus has ids up to {}, and the model knows {} tokens only; take a corpus that was made for it.",
        ids.vocabularySize() - 1, weights.config().vocabulary));
  TRY(choice, windowChoice(set, weights.config().length));
  TRY(windows, chooseWindows(*corpus, ids, choice));
  if (windows.empty())
    return usageError(
        fmt::format("Nothing was chosen: no document of split={} in these domains holds a token.", set.text("split")));
  return Reading{std::move(weights), device,        std::move(tokenizer), std::move(corpus),
                 std::move(ids),     choice.length, std::move(windows)};
}

Expected<ReadingSize> readingSize(const Inputs& inputs, const Parameters& set, const ModelConfig& config) {
  TRY(choice, windowChoice(set, config.length));
  TRY(corpus, Corpus::open(inputs.at("corpus").path));
  // Bytes of text stand for tokens here: an upper bound for every tokenizer, exact for the byte tokenizer and for ids.
  ReadingSize size{.length = choice.length};
  for (const Document& document : corpus.documents())
    if (choice.split == Split::all || choice.split == document.split) size.tokens += document.size;
  if (choice.tokens > 0) size.tokens = std::min(size.tokens, choice.tokens);
  return size;
}

}  // namespace moescope
