// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/windows.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "core/base/checked.h"
#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/base/words.h"

namespace moescope {

namespace fs = std::filesystem;

// Ids of a text lie in one file: magic, number of documents, their offsets (documents + 1), ids. Without a cache
// folder, in memory.
struct TokenisedCorpus::State {
  const Corpus* given = nullptr;  // a corpus with ids of its own is read in place
  std::int64_t vocabulary = 0;
  std::vector<std::uint64_t> offsets{0};
  std::vector<Split> splits;
  std::vector<std::int32_t> ids;
  std::optional<InputFile> file;
};

TokenisedCorpus::TokenisedCorpus(std::unique_ptr<State> state) : state_(std::move(state)) {}
TokenisedCorpus::TokenisedCorpus(TokenisedCorpus&&) noexcept = default;
TokenisedCorpus& TokenisedCorpus::operator=(TokenisedCorpus&&) noexcept = default;
TokenisedCorpus::~TokenisedCorpus() = default;

namespace {

constexpr std::string_view magic = "MOESTOK1";

std::uint64_t headerBytes(std::uint64_t documents) {
  return magic.size() + sizeof(std::uint64_t) * (documents + 2);
}

std::span<std::byte> bytesOf(auto& values) {
  return std::as_writable_bytes(std::span(values));
}

// The offsets of a cache file, if it is whole and of these documents; anything else is made again.
std::optional<std::vector<std::uint64_t>> readOffsets(const InputFile& file, std::uint64_t documents) {
  if (file.size() < headerBytes(documents)) return std::nullopt;
  std::string start(magic.size(), '\0');
  std::vector<std::uint64_t> numbers(documents + 2);
  if (!file.read(0, bytesOf(start)) || start != magic || !file.read(magic.size(), bytesOf(numbers)))
    return std::nullopt;
  if (numbers.front() != documents) return std::nullopt;
  numbers.erase(numbers.begin());
  const auto idBytes = checkedMultiply<std::uint64_t>(numbers.back(), sizeof(std::int32_t));
  if (numbers.front() != 0 || !std::is_sorted(numbers.begin(), numbers.end()) || !idBytes ||
      file.size() - headerBytes(documents) != *idBytes)
    return std::nullopt;
  return numbers;
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Error writeError(const fs::path& path) {
  return environmentError(systemError("write", path.string(), errno).message, path.string());
}

// Tokenises document by document into a temporary file that is renamed when whole, so readers never see a part.
Expected<void> writeTokens(const Corpus& corpus, const Tokenizer& tokenizer, const fs::path& path) {
  TRY_DO(makeFolders(path.parent_path()));
  const fs::path temporary = path.string() + ".part" + std::to_string(::getpid());
  std::unique_ptr<std::FILE, CloseFile> file(std::fopen(temporary.c_str(), "wbe"));
  if (!file) return writeError(temporary);
  const std::uint64_t documents = corpus.documents().size();
  std::vector<std::uint64_t> numbers{documents, 0};
  const std::vector<std::byte> placeholder(headerBytes(documents));
  bool good = std::fwrite(placeholder.data(), 1, placeholder.size(), file.get()) == placeholder.size();
  for (std::size_t document = 0; good && document < documents; ++document) {
    TRY(text, corpus.text(document));
    TRY(ids, tokenizer.encode(text, true));
    good = std::fwrite(ids.data(), sizeof(std::int32_t), ids.size(), file.get()) == ids.size();
    numbers.push_back(numbers.back() + ids.size());
  }
  good = good && std::fseek(file.get(), 0, SEEK_SET) == 0 &&
         std::fwrite(magic.data(), 1, magic.size(), file.get()) == magic.size() &&
         std::fwrite(numbers.data(), sizeof(std::uint64_t), numbers.size(), file.get()) == numbers.size();
  good = (std::fclose(file.release()) == 0) && good;
  if (good && std::rename(temporary.c_str(), path.c_str()) == 0) return {};
  const Error error = writeError(temporary);
  std::error_code ignored;
  fs::remove(temporary, ignored);
  return error;
}

}  // namespace

Expected<TokenisedCorpus> TokenisedCorpus::open(const Corpus& corpus, const Tokenizer* tokenizer,
                                                const fs::path& cacheFolder) {
  auto state = std::make_unique<State>();
  for (const Document& document : corpus.documents()) state->splits.push_back(document.split);
  if (!corpus.hasText()) {
    if (tokenizer && corpus.vocabularySize() > tokenizer->vocabularySize())
      return usageError("the corpus holds ids up to " + std::to_string(corpus.vocabularySize() - 1) +
                        ", and the tokenizer has only " + std::to_string(tokenizer->vocabularySize()) +
                        ": take the corpus that belongs to this model");
    state->given = &corpus;
    state->vocabulary = tokenizer ? tokenizer->vocabularySize() : corpus.vocabularySize();
    for (const Document& document : corpus.documents()) state->offsets.push_back(state->offsets.back() + document.size);
    return TokenisedCorpus(std::move(state));
  }
  if (!tokenizer) return usageError("the corpus holds text, and the model has no tokenizer: import the corpus as ids");
  state->vocabulary = tokenizer->vocabularySize();
  if (cacheFolder.empty()) {
    for (std::size_t document = 0; document < corpus.documents().size(); ++document) {
      TRY(text, corpus.text(document));
      TRY(ids, tokenizer->encode(text, true));
      state->ids.insert(state->ids.end(), ids.begin(), ids.end());
      state->offsets.push_back(state->ids.size());
    }
    return TokenisedCorpus(std::move(state));
  }
  const fs::path path =
      cacheFolder / ("tokens-" + sha256(corpus.digest() + tokenizer->digest()).substr(0, 32) + ".bin");
  for (const bool made : {false, true}) {
    if (made) TRY_DO(writeTokens(corpus, *tokenizer, path));
    auto file = InputFile::open(path);
    if (!file) {
      if (made) return file.error();
      continue;
    }
    auto offsets = readOffsets(*file, corpus.documents().size());
    if (!offsets) continue;
    state->offsets = *std::move(offsets);
    state->file = *std::move(file);
    return TokenisedCorpus(std::move(state));
  }
  return environmentError("the token cache " + path.string() + " was damaged while it was being read: run this again",
                          path.string());
}

fs::path tokenCacheFor(const fs::path& corpusFolder) {
  const fs::path corpora = corpusFolder.parent_path();
  return corpora.filename() == "corpora" ? corpora.parent_path() / "cache" : fs::path();
}

std::int64_t TokenisedCorpus::vocabularySize() const {
  return state_->vocabulary;
}

std::uint64_t TokenisedCorpus::tokens(std::size_t document) const {
  return state_->offsets.at(document + 1) - state_->offsets.at(document);
}

std::uint64_t TokenisedCorpus::tokens(Split split) const {
  std::uint64_t sum = 0;
  for (std::size_t document = 0; document < state_->splits.size(); ++document)
    if (split == Split::all || split == state_->splits[document]) sum += tokens(document);
  return sum;
}

Expected<std::vector<std::int32_t>> TokenisedCorpus::read(std::size_t document, std::uint64_t first,
                                                          std::uint64_t count) const {
  if (document >= state_->splits.size() || first > tokens(document) || count > tokens(document) - first)
    return bugError("tokens beyond the end of document " + std::to_string(document));
  if (state_->given) return state_->given->ids(document, first, count);
  const std::uint64_t start = state_->offsets[document] + first;
  if (!state_->file)
    return std::vector<std::int32_t>(state_->ids.begin() + static_cast<std::ptrdiff_t>(start),
                                     state_->ids.begin() + static_cast<std::ptrdiff_t>(start + count));
  std::vector<std::int32_t> ids(count);
  TRY_DO(state_->file->read(headerBytes(state_->splits.size()) + start * sizeof(std::int32_t), bytesOf(ids)));
  for (const std::int32_t id : ids)
    if (id < 0 || id >= state_->vocabulary)
      return inputError("the token cache " + state_->file->path().string() + " is damaged: delete it, it is made again",
                        state_->file->path().string());
  return ids;
}

Expected<std::vector<Window>> chooseWindows(const Corpus& corpus, const TokenisedCorpus& ids,
                                            const WindowChoice& choice) {
  if (choice.length == 0) return usageError("the length of windows must be at least 1");
  const std::vector<std::string>& domains = corpus.domains();
  std::vector<bool> wanted(domains.size(), choice.domains.empty());
  for (const std::string& name : choice.domains) {
    const auto found = std::find(domains.begin(), domains.end(), name);
    if (found == domains.end()) {
      const std::vector<std::string> near = nearestWords(name, domains, 1);
      return usageError("the corpus has no domain \"" + name + "\"" +
                        (near.empty() ? "" : ": did you mean \"" + near[0] + "\"?"));
    }
    wanted[static_cast<std::size_t>(found - domains.begin())] = true;
  }
  std::vector<std::vector<std::uint32_t>> queues(domains.size());
  for (std::uint32_t document = 0; document < corpus.documents().size(); ++document) {
    const Document& which = corpus.documents()[document];
    if (wanted[which.domain] && (choice.split == Split::all || choice.split == which.split))
      queues[which.domain].push_back(document);
  }
  std::vector<Window> windows;
  std::uint64_t left = choice.tokens == 0 ? UINT64_MAX : choice.tokens;
  bool more = true;
  for (std::size_t round = 0; more && left > 0; ++round) {
    more = false;
    for (const std::vector<std::uint32_t>& queue : queues) {
      if (round >= queue.size() || left == 0) continue;
      more = true;
      const std::uint64_t size = std::min(ids.tokens(std::size_t{queue[round]}), left);
      if (size > UINT32_MAX)
        return inputError("document " + corpus.documents()[queue[round]].name + " has more than 4,294,967,295 tokens");
      left -= size;
      for (std::uint64_t position = 0; position < size; position += choice.length)
        windows.push_back({queue[round], static_cast<std::uint32_t>(position),
                           static_cast<std::uint32_t>(std::min<std::uint64_t>(choice.length, size - position))});
    }
  }
  return windows;
}

}  // namespace moescope
