// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/sampled_tokens.h"

#include <algorithm>

#include "core/analysis/kept_chunks.h"

namespace moescope {

namespace {

// Which documents are taken: the next one whenever fewer tokens are taken than its turn has come for.
std::vector<std::uint8_t> spread(const std::vector<std::int64_t>& tokens, std::int64_t all, std::int64_t most) {
  std::vector<std::uint8_t> taken(tokens.size());
  const double share = most == 0 || all <= most ? 1 : static_cast<double>(most) / static_cast<double>(all);
  double seen = 0, kept = 0;
  for (std::size_t document = 0; document < tokens.size(); ++document) {
    if (tokens[document] == 0) continue;
    if (kept <= share * seen) {
      taken[document] = 1;
      kept += static_cast<double>(tokens[document]);
    }
    seen += static_cast<double>(tokens[document]);
  }
  return taken;
}

}  // namespace

Expected<SampledTokens> sampleTokens(const Trace& trace, const TraceFilter& filter, std::int64_t most, Job& job) {
  SampledTokens sample;
  std::vector<std::int64_t> byDocument(trace.info().documents.size());
  std::vector<std::uint8_t> domains(trace.info().domains.size());
  const auto poll = [&](double from, double share) {
    return [&job, from, share](double done) {
      job.progress(from + share * done, "reading the tokens");
      return !job.cancelled();
    };
  };
  TRY_DO(eachKeptChunk(trace, filter, 0, {0}, poll(0, 0.05), [&](const TraceChunk& chunk, const auto& keep) {
    for (std::size_t token = 0; token < keep.size(); ++token) {
      if (!keep[token]) continue;
      ++byDocument[chunk.document[token]];
      ++sample.tokens;
      domains[chunk.domain[token]] = 1;
    }
  }));
  if (sample.tokens == 0) return usageError("no token of the trace is left by the filters domains and classes");
  sample.documents = std::ranges::count_if(byDocument, [](std::int64_t count) { return count > 0; });
  sample.domains = std::ranges::count(domains, 1);
  const std::vector<std::uint8_t> taken = spread(byDocument, sample.tokens, most);
  TRY_DO(eachKeptChunk(trace, filter, 0, {0}, poll(0.05, 0.05), [&](const TraceChunk& chunk, const auto& keep) {
    for (std::size_t token = 0; token < keep.size(); ++token) {
      const std::uint32_t document = chunk.document[token];
      if (!keep[token] || !taken[document]) continue;
      if (sample.document.empty() || sample.document.back() != document) {
        sample.start.push_back(sample.size());
        sample.document.push_back(document);
        sample.domain.push_back(chunk.domain[token]);
      }
      sample.id.push_back(chunk.id[token]);
      sample.tokenClass.push_back(chunk.tokenClass[token]);
    }
  }));
  sample.start.push_back(sample.size());
  return sample;
}

Expected<std::vector<std::uint16_t>> sampledExperts(const Trace& trace, const TraceFilter& filter,
                                                    const SampledTokens& sample, std::size_t layer, const Poll& poll) {
  std::vector<std::uint8_t> taken(trace.info().documents.size());
  for (std::uint32_t document : sample.document) taken[document] = 1;
  const auto columns = static_cast<std::size_t>(trace.info().layers[layer].columns());
  std::vector<std::uint16_t> experts;
  experts.reserve(sample.size() * columns);
  TRY_DO(
      eachKeptChunk(trace, filter, 0, {static_cast<int>(layer)}, poll, [&](const TraceChunk& chunk, const auto& keep) {
        const auto& rows = chunk.layers[0].expert;
        for (std::size_t token = 0; token < keep.size(); ++token)
          if (keep[token] && taken[chunk.document[token]])
            experts.insert(experts.end(), rows.begin() + static_cast<std::ptrdiff_t>(token * columns),
                           rows.begin() + static_cast<std::ptrdiff_t>((token + 1) * columns));
      }));
  return experts;
}

}  // namespace moescope
