// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/corpus.h"

#include <bit>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "core/base/checked.h"
#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/base/json_reading.h"

namespace moescope {

static_assert(std::endian::native == std::endian::little, "ids.bin is little endian and read as it lies");

std::optional<Split> splitFromName(std::string_view name) {
  if (name == "all") return Split::all;
  if (name == "train") return Split::train;
  if (name == "validation") return Split::validation;
  return std::nullopt;
}

struct Corpus::State {
  std::vector<std::string> domains;
  std::vector<Document> documents;
  bool text = true;
  std::int64_t vocabulary = 0;
  Json facts;
  std::string digest;
  InputFile content;
};

Corpus::Corpus(std::unique_ptr<State> state) : state_(std::move(state)) {}
Corpus::Corpus(Corpus&&) noexcept = default;
Corpus& Corpus::operator=(Corpus&&) noexcept = default;
Corpus::~Corpus() = default;

const std::vector<std::string>& Corpus::domains() const {
  return state_->domains;
}
const std::vector<Document>& Corpus::documents() const {
  return state_->documents;
}
bool Corpus::hasText() const {
  return state_->text;
}
std::int64_t Corpus::vocabularySize() const {
  return state_->vocabulary;
}
const Json& Corpus::facts() const {
  return state_->facts;
}
const std::string& Corpus::digest() const {
  return state_->digest;
}

namespace {

Error damaged(const std::string& file, const std::string& what) {
  return inputError(file + ": " + what + "; the corpus is damaged: import it again", file);
}

Expected<std::uint64_t> unsignedField(const Json& object, const char* key, const std::string& file) {
  const auto field = object.find(key);
  if (field == object.end() || !field->is_number_unsigned())
    return damaged(file, std::string("a document has no whole number \"") + key + "\"");
  return field->get<std::uint64_t>();
}

// One entry of "documents": in a domain that is there, within the content, on whole ids.
Expected<Document> readDocument(const Json& json, std::size_t domains, std::uint64_t units, const std::string& file) {
  if (!json.is_object() || !json.contains("name") || !json["name"].is_string())
    return damaged(file, "a document has no name");
  Document document{.name = json["name"].get<std::string>()};
  TRY(domain, unsignedField(json, "domain", file));
  TRY_ASSIGN(document.offset, unsignedField(json, "offset", file));
  TRY_ASSIGN(document.size, unsignedField(json, "size", file));
  const std::string split = json.value("split", Json()).is_string() ? json["split"].get<std::string>() : "";
  if (split != "train" && split != "validation")
    return damaged(file, "document \"" + document.name + "\" is in the split \"" + split +
                             "\", which is neither train nor validation");
  document.split = *splitFromName(split);
  const auto end = checkedAdd(document.offset, document.size);
  if (domain >= domains || !end || *end > units)
    return damaged(file, "document \"" + document.name + "\" lies outside the domains or the content");
  document.domain = static_cast<std::uint16_t>(domain);
  return document;
}

}  // namespace

Expected<Corpus> Corpus::open(const std::filesystem::path& folder) {
  const std::filesystem::path index = folder / "corpus.json";
  const std::string file = index.string();
  TRY(bytes, readFile(index, std::uint64_t{1} << 32));
  TRY(json, parseJson(bytes, file));
  if (!json.is_object() || json.value("moescope_corpus", Json()) != 1)
    return inputError(file + " is not a corpus of version 1: import the text with this version of Moescope", file);
  const Json content = json.value("content", Json());
  if (content != "text" && content != "ids") return damaged(file, "\"content\" is neither \"text\" nor \"ids\"");
  const bool text = content == "text";
  TRY(input, InputFile::open(folder / (text ? "text.bin" : "ids.bin")));
  auto state = std::make_unique<State>(State{.text = text, .digest = sha256(bytes), .content = std::move(input)});
  const std::uint64_t unit = text ? 1 : sizeof(std::int32_t);
  const Json& domains = json["domains"];
  const Json& documents = json["documents"];
  if (!domains.is_array() || !documents.is_array() || domains.size() > UINT16_MAX || documents.size() > UINT32_MAX)
    return damaged(file, "\"domains\" or \"documents\" is not a list of a possible length");
  for (const Json& domain : domains) {
    if (!domain.is_string()) return damaged(file, "a domain's name is not a string");
    state->domains.push_back(domain.get<std::string>());
  }
  std::unordered_set<std::string_view> names;
  state->documents.reserve(documents.size());
  for (const Json& each : documents) {
    TRY(document, readDocument(each, state->domains.size(), state->content.size() / unit, file));
    state->documents.push_back(std::move(document));
    if (!names.insert(state->documents.back().name).second)
      return damaged(file, "two documents have the name \"" + state->documents.back().name + "\"");
  }
  const Json vocabulary = json.value("vocabulary", Json());
  if (!text && (!vocabulary.is_number_unsigned() || vocabulary.get<std::uint64_t>() > std::uint64_t{1} << 31))
    return damaged(file, "\"vocabulary\" is no possible size");
  state->vocabulary = text ? 0 : vocabulary.get<std::int64_t>();
  state->facts = json.value("facts", Json::object());
  return Corpus(std::move(state));
}

Expected<std::string> Corpus::text(std::size_t document) const {
  if (!state_->text) return usageError("this corpus holds ids, not text");
  const Document& which = state_->documents.at(document);
  std::string bytes(which.size, '\0');
  TRY_DO(state_->content.read(which.offset, std::as_writable_bytes(std::span(bytes))));
  return bytes;
}

Expected<std::vector<std::int32_t>> Corpus::ids(std::size_t document) const {
  return ids(document, 0, state_->documents.at(document).size);
}

Expected<std::vector<std::int32_t>> Corpus::ids(std::size_t document, std::uint64_t first, std::uint64_t count) const {
  if (state_->text) return usageError("this corpus holds text, not ids: it is read through a tokenizer");
  const Document& which = state_->documents.at(document);
  if (first > which.size || count > which.size - first) return bugError("ids beyond the end of document " + which.name);
  std::vector<std::int32_t> ids(count);
  TRY_DO(state_->content.read((which.offset + first) * sizeof(std::int32_t), std::as_writable_bytes(std::span(ids))));
  for (const std::int32_t id : ids)
    if (id < 0 || id >= state_->vocabulary)
      return damaged(state_->content.path().string(), "document \"" + which.name + "\" holds the id " +
                                                          std::to_string(id) + ", outside the vocabulary of " +
                                                          std::to_string(state_->vocabulary));
  return ids;
}

}  // namespace moescope
