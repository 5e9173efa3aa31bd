// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/snapshot.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/model/folder.h"
#include "core/training/settings.h"

namespace moescope {
namespace {

// Length of the UTF-8 character at `at`, 0 where there is none (RFC 3629, without its finer points: overlong forms are
// let through).
std::size_t characterAt(std::string_view bytes, std::size_t at) {
  const auto lead = static_cast<unsigned char>(bytes[at]);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || at + length > bytes.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(bytes[at + i]) & 0xc0) != 0x80) return 0;
  return length;
}

}  // namespace

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

std::string printableText(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = characterAt(bytes, at);
    if (length > 0)
      text.append(bytes, at, length);
    else
      text += fmt::format("<{:02X}>", static_cast<unsigned char>(bytes[at]));
    at += std::max<std::size_t>(1, length);
  }
  return text;
}

std::string printable(std::int32_t id, const Tokenizer* tokenizer) {
  return tokenizer ? printableText(tokenizer->bytes(id)) : fmt::format("[{}]", id);
}

Json sampleEvent(std::int64_t step, const Generated& text, const Tokenizer* tokenizer) {
  Json words = Json::array(), experts = Json::array();
  for (std::int32_t id : text.id) words.push_back(printable(id, tokenizer));
  for (std::int64_t layer = 0; layer < text.layers; ++layer) {
    Json first = Json::array();
    for (std::size_t t = 0; t < text.id.size(); ++t)
      first.push_back(text.expert[(t * std::size_t(text.layers) + std::size_t(layer)) * std::size_t(text.k)]);
    experts.push_back(std::move(first));
  }
  return {{"step", step}, {"prompt", text.prompt}, {"text", std::move(words)}, {"expert", std::move(experts)}};
}

}  // namespace moescope
