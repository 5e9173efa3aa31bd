// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/tokenizer_json.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/base/json_reading.h"
#include "core/text/added_tokens.h"
#include "core/text/bpe.h"
#include "core/text/normalizer.h"
#include "core/text/pre_tokenizer.h"
#include "core/base/utf8.h"

namespace moescope {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t longestFile = 64u << 20;  // twice the largest that is known (Gemma 3)
constexpr std::uint8_t classText = 0, classBeginning = 2, classTemplate = 3;

// What the post-processor puts around one text.
struct Surround {
  std::vector<std::int32_t> before, after;
};

struct Pipeline {
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PreTokenizer> preTokenizer;
  std::optional<Bpe> bpe;
  AddedTokens raw, normalized;  // found before and after normalising
  std::map<std::int32_t, AddedToken> added;
  Surround surround;
  std::set<std::int32_t> beginnings;  // BOS
  std::string file, settings;         // as read, to be written again
};

class TokenizerJson : public Tokenizer {
 public:
  explicit TokenizerJson(Pipeline pipeline) : pipeline_(std::move(pipeline)) {}

  std::string digest() const override { return sha256(pipeline_.file); }

  std::int64_t vocabularySize() const override {
    std::int64_t last = pipeline_.added.empty() ? 0 : pipeline_.added.rbegin()->first + 1;
    for (const auto* ids : {&pipeline_.surround.before, &pipeline_.surround.after})
      for (const std::int32_t id : *ids) last = std::max<std::int64_t>(last, id + 1);
    return std::max(pipeline_.bpe->size(), last);
  }

  Expected<std::vector<std::int32_t>> encode(std::string_view given, bool addSpecial) const override {
    const std::string text = validUtf8(given);
    std::vector<std::int32_t> ids;
    if (addSpecial) ids = pipeline_.surround.before;
    for (const Segment& segment : pipeline_.raw.split(text)) {
      if (segment.id >= 0) ids.push_back(segment.id);
      else TRY_DO(encodePiece(text.substr(segment.begin, segment.end - segment.begin), segment.begin == 0, ids));
    }
    if (addSpecial) ids.insert(ids.end(), pipeline_.surround.after.begin(), pipeline_.surround.after.end());
    return ids;
  }

  std::string bytes(std::int32_t id) const override {
    if (const auto found = pipeline_.added.find(id); found != pipeline_.added.end()) return found->second.content;
    const std::string piece = pipeline_.bpe->bytes(id);
    if (byteLevel() || pipeline_.bpe->isByteFallback(id)) return piece;
    constexpr std::string_view mark = "\xe2\x96\x81";  // Metaspace writes a space as U+2581
    std::string spaced;
    std::size_t from = 0;
    for (std::size_t at = piece.find(mark); at != std::string::npos; at = piece.find(mark, from)) {
      spaced.append(piece, from, at - from) += ' ';
      from = at + mark.size();
    }
    return spaced.append(piece, from);
  }

  std::uint8_t tokenClass(std::int32_t id) const override {
    if (pipeline_.beginnings.contains(id)) return classBeginning;
    const auto found = pipeline_.added.find(id);
    return found != pipeline_.added.end() && found->second.special ? classTemplate : classText;
  }

  Expected<void> save(const fs::path& modelFolder) const override {
    TRY_DO(writeFileSafely(modelFolder / "tokenizer.json", pipeline_.file));
    if (!pipeline_.settings.empty()) TRY_DO(writeFileSafely(modelFolder / "tokenizer_config.json", pipeline_.settings));
    return {};
  }

 private:
  bool byteLevel() const { return pipeline_.preTokenizer && pipeline_.preTokenizer->isByteLevel(); }

  Expected<void> encodePiece(std::string text, bool atStart, std::vector<std::int32_t>& ids) const {
    if (pipeline_.normalizer) TRY_DO(pipeline_.normalizer->apply(text));
    for (const Segment& segment : pipeline_.normalized.split(text)) {
      if (segment.id >= 0) {
        ids.push_back(segment.id);
        continue;
      }
      Pieces pieces;
      pieces.text.push_back(std::string_view(text).substr(segment.begin, segment.end - segment.begin));
      pieces.atStart = atStart && segment.begin == 0;
      if (pipeline_.preTokenizer) TRY_DO(pipeline_.preTokenizer->apply(pieces));
      for (std::string_view word : pieces.text) pipeline_.bpe->encode(word, ids);
    }
    return {};
  }

