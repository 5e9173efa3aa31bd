// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/tokenizer.h"

#include <nlohmann/json.hpp>

#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/base/json_reading.h"
#include "core/text/byte_level.h"
#include "core/text/tokenizer_json.h"

namespace moescope {

namespace {

// Byte-level BPE without a merge: every byte-level character is a token of its own, and its id is the byte.
Json byteTokenizerJson() {
  Json vocabulary = Json::object();
  const auto& alphabet = byteLevelAlphabet();
  for (int byte = 0; byte < 256; ++byte) vocabulary[alphabet[static_cast<std::size_t>(byte)]] = byte;
  const Json level{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", Json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", level},
          {"post_processor", nullptr},
          {"decoder", level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", std::move(vocabulary)},
            {"merges", Json::array()}}}};
}

const std::string& byteTokenizerFile() {
  static const std::string text = byteTokenizerJson().dump(1) + "\n";
  return text;
}

class ByteTokenizer : public Tokenizer {
 public:
  std::string digest() const override { return sha256(byteTokenizerFile()); }
  std::int64_t vocabularySize() const override { return 256; }
  Expected<std::vector<std::int32_t>> encode(std::string_view text, bool) const override {
    std::vector<std::int32_t> ids(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) ids[at] = static_cast<unsigned char>(text[at]);
    return ids;
  }
  std::string bytes(std::int32_t id) const override {
    return id >= 0 && id < 256 ? std::string(1, static_cast<char>(id)) : std::string();
  }
  Expected<void> save(const std::filesystem::path& modelFolder) const override {
    const Json settings{{"tokenizer_class", "PreTrainedTokenizerFast"}, {"clean_up_tokenization_spaces", false}};
    TRY_DO(writeFileSafely(modelFolder / "tokenizer.json", byteTokenizerFile()));
    return writeFileSafely(modelFolder / "tokenizer_config.json", settings.dump(1) + "\n");
  }
};

// What decides the ids; a file that other software wrote again may differ in the rest.
bool givesBytes(const Json& json) {
  static const Json own = byteTokenizerJson();
  auto isNull = [&](const char* key) { return json.value(key, Json()).is_null(); };
  auto isEmpty = [](const Json& list) { return list.is_null() || (list.is_array() && list.empty()); };
  if (!json.is_object() || !json.contains("model") || !json["model"].is_object() || !json.contains("pre_tokenizer"))
    return false;
  const Json& model = json["model"];
  const Json& level = json["pre_tokenizer"];
  return model.value("type", Json()) == "BPE" && model.value("vocab", Json()) == own["model"]["vocab"] &&
         isEmpty(model.value("merges", Json())) && level.is_object() && level.value("type", Json()) == "ByteLevel" &&
         level.value("add_prefix_space", Json(true)) == false && isNull("normalizer") && isNull("post_processor") &&
         isNull("truncation") && isNull("padding") && isEmpty(json.value("added_tokens", Json()));
}

}  // namespace

std::unique_ptr<Tokenizer> byteTokenizer() {
  return std::make_unique<ByteTokenizer>();
}

Expected<std::unique_ptr<Tokenizer>> loadTokenizer(const std::filesystem::path& modelFolder) {
  const std::filesystem::path path = modelFolder / "tokenizer.json";
  std::error_code code;
  if (!std::filesystem::exists(path, code))
    return inputError(
        "the model has no tokenizer.json in " + modelFolder.string() + ": import the corpus as ids for it",
        path.string());
  // The byte tokenizer's file is small; of larger ones no second tree is made.
  if (std::filesystem::file_size(path, code) > (1u << 20) && !code) return loadTokenizerJson(modelFolder);
  TRY(json, readJson(path, 1u << 20));
  if (!givesBytes(json)) return loadTokenizerJson(modelFolder);
  return byteTokenizer();
}

}  // namespace moescope
