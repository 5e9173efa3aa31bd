// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/counted_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <thread>

#include "core/trace/chunk.h"

namespace moescope {

namespace {

constexpr std::array<const char*, tokenClasses> classNames{"text", "padding", "beginning", "template", "image"};
constexpr std::uint64_t tokensPerRead = 1 << 14;

Error unknownName(const std::string& what, const Json& given, const std::vector<std::string>& known) {
  const std::string name = given.is_string() ? given.get<std::string>() : given.dump();
  const std::string nearest = nearestName(name, known);
  return usageError(nearest.empty() ? fmt::format("there is no {} {}; there are {}", what, name, fmt::join(known, ", "))
                                    : fmt::format("there is no {} {}; did you mean {}?", what, name, nearest));
}

// The named entries of a list parameter, as positions in `known`; a whole number counts as a position.
Expected<std::vector<std::size_t>> positions(const Json& list, const std::string& what,
                                             const std::vector<std::string>& known) {
  std::vector<std::size_t> found;
  for (const Json& item : list) {
    if (item.is_number_integer() && item.get<std::int64_t>() >= 0 && item.get<std::uint64_t>() < known.size()) {
      found.push_back(item.get<std::size_t>());
      continue;
    }
    const auto at = item.is_string() ? std::find(known.begin(), known.end(), item.get<std::string>()) : known.end();
    if (at == known.end()) return unknownName(what, item, known);
    found.push_back(at - known.begin());
  }
  return found;
}

// A document with tokens of two domains cannot be split by the counters of documents.
bool documentsAreOfOneDomain(const Counters& counters) {
  std::vector<std::int64_t> tokens(counters.tokensByDomain.size());
  for (std::size_t document = 0; document < counters.tokensByDocument.size(); ++document)
    tokens[counters.domainOfDocument[document]] += counters.tokensByDocument[document];
  return tokens == counters.tokensByDomain;
}

// Takes the tokens of other domains out of the counters; tables that are not split by domain are emptied.
void keepDomains(Counters& counters, const TraceFilter& filter) {
  for (std::size_t document = 0; document < counters.tokensByDocument.size(); ++document)
    if (!filter.domain[counters.domainOfDocument[document]]) counters.tokensByDocument[document] = 0;
  for (std::size_t domain = 0; domain < filter.domain.size(); ++domain)
    if (!filter.domain[domain]) counters.tokensByDomain[domain] = 0;
  counters.tokens = std::accumulate(counters.tokensByDomain.begin(), counters.tokensByDomain.end(), std::int64_t{0});
  for (LayerCounters& layer : counters.layers) {
    std::fill(layer.count.begin(), layer.count.end(), 0);
    const auto experts = static_cast<std::size_t>(layer.experts);
    for (std::size_t domain = 0; domain < filter.domain.size(); ++domain)
      for (std::size_t e = 0; e < experts; ++e) {
        if (!filter.domain[domain]) layer.domain[domain * experts + e] = 0;
        layer.count[e] += layer.domain[domain * experts + e];
      }
    for (auto* table : {&layer.rank, &layer.coactivation, &layer.transition, &layer.weight, &layer.nonfinite,
                        &layer.dropped, &layer.entropy, &layer.margin, &layer.gap})
      table->clear();
  }
}

// Leaves each token its first `choices` experts; 0 leaves all.
TraceChunk firstChoices(TraceChunk chunk, const TraceInfo& info, std::int64_t choices) {
  for (std::size_t layer = 0; choices > 0 && layer < info.layers.size(); ++layer) {
    const std::int64_t columns = info.layers[layer].columns();
    std::vector<std::uint16_t>& expert = chunk.layers[layer].expert;
    for (std::size_t at = 0; at < expert.size(); ++at)
      if (static_cast<std::int64_t>(at) % columns >= choices) expert[at] = noExpert;
  }
  return chunk;
}

Expected<Counters> countChunks(const Trace& trace, const TraceFilter& filter, std::int64_t choices, Job& job) {
  TRY_DO(checkCountersFit(trace.info()));
  Counters counters = Counters::emptyFor(trace.info());
  for (std::uint64_t first = 0; first < trace.tokens(); first += tokensPerRead) {
    if (job.cancelled()) return cancelledError();
    job.progress(0.5 * static_cast<double>(first) / static_cast<double>(trace.tokens()), "reading the trace");
    TRY(chunk, trace.read(first, std::min(tokensPerRead, trace.tokens() - first), Trace::weights | Trace::logits));
    counters.add(firstChoices(keepTokens(chunk, keptTokens(filter, chunk)), trace.info(), choices));
  }
  return counters;
}

// Leaves only the chosen domains in names and tables.
void renumberDomains(CountedTrace& counted, const TraceFilter& filter) {
  if (!filter.byDomain) return;
  std::vector<std::uint16_t> number(filter.domain.size(), 0);
  std::vector<std::string> names;
  std::vector<std::int64_t> tokens;
  for (std::size_t domain = 0; domain < filter.domain.size(); ++domain) {
    if (!filter.domain[domain]) continue;
    number[domain] = static_cast<std::uint16_t>(names.size());
    names.push_back(counted.info.domains[domain]);
    tokens.push_back(counted.counters.tokensByDomain[domain]);
  }
  for (LayerCounters& layer : counted.counters.layers) {
    std::vector<std::int64_t> kept;
    for (std::size_t domain = 0; domain < filter.domain.size(); ++domain)
      if (filter.domain[domain])
        kept.insert(kept.end(), layer.domain.begin() + domain * layer.experts,
                    layer.domain.begin() + (domain + 1) * layer.experts);
    layer.domain = std::move(kept);
  }
  for (std::uint16_t& domain : counted.counters.domainOfDocument) domain = number[domain];
  counted.info.domains = std::move(names);
  counted.counters.tokensByDomain = std::move(tokens);
}

Error denseError(const Artifact& trace) {
  return inputError(
      fmt::format("the trace {} has no layer with experts: its model is dense, so nothing was routed", trace.title()),
      trace.path.string());
}

}  // namespace

std::vector<Parameter> withTraceFilters(std::vector<Parameter> own) {
  own.push_back(
      list("domains", Json::array(), "names (or numbers) of the domains to count; empty counts all").secondary());
  own.push_back(list("classes", Json::array(),
                     "classes of tokens to count: text, beginning, template, image; empty counts all of them")
                    .secondary());
  return own;
}

Expected<TraceFilter> traceFilter(const TraceInfo& info, const Parameters& set) {
  TraceFilter filter;
  TRY(domains, positions(set.value("domains"), "domain", info.domains));
  TRY(classes, positions(set.value("classes"), "class of tokens", {classNames.begin(), classNames.end()}));
  filter.byDomain = !domains.empty();
  filter.byClass = !classes.empty();
  filter.domain.assign(info.domains.size(), filter.byDomain ? 0 : 1);
  filter.tokenClass.assign(tokenClasses, filter.byClass ? 0 : 1);
  for (std::size_t domain : domains) filter.domain[domain] = 1;
  for (std::size_t tokenClass : classes) filter.tokenClass[tokenClass] = 1;
  if (filter.byClass && filter.tokenClass[padding])
    return usageError("classes names padding, which is never counted: leave it out");
  return filter;
}

std::string tokenClassName(std::uint8_t tokenClass) {
  return classNames.at(tokenClass);
}

std::vector<std::uint8_t> keptTokens(const TraceFilter& filter, const TraceChunk& chunk) {
  std::vector<std::uint8_t> keep(chunk.tokens());
  for (std::size_t token = 0; token < keep.size(); ++token)
    keep[token] = filter.domain[chunk.domain[token]] && filter.tokenClass[chunk.tokenClass[token]] &&
                  chunk.tokenClass[token] != padding;
  return keep;
}

std::int64_t CountedTrace::documents() const {
  return std::count_if(counters.tokensByDocument.begin(), counters.tokensByDocument.end(),
                       [](std::int64_t tokens) { return tokens > 0; });
}
std::int64_t CountedTrace::mostExperts() const {
  std::int64_t most = 0;
  for (const TraceLayer& layer : info.layers) most = std::max(most, layer.numExperts);
  return most;
}
std::int64_t CountedTrace::mostColumns() const {
  std::int64_t most = 0;
  for (const TraceLayer& layer : info.layers) most = std::max(most, layer.columns());
  return most;
}

Expected<CountedTrace> countTrace(const Artifact& artifact, const Parameters& set, bool everything, Job& job,
                                  std::int64_t choices) {
  TRY(trace, Trace::open(artifact.path));
  if (trace.info().layers.empty()) return denseError(artifact);
  TRY(filter, traceFilter(trace.info(), set));
  CountedTrace counted{.info = trace.info(), .source = artifact.title()};
  bool chunks = filter.byClass || (filter.byDomain && everything) || (choices > 0 && choices < counted.mostColumns());
  if (!chunks) {
    TRY_ASSIGN(counted.counters, trace.counters());
    if (filter.byDomain && documentsAreOfOneDomain(counted.counters))
      keepDomains(counted.counters, filter);
    else
      chunks = filter.byDomain;
  }
  if (chunks) TRY_ASSIGN(counted.counters, countChunks(trace, filter, choices, job));
  if (counted.counters.tokens == 0)
    return filter.byDomain || filter.byClass
               ? usageError(fmt::format("no token of the trace {} is left by the filters domains and classes",
                                        artifact.title()))
               : inputError(fmt::format("the trace {} holds no token", artifact.title()), artifact.path.string());
  renumberDomains(counted, filter);
  return counted;
}

Expected<TraceInfo> inspectTrace(const Artifact& artifact, const Parameters& set) {
  TRY(trace, Trace::open(artifact.path));
  if (trace.info().layers.empty()) return denseError(artifact);
  TRY_DO(traceFilter(trace.info(), set));
  TRY_DO(checkCountersFit(trace.info()));
  return trace.info();
}

Cost countingCost(const TraceInfo& info, std::int64_t draws) {
  double experts = 0, pairs = 0;
  for (const TraceLayer& layer : info.layers) {
    experts += static_cast<double>(layer.numExperts);
    pairs += 2 * static_cast<double>(layer.numExperts) * static_cast<double>(layer.numExperts);
  }
  const double table = experts * static_cast<double>(info.documents.size());
  return {.bytes = static_cast<std::uint64_t>(8 * 8 * experts) + (1u << 16),
          .memory = static_cast<std::uint64_t>(4 * table + 8 * pairs) + (64u << 20),
          .seconds = 0.2 + 1e-9 * table * static_cast<double>(draws)};
}

Axis layerAxis(const TraceInfo& info) {
  Axis axis{.name = "layer"};
  for (std::size_t layer = 0; layer < info.layers.size(); ++layer)
    axis.labels.push_back(fmt::format("{} (block {})", layer, info.layers[layer].block));
  return axis;
}
Axis expertAxis(const TraceInfo& info) {
  std::int64_t most = 0;
  for (const TraceLayer& layer : info.layers) most = std::max(most, layer.numExperts);
  Axis axis{.name = "expert"};
  for (std::int64_t e = 0; e < most; ++e) axis.labels.push_back(std::to_string(e));
  return axis;
}
Axis domainAxis(const TraceInfo& info) {
  return {.name = "domain", .labels = info.domains};
}

std::vector<double> paddedByExpert(const TraceInfo& info, std::size_t rows,
                                   const std::function<std::vector<double>(std::size_t layer)>& of, double padding) {
  const std::size_t most = expertAxis(info).labels.size();
  std::vector<double> all(info.layers.size() * rows * most, padding);
  for (std::size_t layer = 0; layer < info.layers.size(); ++layer) {
    const auto experts = static_cast<std::size_t>(info.layers[layer].numExperts);
    const std::vector<double> values = of(layer);
    for (std::size_t at = 0; at < values.size(); ++at)
      all[(layer * rows + at / experts) * most + at % experts] = values[at];
  }
  return all;
}

Json traceFacts(const CountedTrace& counted, const std::string& operation) {
  return {{"tokens", counted.counters.tokens},
          {"documents", counted.documents()},
          {"domains", counted.info.domains.size()},
          {"source", counted.source},
          {"operation", operation}};
}
Json traceSummary(const CountedTrace& counted) {
  return {{"tokens", counted.counters.tokens},
          {"documents", counted.documents()},
          {"layers", counted.info.layers.size()},
          {"experts", counted.mostExperts()},
          {"source", counted.source}};
}

RoutedTotals routedTotals(const Counters& counters, std::size_t layer) {
  const LayerCounters& of = counters.layers[layer];
  return {.tokens = counters.tokens,
          .assignments = std::accumulate(of.count.begin(), of.count.end(), std::int64_t{0}),
          .experts = of.experts};
}

DocumentTable documentTable(const CountedTrace& counted, std::size_t layer) {
  const LayerCounters& of = counted.counters.layers[layer];
  DocumentTable table{.cells = of.experts, .groups = static_cast<std::int64_t>(counted.info.domains.size())};
  for (std::size_t document = 0; document < counted.counters.tokensByDocument.size(); ++document) {
    if (counted.counters.tokensByDocument[document] == 0) continue;
    table.counts.push_back(of.document.data() + document * static_cast<std::size_t>(of.experts));
    table.group.push_back(counted.counters.domainOfDocument[document]);
  }
  return table;
}

Draws drawsOf(const Parameters& set, const Job& job) {
  const int wanted = job.resources().threads, here = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return {.count = set.integer("draws"),
          .seed = static_cast<std::uint64_t>(set.integer("seed")),
          .threads = std::min(16, wanted > 0 ? wanted : here)};
}

Poll pollOf(Job& job, std::string stage, std::size_t part, std::size_t parts) {
  return [&job, stage = std::move(stage), part, parts](double done) {
    job.progress((static_cast<double>(part) + done) / static_cast<double>(parts), stage);
    return !job.cancelled();
  };
}

}  // namespace moescope
