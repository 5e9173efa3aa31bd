// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

enum class Split { all, train, validation };
std::optional<Split> splitFromName(std::string_view name);

struct Document {
  std::string name;  // unique within the corpus: "german/ls.1"
  std::uint16_t domain = 0;
  Split split = Split::train;  // train or validation
  std::uint64_t offset = 0;    // bytes into the text, or ids into the ids
  std::uint64_t size = 0;
};

// Named domains of documents: text, or ids given by the user (corpora/<id>/). Reads only what is asked. One per thread.
class Corpus {
 public:
  static Expected<Corpus> open(const std::filesystem::path& folder);
  Corpus(Corpus&&) noexcept;
  Corpus& operator=(Corpus&&) noexcept;
  ~Corpus();
  const std::vector<std::string>& domains() const;
  const std::vector<Document>& documents() const;
  bool hasText() const;                                    // else ids
  std::int64_t vocabularySize() const;                     // of given ids: largest + 1; 0 for text
  Expected<std::string> text(std::size_t document) const;  // UTF-8
  Expected<std::vector<std::int32_t>> ids(std::size_t document) const;
  Expected<std::vector<std::int32_t>> ids(std::size_t document, std::uint64_t first, std::uint64_t count) const;
  const Json& facts()
      const;  // what the import found and said: skipped files, encodings, the true entropy of a synthetic corpus
  const std::string& digest()
      const;  // of corpus.json, which holds the digest of the content: what caches are filed under

 private:
  struct State;
  explicit Corpus(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Writes a corpus folder in one pass; equal documents in equal order give equal bytes. A name that was used before gets
// "~2", "~3", ...
class CorpusWriter {
 public:
  static Expected<CorpusWriter> create(const std::filesystem::path& folder, std::vector<std::string> domains,
                                       bool text);
  CorpusWriter(CorpusWriter&&) noexcept;
  CorpusWriter& operator=(CorpusWriter&&) noexcept;
  ~CorpusWriter();
  // The number of a domain, which is added when it is new. Input error beyond 65,535 domains.
  Expected<std::uint16_t> domain(const std::string& name);
  Expected<void> add(std::string name, std::uint16_t domain, std::string_view text);
  Expected<void> add(std::string name, std::uint16_t domain, std::span<const std::int32_t> ids);
  // A text that arrives in pieces: begin, append, append, ... A document without a byte is dropped by the next call.
  Expected<void> begin(std::string name, std::uint16_t domain);
  Expected<void> append(std::string_view text);
  std::uint64_t size() const;  // of the document begun last, in bytes or ids
  // Splits by document: the given share of each domain's documents is validation, chosen by `seed` and the document's
  // name.
  Expected<void> finish(double validation, std::uint64_t seed, const Json& facts);

 private:
  struct State;
  explicit CorpusWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moescope
