// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/snapshot.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/base/utf8.h"
#include "core/model/folder.h"
#include "core/result/utf8.h"
#include "core/training/settings.h"

namespace moescope {

Json modelSummary(const Decoder& model) {
  const ModelConfig& config = model.config();
  const ModelSize size = sizeOf(config);
  return {{"layers", config.layers},       {"experts", config.moe.experts}, {"top_k", config.moe.topK},
          {"parameters", size.parameters}, {"active", size.active},         {"family", familyOf(config)}};
}

Expected<std::string> commitSnapshot(Decoder& model, const Tokenizer* tokenizer, std::int64_t step, Json record,
                                     Job& job) {
  const std::filesystem::path folder = job.scratch() / fmt::format("snapshot-{}", step);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);  // what a killed job left
  record["step"] = step;
  TRY_DO(saveModel(model, tokenizer, record, folder));
  Json summary = modelSummary(model);
  summary["step"] = step;
  return job.commit("model", folder, summary);
}

namespace {

// The text of each token. A character that several tokens spell stands whole at the first of them, the others are empty.
std::vector<std::string> wordsOf(const std::vector<std::int32_t>& ids, const Tokenizer* tokenizer) {
  std::vector<std::string> words(ids.size());
  std::string held;
  std::size_t first = 0;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    if (held.empty()) first = t;
    held += tokenizer ? tokenizer->bytes(ids[t]) : fmt::format("[{}]", ids[t]);
    if (openBytes(held) > 0 && t + 1 < ids.size()) continue;
    words[first] = validUtf8(held);
    held.clear();
  }
  return words;
}

}  // namespace

Json sampleEvent(std::int64_t step, const Generated& text, const Tokenizer* tokenizer) {
  Json experts = Json::array();
  for (std::int64_t layer = 0; layer < text.layers; ++layer) {
    Json first = Json::array();
    for (std::size_t t = 0; t < text.id.size(); ++t)
      first.push_back(text.expert[(t * std::size_t(text.layers) + std::size_t(layer)) * std::size_t(text.k)]);
    experts.push_back(std::move(first));
  }
  return {{"step", step}, {"prompt", text.prompt}, {"text", wordsOf(text.id, tokenizer)}, {"expert", std::move(experts)}};
}

}  // namespace moescope
