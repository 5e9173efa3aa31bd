// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include "core/text/corpus.h"

namespace moescope {

// What lists and trees say of a corpus: domains, documents, and bytes of text (or ids and vocabulary).
inline Json corpusSummary(const Corpus& corpus) {
  std::uint64_t size = 0, validation = 0;
  for (const Document& document : corpus.documents()) {
    size += document.size;
    validation += document.split == Split::validation ? 1 : 0;
  }
  Json summary{
      {"domains", corpus.domains()}, {"documents", corpus.documents().size()}, {"validation_documents", validation}};
  if (corpus.hasText())
    summary["bytes"] = size;
  else
    summary["tokens"] = size, summary["vocabulary"] = corpus.vocabularySize();
  return summary;
}

}  // namespace moescope
