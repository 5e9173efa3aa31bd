// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/analysis/document_map.h"
#include "core/analysis/operations.h"
#include "core/analysis/surprising_tokens.h"
#include "core/analysis/text_search.h"
#include "core/result/utf8.h"
#include "core/trace/chunk.h"

namespace moescope {

namespace {

std::vector<Parameter> parameters() {
  return withTraceFilters(
      {text("document", "", "name or number of the document; empty takes the first of the chosen domains"),
       integer("first", 0, 0, 4294967295.0, "tokens", "into the document"),
       integer("count", 512, 1, 65536, "tokens", "shown at most"),
       text("find", "", "text to look for in the whole trace, from the shown place on; it may run over tokens"),
       flag("exact_case", false, "capitals and small letters are told apart in find").secondary(),
       integer("find_expert", -1, -1, 65534, "", "expert whose tokens are looked for; -1 for none"),
       integer("find_layer", 0, 0, 16383, "", "of find_expert, among MoE layers").secondary(),
       integer("matches", 100, 1, 10000, "", "places given of find and find_expert").secondary(),
       integer("surprising", 50, 0, 1000, "tokens", "with the largest losses that are listed").secondary(),
       choice("within", "document", {{"document", "the shown one"}, {"trace", "all of it, by domains and classes"}},
              "where surprising tokens are looked for")
           .secondary(),
       integer("blocks", 400, 1, 4096, "", "of the map of the document").secondary()});
}

Description describe() {
  return {
      .id = "tokens.text",
      .version = 2,
      .title = "Text by expert",
      .help =
          "A stretch of one document, token by token, with the experts that each layer chose, their combine "
          "weights, and the loss of the next token where the trace holds it. Nothing is averaged: this is the trace "
          "itself, to be read. Beside it the places where a text or an expert occurs, next ones first; the tokens "
          "that the model expected least, by their loss; and a map of the whole document: loss and most frequent "
          "first choice of equal blocks.",
      .page = "Tokens",
      .in = {{"trace", Kind::trace}},
      .out = {{"result", Kind::result}},
      .parameters = parameters(),
      .figures = {tokenText("text", "text").titled("Text by expert"), table("matches", {"matches"}).titled("Found"),
                  table("surprising", {"surprising"}).titled("Most surprising tokens"),
                  lines("map", {"block_loss"}).over({"block"}).titled("Loss along the document")},
      .interactive = true,
      .example = "moescope-cli run tokens.text --study S --in trace=t --set find=Zarathustra --name words"};
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

TokenText textOf(const TraceInfo& info, const TraceChunk& chunk, const Vocabulary& vocabulary) {
  TokenText text{.layers = static_cast<std::int64_t>(info.layers.size())};
  for (const TraceLayer& layer : info.layers) text.k = std::max(text.k, layer.columns());
  for (std::int32_t id : chunk.id) text.text.push_back(tokenBytes(vocabulary, id));
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

Expected<Trace::Range> rangeOf(const Trace& trace, std::uint32_t document, std::uint64_t first) {
  const std::string& name = trace.info().documents[document];
  TRY(range, trace.find(document));
  if (range.count == 0) return usageError(fmt::format("the trace holds no token of the document {}", name));
  if (first >= range.count)
    return usageError(fmt::format("first = {} lies beyond the {} tokens of the document {}", first, range.count, name));
  return range;
}

// The asked stretch of the document, without tokens that the filters leave out.
Expected<TraceChunk> stretch(const Trace& trace, const TraceFilter& filter, std::uint32_t document,
                             const Trace::Range& range, const Parameters& set) {
  const auto first = static_cast<std::uint64_t>(set.integer("first"));
  const std::uint64_t count = std::min(static_cast<std::uint64_t>(set.integer("count")), range.count - first);
  TRY(chunk, trace.read(range.first + first, count, Trace::weights | Trace::loss));
  TraceChunk kept = keepTokens(chunk, keptTokens(filter, chunk));
  if (kept.tokens() == 0)
    return usageError(fmt::format("no token of the document {} is left by the filters domains and classes",
                                  trace.info().documents[document]));
  return kept;
}

Expected<std::optional<TextQuery>> queryOf(const TraceInfo& info, const Vocabulary& vocabulary, const Parameters& set) {
  TextQuery query{.text = set.text("find"),
                  .exactCase = set.flag("exact_case"),
                  .most = static_cast<std::size_t>(set.integer("matches"))};
  if (const std::int64_t expert = set.integer("find_expert"); expert >= 0) {
    const auto layer = static_cast<std::size_t>(set.integer("find_layer"));
    if (layer >= info.layers.size())
      return usageError(fmt::format("find_layer = {} is beyond the {} layers of the trace", layer, info.layers.size()));
    if (expert >= info.layers[layer].numExperts)
      return usageError(fmt::format("find_expert = {} is beyond the {} experts of layer {}", expert,
                                    info.layers[layer].numExperts, layer));
    query.expert = TextQuery::Routed{layer, static_cast<std::size_t>(expert)};
  }
  if (query.text.empty() && !query.expert) return std::optional<TextQuery>{};
  if (!query.text.empty() && vocabulary.id.empty())
    return usageError(
        "find looks for text, and the trace holds no text of its ids: look for an expert with find_expert");
  return std::optional<TextQuery>{std::move(query)};
}

// Where places are, as columns: the document's name, and the position in it, which `first` takes.
class PlaceColumns {
 public:
  explicit PlaceColumns(const TraceInfo& info) : info_(info) {}
  void add(const TextPlace& place) {
    document_.push_back(info_.documents[place.document]);
    domain_.push_back(info_.domains[place.domain]);
    first_.push_back(static_cast<double>(place.position));
    before_.push_back(visible(place.before));
    found_.push_back(visible(place.found));
    after_.push_back(visible(place.after));
  }
  Table table(std::vector<Column> more) {
    Table table{.columns = {{"document", "", std::move(document_)},
                            {"domain", "", std::move(domain_)},
                            {"first", "", std::move(first_)},
                            {"before", "", std::move(before_)},
                            {"token", "", std::move(found_)},
                            {"after", "", std::move(after_)}}};
    for (Column& column : more) table.columns.push_back(std::move(column));
    return table;
  }

 private:
  const TraceInfo& info_;
  std::vector<std::string> document_, domain_, before_, found_, after_;
  std::vector<double> first_;
};

Expected<void> addMatches(Result& result, const Trace& trace, const TraceFilter& filter, const Vocabulary& vocabulary,
                          std::uint64_t from, const Parameters& set, Job& job) {
  TRY(query, queryOf(trace.info(), vocabulary, set));
  PlaceColumns columns(trace.info());
  if (query) {
    TRY(found, searchText(trace, filter, vocabulary, *query, from, pollOf(job, "searching", 0, 3)));
    for (const TextPlace& place : found.places) columns.add(place);
    result.facts["matches"] = found.places.size();
    result.facts["matches_complete"] = found.complete;
  }
  result.add("matches", columns.table({}));
  return {};
}

Expected<void> addSurprising(Result& result, const Trace& trace, const TraceFilter& filter,
                             const Vocabulary& vocabulary, const Trace::Range& range, const Parameters& set, Job& job) {
  const bool everywhere = set.text("within") == "trace";
  TRY(tokens, surprisingTokens(
                  trace, filter, vocabulary, everywhere ? 0 : range.first, everywhere ? trace.tokens() : range.count,
                  static_cast<std::size_t>(set.integer("surprising")), pollOf(job, "looking for surprises", 1, 3)));
  PlaceColumns columns(trace.info());
  std::vector<double> losses;
  std::vector<std::string> classes;
  for (const SurprisingToken& token : tokens) {
    columns.add(token.place);
    losses.push_back(token.loss);
    classes.push_back(tokenClassName(token.tokenClass));
  }
  result.add("surprising", columns.table({{"loss", "nats", losses}, {"class", "", classes}}));
  return {};
}

Expected<void> addMap(Result& result, const Trace& trace, const TraceFilter& filter, const Trace::Range& range,
                      const Parameters& set, Job& job) {
  TRY(map, mapDocument(trace, filter, range.first, range.count, static_cast<std::size_t>(set.integer("blocks")),
                       pollOf(job, "mapping the document", 2, 3)));
  Axis blocks{.name = "block", .labels = {}};
  for (std::uint64_t first : map.first) blocks.labels.push_back(std::to_string(first));
  result.axes.push_back(std::move(blocks));
  result.add("block_loss", "nats", {"block"}, std::move(map.loss)).help =
      "Mean loss of the next tokens, by equal blocks of the document; blocks are named by their first token.";
  result.add("block_most_loss", "nats", {"block"}, std::move(map.mostLoss)).help = "Largest loss of the block.";
  result.addWhole("block_expert", "", {"layer", "block"}, std::move(map.expert)).help =
      "Expert that most of the block's tokens have as their first choice, ties to the lower number.";
  result.add("block_share", "of tokens", {"layer", "block"}, std::move(map.share)).help =
      "Share of the block's tokens whose first choice that is.";
  return {};
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  const Artifact& artifact = inputs.at("trace");
  TRY_DO(inspectTrace(artifact, set));
  TRY(trace, Trace::open(artifact.path));
  TRY(filter, traceFilter(trace.info(), set));
  job.progress(0, "reading the trace");
  TRY(document, chosenDocument(trace, filter, set.text("document")));
  const auto first = static_cast<std::uint64_t>(set.integer("first"));
  TRY(range, rangeOf(trace, document, first));
  TRY(chunk, stretch(trace, filter, document, range, set));
  TRY(vocabulary, trace.vocabulary());
  if (job.cancelled()) return cancelledError();
  Result result{.axes = {layerAxis(trace.info()), expertAxis(trace.info())}};
  result.facts = {{"tokens", chunk.tokens()},
                  {"documents", 1},
                  {"domains", 1},
                  {"document_tokens", range.count},
                  {"document", trace.info().documents[document]},
                  {"domain", trace.info().domains[chunk.domain.front()]},
                  {"source", artifact.title()},
                  {"operation", "tokens.text"}};
  result.add("text", textOf(trace.info(), chunk, vocabulary));
  TRY_DO(addMatches(result, trace, filter, vocabulary, range.first + first, set, job));
  TRY_DO(addSurprising(result, trace, filter, vocabulary, range, set, job));
  TRY_DO(addMap(result, trace, filter, range, set, job));
  return one(
      "result", std::move(result),
      {{"tokens", chunk.tokens()}, {"document", trace.info().documents[document]}, {"source", artifact.title()}});
}

}  // namespace

const Operation tokensText{describe, estimate, run};

}  // namespace moescope
