// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "core/operation/operation.h"
#include "core/statistics/noise_floor.h"
#include "core/statistics/resampling.h"
#include "core/trace/trace.h"

// What every analysis of a trace begins with: its filters, the counters of the tokens that they leave, and its axes.
namespace moescope {

// `own` and, behind them, the filters "domains" and "classes".
std::vector<Parameter> withTraceFilters(std::vector<Parameter> own);

// The filters, resolved against a trace. Usage error for a name that the trace does not have.
struct TraceFilter {
  std::vector<std::uint8_t> domain;      // by domain: kept?
  std::vector<std::uint8_t> tokenClass;  // by class: kept?
  bool byDomain = false, byClass = false;
};
Expected<TraceFilter> traceFilter(const TraceInfo& info, const Parameters& set);
std::string tokenClassName(std::uint8_t tokenClass);  // as the filter "classes" names it
// 1 for every token of the chunk that the filter keeps.
std::vector<std::uint8_t> keptTokens(const TraceFilter& filter, const TraceChunk& chunk);

// Counters of the tokens that the filters leave. Domains are numbered among the chosen ones.
struct CountedTrace {
  TraceInfo info;
  Counters counters;
  std::string source;              // title of the trace
  std::int64_t documents() const;  // with tokens
  std::int64_t mostExperts() const;
  std::int64_t mostColumns() const;
};

// Domains alone come from the additive counters (exact: a document is of one domain); `everything` asks for the tables
// that these do not split by domain (ranks, weights, pairs), and then, as for classes, the trace is read in chunks.
// `choices` > 0 counts only a token's first so many experts (in chunks too). Input error for a dense model; usage error
// where no token is left.
Expected<CountedTrace> countTrace(const Artifact& trace, const Parameters& set, bool everything, Job& job,
                                  std::int64_t choices = 0);
// The header alone: what estimate() may look at.
Expected<TraceInfo> inspectTrace(const Artifact& trace, const Parameters& set);
// Memory of the counters and time of `draws` resamples.
Cost countingCost(const TraceInfo& info, std::int64_t draws);

Axis layerAxis(const TraceInfo& info);   // "3 (block 4)"
Axis expertAxis(const TraceInfo& info);  // as many as the largest layer has
Axis domainAxis(const TraceInfo& info);
// [layer, rows, expert] from each layer's [rows, expert], padded where a layer has fewer experts than the largest.
std::vector<double> paddedByExpert(const TraceInfo& info, std::size_t rows,
                                   const std::function<std::vector<double>(std::size_t layer)>& of,
                                   double padding = std::numeric_limits<double>::quiet_NaN());
Json traceFacts(const CountedTrace& counted, const std::string& operation);
Json traceSummary(const CountedTrace& counted);

RoutedTotals routedTotals(const Counters& counters, std::size_t layer);
// Documents with tokens, each in its domain's group. The counters outlive the table.
DocumentTable documentTable(const CountedTrace& counted, std::size_t layer);
// How to draw: "draws" and "seed" of the request, threads of the job.
Draws drawsOf(const Parameters& set, const Job& job);
// Reports the share `done` of a stage that is number `part` of `parts`, and asks whether to go on.
Poll pollOf(Job& job, std::string stage, std::size_t part, std::size_t parts);

}  // namespace moescope
