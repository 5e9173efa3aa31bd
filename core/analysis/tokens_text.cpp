// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/analysis/counted_trace.h"
#include "core/analysis/operations.h"
#include "core/trace/chunk.h"

namespace moescope {

namespace {

Description describe() {
  return {.id = "tokens.text",
          .title = "Text by expert",
          .help =
              "A stretch of one document, token by token, with the experts that each layer chose, their combine "
              "weights, and the loss of the "
              "next token where the trace holds it. Nothing is averaged: this is the trace itself, to be read.",
          .page = "Tokens",
          .in = {{"trace", Kind::trace}},
          .out = {{"result", Kind::result}},
          .parameters = withTraceFilters(
              {text("document", "", "name or number of the document; empty takes the first of the chosen domains"),
               integer("first", 0, 0, 4294967295.0, "tokens", "into the document"),
               integer("count", 512, 1, 65536, "tokens", "shown at most")}),
          .figures = {tokenText("text", "text").titled("Text by expert")},
          .interactive = true,
          .example = "moescope-cli run tokens.text --study S --in trace=t --set document=german/ls.1 --name words"};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  double bytes = 64;
  for (const TraceLayer& layer : info.layers) bytes += 8 * static_cast<double>(layer.columns());
  bytes *= static_cast<double>(set.integer("count"));
  return Cost{.bytes = static_cast<std::uint64_t>(bytes),
              .memory = static_cast<std::uint64_t>(4 * bytes) + (64u << 20),
              .seconds = 0.2};
}

// The document meant by a name or a number, or the first one with tokens of the chosen domains.
Expected<std::uint32_t> chosenDocument(const Trace& trace, const TraceFilter& filter, const std::string& wanted) {
  const std::vector<std::string>& names = trace.info().documents;
  if (wanted.empty()) {
    constexpr std::uint64_t step = 1 << 16;
    for (std::uint64_t first = 0; first < trace.tokens(); first += step) {
      TRY(chunk, trace.read(first, std::min(step, trace.tokens() - first), 0, {0}));
      const std::vector<std::uint8_t> keep = keptTokens(filter, chunk);
      if (const auto kept = std::find(keep.begin(), keep.end(), 1); kept != keep.end())
        return chunk.document[kept - keep.begin()];
    }
    return usageError("no token of the trace is left by the filters domains and classes");
  }
  if (const auto named = std::find(names.begin(), names.end(), wanted); named != names.end())
    return static_cast<std::uint32_t>(named - names.begin());
  std::uint32_t number = 0;
  const auto [end, failure] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
  if (failure == std::errc{} && end == wanted.data() + wanted.size() && number < names.size()) return number;
  const std::string nearest = nearestName(wanted, names);
  return usageError(nearest.empty() ? fmt::format("the trace has no document {}; give a name, or a number from 0 to {}",
                                                  wanted, names.size() - 1)
                                    : fmt::format("the trace has no document {}; did you mean {}?", wanted, nearest));
}

std::string wordOf(const Vocabulary& vocabulary, std::int32_t id) {
  const std::string* bytes = vocabulary.find(id);
  return bytes == nullptr ? fmt::format("[{}]", id) : *bytes;
}

TokenText textOf(const TraceInfo& info, const TraceChunk& chunk, const Vocabulary& vocabulary) {
  TokenText text{.layers = static_cast<std::int64_t>(info.layers.size())};
  for (const TraceLayer& layer : info.layers) text.k = std::max(text.k, layer.columns());
  for (std::int32_t id : chunk.id) text.text.push_back(wordOf(vocabulary, id));
  text.id = chunk.id;
  text.position.assign(chunk.position.begin(), chunk.position.end());
  text.loss = chunk.loss;
  text.expert.assign(chunk.tokens() * text.layers * text.k, -1);
  text.weight.assign(text.expert.size(), 0);
  for (std::size_t layer = 0; layer < info.layers.size(); ++layer) {
    const auto columns = static_cast<std::size_t>(info.layers[layer].columns());
    for (std::size_t at = 0; at < chunk.layers[layer].expert.size(); ++at) {
      if (chunk.layers[layer].expert[at] == noExpert) continue;
      const std::size_t cell = (at / columns * text.layers + layer) * text.k + at % columns;
      text.expert[cell] = chunk.layers[layer].expert[at];
      text.weight[cell] = chunk.layers[layer].weight[at];
    }
  }
  return text;
}

// The asked stretch of the document, without tokens that the filters leave out.
Expected<TraceChunk> stretch(const Trace& trace, const TraceFilter& filter, std::uint32_t document,
                             const Parameters& set) {
  const std::string& name = trace.info().documents[document];
  TRY(range, trace.find(document));
  if (range.count == 0) return usageError(fmt::format("the trace holds no token of the document {}", name));
  const auto first = static_cast<std::uint64_t>(set.integer("first"));
  if (first >= range.count)
    return usageError(fmt::format("first = {} lies beyond the {} tokens of the document {}", first, range.count, name));
  const std::uint64_t count = std::min(static_cast<std::uint64_t>(set.integer("count")), range.count - first);
  TRY(chunk, trace.read(range.first + first, count, Trace::weights | Trace::loss));
  TraceChunk kept = keepTokens(chunk, keptTokens(filter, chunk));
  if (kept.tokens() == 0)
    return usageError(fmt::format("no token of the document {} is left by the filters domains and classes", name));
  return kept;
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  const Artifact& artifact = inputs.at("trace");
  TRY_DO(inspectTrace(artifact, set));
  TRY(trace, Trace::open(artifact.path));
  TRY(filter, traceFilter(trace.info(), set));
  job.progress(0, "reading the trace");
  TRY(document, chosenDocument(trace, filter, set.text("document")));
  TRY(chunk, stretch(trace, filter, document, set));
  TRY(vocabulary, trace.vocabulary());
  if (job.cancelled()) return cancelledError();
  Result result{.axes = {layerAxis(trace.info()), expertAxis(trace.info())}};
  result.facts = {{"tokens", chunk.tokens()},
                  {"documents", 1},
                  {"domains", 1},
                  {"document", trace.info().documents[document]},
                  {"domain", trace.info().domains[chunk.domain.front()]},
                  {"source", artifact.title()},
                  {"operation", "tokens.text"}};
  result.add("text", textOf(trace.info(), chunk, vocabulary));
  return one(
      "result", std::move(result),
      {{"tokens", chunk.tokens()}, {"document", trace.info().documents[document]}, {"source", artifact.title()}});
}

}  // namespace

const Operation tokensText{describe, estimate, run};

}  // namespace moescope
