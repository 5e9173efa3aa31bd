// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/text_search.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/trace/chunk.h"

namespace moescope {

namespace {

constexpr std::uint64_t tokensPerRead = 1 << 15;

std::string folded(std::string text, bool exactCase) {
  if (!exactCase)
    for (char& byte : text)
      if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
  return text;
}

// Tokens of one document that stand next to each other in a chunk, as one text.
struct Run {
  std::string text;
  std::vector<std::size_t> start;  // of each token, and the end
  std::size_t first = 0;           // token of the chunk
};

std::vector<Run> runsOf(const TraceChunk& chunk, const Vocabulary& vocabulary, bool exactCase) {
  std::vector<Run> runs;
  for (std::size_t token = 0; token < chunk.tokens(); ++token) {
    if (token == 0 || chunk.document[token] != chunk.document[token - 1]) {
      if (!runs.empty()) runs.back().start.push_back(runs.back().text.size());
      runs.push_back({.text = {}, .start = {}, .first = token});
    }
    runs.back().start.push_back(runs.back().text.size());
    runs.back().text += folded(tokenBytes(vocabulary, chunk.id[token]), exactCase);
  }
  if (!runs.empty()) runs.back().start.push_back(runs.back().text.size());
  return runs;
}

bool routed(const TraceChunk& chunk, std::size_t columns, std::size_t expert, std::size_t first, std::size_t count) {
  const std::span<const std::uint16_t> chosen =
      std::span(chunk.layers[0].expert).subspan(first * columns, count * columns);
  return std::ranges::find(chosen, expert) != chosen.end();
}

struct Hit {
  std::size_t first, count;  // tokens of the chunk
};

// Where the query begins within the chunk, in order; every token at most once.
std::vector<Hit> hitsOf(const TraceChunk& chunk, const Vocabulary& vocabulary, const TextQuery& query,
                        std::size_t columns) {
  std::vector<Hit> hits;
  if (query.text.empty()) {
    for (std::size_t token = 0; token < chunk.tokens(); ++token)
      if (routed(chunk, columns, query.expert->expert, token, 1)) hits.push_back({token, 1});
    return hits;
  }
  const std::string wanted = folded(query.text, query.exactCase);
  for (const Run& run : runsOf(chunk, vocabulary, query.exactCase)) {
    const auto tokenAt = [&](std::size_t byte) {
      return static_cast<std::size_t>(std::ranges::upper_bound(run.start, byte) - run.start.begin()) - 1;
    };
    for (std::size_t at = run.text.find(wanted); at != std::string::npos; at = run.text.find(wanted, at + 1)) {
      const std::size_t first = tokenAt(at), last = tokenAt(at + wanted.size() - 1);
      const Hit hit{run.first + first, last - first + 1};
      if (query.expert && !routed(chunk, columns, query.expert->expert, hit.first, hit.count)) continue;
      if (hits.empty() || hits.back().first != hit.first) hits.push_back(hit);
    }
  }
  return hits;
}

}  // namespace

std::string tokenBytes(const Vocabulary& vocabulary, std::int32_t id) {
  const std::string* bytes = vocabulary.find(id);
  return bytes == nullptr ? fmt::format("[{}]", id) : *bytes;
}

TextPlace placeOf(const TraceChunk& chunk, const Vocabulary& vocabulary, std::size_t first, std::size_t count) {
  TextPlace place{.document = chunk.document[first],
                  .position = chunk.position[first],
                  .domain = chunk.domain[first],
                  .before = {},
                  .found = {},
                  .after = {}};
  const std::size_t start = first - std::min(first, contextTokens),
                    end = std::min(chunk.tokens(), first + count + contextTokens);
  for (std::size_t token = start; token < end; ++token) {
    if (chunk.document[token] != place.document) continue;
    std::string& into = token < first ? place.before : token < first + count ? place.found : place.after;
    into += tokenBytes(vocabulary, chunk.id[token]);
  }
  return place;
}

Expected<TextPlaces> searchText(const Trace& trace, const TraceFilter& filter, const Vocabulary& vocabulary,
                                const TextQuery& query, std::uint64_t from, const Poll& poll) {
  TextPlaces found;
  const int layer = query.expert ? static_cast<int>(query.expert->layer) : 0;
  const auto columns = static_cast<std::size_t>(trace.info().layers[static_cast<std::size_t>(layer)].columns());
  const std::uint64_t all = trace.tokens(), reach = query.text.size() + contextTokens;
  std::uint64_t looked = 0;
  for (const auto& [begin, end] : {std::pair{from, all}, {std::uint64_t{0}, from}})
    for (std::uint64_t first = begin; first < end; first += tokensPerRead) {
      if (!poll(static_cast<double>(looked) / static_cast<double>(all))) return cancelledError();
      const std::uint64_t count = std::min(tokensPerRead, end - first),
                          start = first - std::min<std::uint64_t>(first, contextTokens),
                          stop = std::min(all, first + count + reach);
      TRY(chunk, trace.read(start, stop - start, 0, {layer}));
      const std::vector<std::uint8_t> keep = keptTokens(filter, chunk);
      for (const Hit& hit : hitsOf(chunk, vocabulary, query, columns)) {
        const std::uint64_t token = start + hit.first;
        if (token < first || token >= first + count || !keep[hit.first]) continue;
        found.places.push_back(placeOf(chunk, vocabulary, hit.first, hit.count));
        found.places.back().token = token;
        if (found.places.size() == query.most) return found;
      }
      looked += count;
    }
  found.complete = true;
  return found;
}

}  // namespace moescope
