// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/text/corpus.h"
#include "core/text/tokenizer.h"

namespace moescope {

// A corpus as ids under one tokenizer, cached in a file; ids are read document by document.
class TokenisedCorpus {
 public:
  // `tokenizer` null: the corpus has ids of its own. `cacheFolder` empty: no cache. Errors: usage when ids exceed
  // `vocabularySize`.
  static Expected<TokenisedCorpus> open(const Corpus& corpus, const Tokenizer* tokenizer,
                                        const std::filesystem::path& cacheFolder);
  TokenisedCorpus(TokenisedCorpus&&) noexcept;
  TokenisedCorpus& operator=(TokenisedCorpus&&) noexcept;
  ~TokenisedCorpus();
  std::int64_t vocabularySize() const;
  std::uint64_t tokens(std::size_t document) const;
  std::uint64_t tokens(Split split) const;
  Expected<std::vector<std::int32_t>> read(std::size_t document, std::uint64_t first, std::uint64_t count) const;

 private:
  struct State;
  explicit TokenisedCorpus(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Where the tokens of a study's corpus (S/corpora/<id>) are kept: S/cache. Empty for a corpus elsewhere: kept in memory.
std::filesystem::path tokenCacheFor(const std::filesystem::path& corpusFolder);

// `count` tokens of one document from `position`; windows start at multiples of the length and never cross documents.
struct Window {
  std::uint32_t document = 0;
  std::uint32_t position = 0;
  std::uint32_t count = 0;
};

struct WindowChoice {
  std::uint64_t tokens = 0;  // 0 = all; else exactly that many, the last document cut
  std::uint32_t length = 128;
  Split split = Split::all;
  std::vector<std::string> domains = {};  // empty = all
};

// Documents are taken in turn from every domain, in the corpus's order (contract section 2b). Usage error for unknown
// domains.
Expected<std::vector<Window>> chooseWindows(const Corpus& corpus, const TokenisedCorpus& ids,
                                            const WindowChoice& choice);

}  // namespace moescope
