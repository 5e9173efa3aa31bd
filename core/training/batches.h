// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <vector>

#include "core/text/windows.h"

namespace moescope {

// Windows side by side: one row is one window of one document, padded on the right. All columns are [row, position].
struct Batch {
  std::int64_t rows = 0, length = 0;
  std::vector<std::int64_t> id;       // 0 where padded
  std::vector<std::int64_t> next;     // the token to predict; -1 at a document's end and where padded
  std::vector<std::uint8_t> real;     // 1 token, 0 padding
  std::vector<Window> windows;        // [row]
  std::vector<std::uint16_t> domain;  // [row]
  std::int64_t tokens() const;        // real ones
  std::int64_t targets() const;       // positions that have a next token
};

// The given windows as one batch; `length` is at least the longest of them.
Expected<Batch> gather(const Corpus& corpus, const TokenisedCorpus& ids, std::span<const Window> windows,
                       std::int64_t length);

struct BatchChoice {
  Split split = Split::train;
  std::uint64_t seed = 0;
  std::int64_t rows = 1;    // sequences a batch
  std::int64_t length = 1;  // tokens a sequence
  double domainTemperature =
      1;  // domains are drawn with probability ~ tokens^(1 / temperature): 1 as they are, large = evenly
};

// Which windows make a step: a pure function of (seed, step), so a resumed run sees the same batches. A domain is
// drawn, a document of the split in proportion to its tokens, then a start, uniform over all that leave a full window;
// documents that are shorter are taken whole. Windows never cross documents. Keeps references to both corpora.
class BatchSource {
 public:
  // Input error when no document of the split has two tokens.
  static Expected<BatchSource> open(const Corpus& corpus, const TokenisedCorpus& ids, const BatchChoice& choice);
  std::vector<Window> windowsAt(std::int64_t step) const;
  Expected<Batch> at(std::int64_t step) const;
  // So many windows, one domain after the other: what is measured again and again on the same tokens.
  std::vector<Window> evenly(std::size_t count) const;

 private:
  struct Domain {
    std::vector<std::uint32_t> documents;
    std::vector<std::uint64_t> until;  // running sum of their tokens
  };
  BatchSource(const Corpus& corpus, const TokenisedCorpus& ids, const BatchChoice& choice)
      : corpus_(&corpus), ids_(&ids), choice_(choice) {}
  Window draw(const Domain& domain, std::uint64_t step, std::uint64_t row) const;

  const Corpus* corpus_;
  const TokenisedCorpus* ids_;
  BatchChoice choice_;
  std::vector<Domain> domains_;  // those with something to learn from
  std::vector<double> until_;    // running probability of the domains
};

}  // namespace moescope
