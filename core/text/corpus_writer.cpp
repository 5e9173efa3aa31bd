// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/text/corpus.h"

namespace moescope {

namespace {
struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// The largest document: positions are 32 bits wide in traces (contract section 4).
constexpr std::uint64_t largestDocument = UINT32_MAX;
}  // namespace

struct CorpusWriter::State {
  std::filesystem::path folder, path;
  std::unique_ptr<std::FILE, CloseFile> file;
  bool text = true;
  std::vector<std::string> domains;
  std::unordered_map<std::string, std::uint16_t> domainNumbers;
  std::vector<Document> documents;
  std::unordered_set<std::string> names;
  std::uint64_t written = 0;  // bytes or ids
  std::int32_t largest = -1;
  Digest digest;

  void dropEmpty() {
    if (documents.empty() || documents.back().size != 0) return;
    names.erase(documents.back().name);
    documents.pop_back();
  }

  Expected<void> begin(std::string name, std::uint16_t domain) {
    dropEmpty();
    if (documents.size() == UINT32_MAX) return inputError("a corpus holds at most 4,294,967,295 documents");
    std::string unique = name;
    for (int number = 2; !names.insert(unique).second; ++number) unique = name + "~" + std::to_string(number);
    documents.push_back({.name = std::move(unique), .domain = domain, .offset = written});
    return {};
  }

  Expected<void> append(std::span<const std::byte> bytes, std::uint64_t units) {
    Document& document = documents.back();
    if (units > largestDocument - document.size)
      return inputError("document " + document.name + " is larger than 4 GiB: split it into several files");
    if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size())
      return environmentError(systemError("write", path.string(), errno).message, path.string());
    digest.update(bytes);
    document.size += units;
    written += units;
    return {};
  }

  void chooseValidation(double share, std::uint64_t seed);
};

CorpusWriter::CorpusWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
CorpusWriter::CorpusWriter(CorpusWriter&&) noexcept = default;
CorpusWriter& CorpusWriter::operator=(CorpusWriter&&) noexcept = default;
CorpusWriter::~CorpusWriter() = default;

Expected<CorpusWriter> CorpusWriter::create(const std::filesystem::path& folder, std::vector<std::string> domains,
                                            bool text) {
  TRY_DO(makeFolders(folder));
  auto state = std::make_unique<State>();
  state->folder = folder;
  state->path = folder / (text ? "text.bin" : "ids.bin");
  state->text = text;
  state->file.reset(std::fopen(state->path.c_str(), "wbe"));
  if (!state->file)
    return environmentError(systemError("create", state->path.string(), errno).message, state->path.string());
  CorpusWriter writer(std::move(state));
  for (const std::string& name : domains) TRY_DO(writer.domain(name));
  return writer;
}

Expected<std::uint16_t> CorpusWriter::domain(const std::string& name) {
  const auto found = state_->domainNumbers.find(name);
  if (found != state_->domainNumbers.end()) return found->second;
  if (state_->domains.size() == UINT16_MAX) return inputError("a corpus has at most 65,535 domains");
  const auto number = static_cast<std::uint16_t>(state_->domains.size());
  state_->domains.push_back(name);
  state_->domainNumbers.emplace(name, number);
  return number;
}

Expected<void> CorpusWriter::begin(std::string name, std::uint16_t domain) {
  return state_->begin(std::move(name), domain);
}
Expected<void> CorpusWriter::append(std::string_view text) {
  return state_->append(std::as_bytes(std::span(text)), text.size());
}
std::uint64_t CorpusWriter::size() const {
  return state_->documents.empty() ? 0 : state_->documents.back().size;
}

Expected<void> CorpusWriter::add(std::string name, std::uint16_t domain, std::string_view text) {
  TRY_DO(begin(std::move(name), domain));
  return append(text);
}

Expected<void> CorpusWriter::add(std::string name, std::uint16_t domain, std::span<const std::int32_t> ids) {
  TRY_DO(begin(std::move(name), domain));
  for (const std::int32_t id : ids) {
    if (id < 0)
      return inputError("document " + state_->documents.back().name + " holds the negative id " + std::to_string(id));
    state_->largest = std::max(state_->largest, id);
  }
  return state_->append(std::as_bytes(ids), ids.size());
}

// Which documents are validation depends on their names and the seed alone, not on their order: those with the smallest
// digests. A domain of two or more documents keeps at least one on either side (unless all or none are asked for).
void CorpusWriter::State::chooseValidation(double share, std::uint64_t seed) {
  if (share <= 0) return;
  std::vector<std::vector<std::pair<std::string, std::size_t>>> byDomain(domains.size());
  for (std::size_t at = 0; at < documents.size(); ++at)
    byDomain[documents[at].domain].emplace_back(sha256(std::to_string(seed) + "\n" + documents[at].name), at);
  for (auto& ranked : byDomain) {
    std::sort(ranked.begin(), ranked.end());
    auto count = static_cast<std::size_t>(std::llround(share * static_cast<double>(ranked.size())));
    if (share < 1 && !ranked.empty())
      count = std::clamp(count, std::min<std::size_t>(1, ranked.size() - 1), ranked.size() - 1);
    for (std::size_t at = 0; at < count; ++at) documents[ranked[at].second].split = Split::validation;
  }
}

Expected<void> CorpusWriter::finish(double validation, std::uint64_t seed, const Json& facts) {
  State& state = *state_;
  state.dropEmpty();
  if (std::FILE* file = state.file.release(); std::fclose(file) != 0)
    return environmentError(systemError("write", state.path.string(), errno).message, state.path.string());
  TRY_DO(syncFile(state.path));
  state.chooseValidation(validation, seed);
  Json documents = Json::array();
  for (const Document& document : state.documents)
    documents.push_back({{"name", document.name},
                         {"domain", document.domain},
                         {"split", document.split == Split::train ? "train" : "validation"},
                         {"offset", document.offset},
                         {"size", document.size}});
  const Json json{{"moescope_corpus", 1},
                  {"content", state.text ? "text" : "ids"},
                  {"vocabulary", state.text ? 0 : std::int64_t{state.largest} + 1},
                  {"sha256", state.digest.hex()},
                  {"domains", state.domains},
                  {"documents", std::move(documents)},
                  {"facts", facts}};
  return writeFileSafely(state.folder / "corpus.json", canonical(json) + "\n");
}

}  // namespace moescope