  Pipeline pipeline_;
};

Expected<std::int32_t> idOf(const Json& json) {
  constexpr std::int64_t largest = 1 << 24;
  if (json.is_number_integer() && json.get<std::int64_t>() >= 0 && json.get<std::int64_t>() < largest &&
      (!json.is_number_unsigned() || json.get<std::uint64_t>() < largest))
    return json.get<std::int32_t>();
  return inputError("the tokenizer has an id that is no whole number from 0 to " + std::to_string(largest - 1));
}

Expected<void> readAddedTokens(const Json& json, Pipeline& pipeline) {
  for (const Json& entry : json.value("added_tokens", Json::array())) {
    AddedToken token;
    token.content = entry.at("content").get<std::string>();
    const auto id = idOf(entry.at("id"));
    if (!id) return inputError("the added token \"" + token.content + "\": " + id.error().message);
    token.id = *id;
    token.singleWord = entry.value("single_word", false);
    token.lstrip = entry.value("lstrip", false);
    token.rstrip = entry.value("rstrip", false);
    token.special = entry.value("special", false);
    token.normalized = entry.value("normalized", !token.special);
    pipeline.added.emplace(token.id, token);
    if (!token.normalized) {
      pipeline.raw.add(token);
    } else {
      // What is looked for after normalising is itself normalised.
      if (pipeline.normalizer) TRY_DO(pipeline.normalizer->apply(token.content));
      pipeline.normalized.add(token);
    }
  }
  return {};
}

Expected<void> readTemplate(const Json& json, Surround& surround) {
  bool afterText = false;
  const Json& specials = json.value("special_tokens", Json::object());
  for (const Json& item : json.at("single")) {
    if (item.contains("Sequence")) {
      afterText = true;
      continue;
    }
    const std::string name = item.at("SpecialToken").at("id").get<std::string>();
    if (!specials.contains(name)) return inputError("the tokenizer's template names the special token \"" + name + "\" and does not give its ids");
    for (const Json& special : specials.at(name).at("ids")) {
      TRY(id, idOf(special));
      (afterText ? surround.after : surround.before).push_back(id);
    }
  }
  return {};
}

Expected<void> readPostProcessor(const Json& json, Surround& surround) {
  if (json.is_null()) return {};
  const std::string type = json.at("type").get<std::string>();
  if (type == "ByteLevel") return {};  // only moves offsets
  if (type == "TemplateProcessing") return readTemplate(json, surround);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    TRY(first, idOf(json.at("cls").at(1)));
    TRY(last, idOf(json.at("sep").at(1)));
    surround.before.push_back(first);
    surround.after.push_back(last);
    return {};
  }
  if (type == "Sequence") {
    for (const Json& part : json.at("processors")) TRY_DO(readPostProcessor(part, surround));
    return {};
  }
  return inputError("the tokenizer's post_processor \"" + type + "\" is not supported: import the corpus as ids");
}

// BOS by the name in tokenizer_config.json, else what the post-processor puts first.
void readBeginnings(const fs::path& modelFolder, Pipeline& pipeline) {
  auto text = readFile(modelFolder / "tokenizer_config.json", 16u << 20);
  if (text) {
    pipeline.settings = *text;
    const auto settings = parseJson(*text);
    if (settings && settings->is_object()) {
      const Json bos = settings->value("bos_token", Json());
      const Json content = bos.is_object() ? bos.value("content", Json()) : bos;
      if (content.is_string())
        for (const auto& [id, token] : pipeline.added)
          if (token.content == content.get_ref<const std::string&>()) pipeline.beginnings.insert(id);
    }
  }
  if (pipeline.beginnings.empty()) pipeline.beginnings.insert(pipeline.surround.before.begin(), pipeline.surround.before.end());
}

Expected<void> readPipeline(const Json& json, Pipeline& pipeline) {
  try {
    const Json& model = json.at("model");
    // Files of before 2020 do not say the type; only BPE has merges.
    const std::string type = model.value("type", model.contains("merges") ? "BPE" : "unknown");
    if (type != "BPE") return inputError("the tokenizer's model is " + type + ", and only BPE is read so far: import the corpus as ids");
    TRY_ASSIGN(pipeline.normalizer, makeNormalizer(json.value("normalizer", Json())));
    TRY_ASSIGN(pipeline.preTokenizer, makePreTokenizer(json.value("pre_tokenizer", Json())));
    TRY(bpe, Bpe::load(model, pipeline.preTokenizer && pipeline.preTokenizer->isByteLevel()));
    pipeline.bpe = std::move(bpe);
    TRY_DO(readAddedTokens(json, pipeline));
    return readPostProcessor(json.value("post_processor", Json()), pipeline.surround);
  } catch (const Json::exception& error) {
    return inputError(std::string("malformed tokenizer: ") + error.what());
  }
}

}  // namespace

Expected<std::unique_ptr<Tokenizer>> loadTokenizerJson(const fs::path& modelFolder) {
  const fs::path path = modelFolder / "tokenizer.json";
  Pipeline pipeline;
  TRY_ASSIGN(pipeline.file, readFile(path, longestFile));
  TRY(json, parseJson(pipeline.file, path.string()));
  if (!json.is_object()) return inputError(path.string() + " is not a tokenizer: its JSON is no object", path.string());
  if (auto read = readPipeline(json, pipeline); !read) {
    Error error = std::move(read).error();
    error.message = path.string() + ": " + error.message;
    error.file = path.string();
    return error;
  }
  readBeginnings(modelFolder, pipeline);
  return std::unique_ptr<Tokenizer>(std::make_unique<TokenizerJson>(std::move(pipeline)));
}

}  // namespace moescope
