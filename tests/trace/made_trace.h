// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <unistd.h>
#include <cstdint>

#include <filesystem>
#include <string>

#include "core/trace/chunk.h"
#include "core/trace/trace.h"

// Traces for tests, made by a rule that tests/reference/made_trace.py states too: splitmix64 over a counter, so that
// both sides make the same numbers. Nothing here is random.
namespace moescope::made {

// Number `index` of stream `stream` (splitmix64 of their mix).
inline std::uint64_t number(std::uint64_t stream, std::uint64_t index) {
  std::uint64_t z = (stream * 0x632be59bd9b4e019ull) ^ (index * 0x9e3779b97f4a7c15ull);
  z += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

struct Rule {
  std::int64_t layers = 2, experts = 8, topK = 2;
  std::int64_t domains = 3, documents = 12;  // document d is of domain d % domains
  std::int64_t tokensPerDocument = 50;
  // Of 256 choices this many go to the expert that the domain prefers (domain + layer modulo experts); the rest to any.
  std::uint64_t preference = 0;
  bool loss = false, logits = false, paddedEnds = false;
  std::int64_t tokens() const { return documents * tokensPerDocument; }
};

inline TraceInfo info(const Rule& rule) {
  TraceInfo info{
      .modelDigest = std::string(64, 'a'), .tokenizerDigest = std::string(64, 'b'), .corpus = "made", .family = "made"};
  info.length = 64;
  for (std::int64_t layer = 0; layer < rule.layers; ++layer)
    info.layers.push_back({.block = static_cast<int>(layer + 1), .numExperts = rule.experts, .topK = rule.topK});
  for (std::int64_t domain = 0; domain < rule.domains; ++domain)
    info.domains.push_back("domain " + std::to_string(domain));
  for (std::int64_t document = 0; document < rule.documents; ++document)
    info.documents.push_back("document " + std::to_string(document));
  info.hasLoss = rule.loss;
  info.hasLogits = rule.logits;
  return info;
}

// The experts of one token: distinct, the first one preferred by the domain as often as the rule says.
inline void choose(const Rule& rule, std::uint64_t layer, std::uint64_t token, std::int64_t domain,
                   std::uint16_t* into) {
  for (std::int64_t rank = 0; rank < rule.topK; ++rank) {
    const std::uint64_t draw = number(layer * 64 + rank, token);
    std::int64_t expert = static_cast<std::int64_t>((draw >> 32) % rule.experts);
    if (rank == 0 && draw % 256 < rule.preference) expert = (domain + static_cast<std::int64_t>(layer)) % rule.experts;
    for (std::int64_t before = 0; before < rank; ++before)  // the next free one
      if (into[before] == expert) {
        expert = (expert + 1) % rule.experts;
        before = -1;
      }
    into[rank] = static_cast<std::uint16_t>(expert);
  }
}

inline TraceChunk chunk(const Rule& rule) {
  TraceChunk all;
  all.layers.resize(rule.layers);
  for (std::int64_t token = 0; token < rule.tokens(); ++token) {
    const std::int64_t document = token / rule.tokensPerDocument, position = token % rule.tokensPerDocument;
    const bool last = position + 1 == rule.tokensPerDocument;
    all.id.push_back(static_cast<std::int32_t>(number(1000, token) % 97));
    all.next.push_back(last ? -1 : static_cast<std::int32_t>(number(1000, token + 1) % 97));
    all.domain.push_back(static_cast<std::uint16_t>(document % rule.domains));
    all.document.push_back(static_cast<std::uint32_t>(document));
    all.position.push_back(static_cast<std::uint32_t>(position));
    all.tokenClass.push_back(rule.paddedEnds && last ? padding : position == 0 ? beginning : textToken);
    if (rule.loss) all.loss.push_back(static_cast<float>(number(1001, token) % 1000) / 100);
    for (std::int64_t layer = 0; layer < rule.layers; ++layer) {
      TraceChunk::Layer& into = all.layers[layer];
      const std::size_t start = into.expert.size();
      into.expert.resize(start + rule.topK);
      choose(rule, layer, token, document % rule.domains, into.expert.data() + start);
      for (std::int64_t rank = 0; rank < rule.topK; ++rank) into.weight.push_back(1.0f / static_cast<float>(rank + 2));
      for (std::int64_t expert = 0; rule.logits && expert < rule.experts; ++expert)
        into.logit.push_back(static_cast<float>(number(2000 + layer, token * rule.experts + expert) % 4096) / 512 - 4);
    }
  }
  return all;
}

inline TraceChunk part(const TraceChunk& all, std::size_t first, std::size_t count) {
  TraceChunk some;
  appendTokens(some, all, first, count);
  return some;
}

inline std::string word(std::int32_t id) {
  return std::string("w").append(std::to_string(id)).append(" ");
}

inline Vocabulary vocabulary() {
  Vocabulary words;
  for (std::int32_t id = 0; id < 97; ++id) {
    words.id.push_back(id);
    words.bytes.push_back(word(id));
  }
  return words;
}

inline Expected<void> write(const std::filesystem::path& folder, const Rule& rule) {
  TRY(writer, TraceWriter::open(folder, info(rule)));
  TRY_DO(writer.append(chunk(rule)));
  return writer.finish(vocabulary());
}

// A folder for one test, empty at its start and removed at its end.
class Folder {
 public:
  explicit Folder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("moescope-" + name + "-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace moescope::made
