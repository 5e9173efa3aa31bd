// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/type_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "core/analysis/kept_chunks.h"

namespace moescope {

namespace {

// Where an id stands among the types; -1 for a rare one. Ids of tokenizers are small; foreign ones may be anything.
class TypeIndex {
 public:
  explicit TypeIndex(const TokenTypes& types) {
    constexpr std::int32_t dense = 1 << 22;
    for (std::size_t at = 0; at < types.id.size(); ++at) {
      const std::int32_t id = types.id[at];
      if (id >= 0 && id < dense) {
        if (static_cast<std::size_t>(id) >= place_.size()) place_.resize(static_cast<std::size_t>(id) + 1, -1);
        place_[static_cast<std::size_t>(id)] = static_cast<std::int32_t>(at);
      } else {
        others_.emplace(id, static_cast<std::int32_t>(at));
      }
    }
  }
  std::int32_t of(std::int32_t id) const {
    if (id >= 0 && static_cast<std::size_t>(id) < place_.size()) return place_[static_cast<std::size_t>(id)];
    if (others_.empty()) return -1;
    const auto found = others_.find(id);
    return found == others_.end() ? -1 : found->second;
  }

 private:
  std::vector<std::int32_t> place_;
  std::unordered_map<std::int32_t, std::int32_t> others_;
};

TokenTypes frequent(const std::unordered_map<std::int32_t, std::int64_t>& counts, std::int64_t minimum) {
  TokenTypes types{.types = static_cast<std::int64_t>(counts.size())};
  for (const auto& [id, count] : counts) {
    types.tokens += count;
    if (count >= minimum) types.id.push_back(id);
  }
  std::ranges::sort(types.id);
  for (std::int32_t id : types.id) types.count.push_back(counts.at(id));
  return types;
}

void addTokens(TypeTable& table, const std::vector<std::int32_t>& ids, const TypeIndex& index,
               const std::vector<std::uint8_t>& keep, const std::vector<std::uint16_t>& expert, std::size_t columns,
               std::size_t choices) {
  for (std::size_t token = 0; token < ids.size(); ++token) {
    if (!keep[token] || ids[token] < 0) continue;  // a document's last token has no next one
    const std::int32_t type = index.of(ids[token]);
    for (std::size_t rank = 0; rank < choices; ++rank) {
      const std::uint16_t e = expert[token * columns + rank];
      if (e == noExpert) break;
      ++table.routed[e];
      ++table.assignments;
      if (type >= 0) ++table.count[static_cast<std::size_t>(type) * table.experts + e];
    }
  }
}

}  // namespace

const std::vector<std::int32_t>& idsOf(const TraceChunk& chunk, TokenRole role) {
  return role == TokenRole::input ? chunk.id : role == TokenRole::next ? chunk.next : chunk.predicted;
}

Expected<ReadTypes> readTypes(const Trace& trace, const TraceFilter& filter, std::int64_t minimum, Job& job) {
  ReadTypes read;
  std::array<std::unordered_map<std::int32_t, std::int64_t>, 3> counts;
  std::vector<std::uint8_t> documents(trace.info().documents.size()), domains(trace.info().domains.size());
  TRY_DO(eachKeptChunk(trace, filter, Trace::predicted, {0}, pollOf(job, "counting the types", 0, 20),
                       [&](const TraceChunk& chunk, const std::vector<std::uint8_t>& keep) {
                         for (std::size_t token = 0; token < keep.size(); ++token) {
                           if (!keep[token]) continue;
                           ++read.tokens;
                           documents[chunk.document[token]] = domains[chunk.domain[token]] = 1;
                           for (std::size_t role = 0; role < counts.size(); ++role)
                             if (const auto& ids = idsOf(chunk, TokenRole(role)); !ids.empty() && ids[token] >= 0)
                               ++counts[role][ids[token]];
                         }
                       }));
  read.documents = std::ranges::count(documents, 1);
  read.domains = std::ranges::count(domains, 1);
  if (read.tokens == 0) return usageError("no token of the trace is left by the filters domains and classes");
  for (std::size_t role = 0; role < counts.size(); ++role)
    if (role != std::size_t(TokenRole::predicted) || trace.info().hasPredicted)
      read.byRole[role] = frequent(counts[role], minimum);
  return read;
}

Expected<std::array<TypeTable, 3>> tabulateTypes(const Trace& trace, const TraceFilter& filter, const ReadTypes& types,
                                                 std::size_t layer, std::int64_t choices, const Poll& poll) {
  constexpr std::uint64_t mostCells = 1ull << 30;
  const TraceLayer& of = trace.info().layers[layer];
  const auto experts = static_cast<std::size_t>(of.numExperts), columns = static_cast<std::size_t>(of.columns());
  const std::size_t taken = choices > 0 ? std::min(columns, static_cast<std::size_t>(choices)) : columns;
  std::array<TypeTable, 3> tables;
  std::array<std::optional<TypeIndex>, 3> index;
  std::uint64_t cells = 0;
  for (std::size_t role = 0; role < tables.size(); ++role) {
    if (!types.byRole[role]) continue;
    cells += types.byRole[role]->id.size() * experts;
    if (cells > mostCells)
      return environmentError(
          fmt::format("one layer's table of {} types by {} experts would be larger than 4 GiB: raise min_count, or "
                      "filter by domains",
                      types.byRole[role]->id.size(), experts));
    tables[role] = {.experts = experts,
                    .count = std::vector<std::uint32_t>(types.byRole[role]->id.size() * experts),
                    .routed = std::vector<std::int64_t>(experts)};
    index[role].emplace(*types.byRole[role]);
  }
  TRY_DO(eachKeptChunk(trace, filter, Trace::predicted, {static_cast<int>(layer)}, poll,
                       [&](const TraceChunk& chunk, const std::vector<std::uint8_t>& keep) {
                         for (std::size_t role = 0; role < tables.size(); ++role)
                           if (index[role])
                             addTokens(tables[role], idsOf(chunk, TokenRole(role)), *index[role], keep,
                                       chunk.layers[0].expert, columns, taken);
                       }));
  return tables;
}

}  // namespace moescope
