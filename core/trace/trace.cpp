// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/trace/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "core/base/checked.h"
#include "core/trace/chunk.h"
#include "core/trace/segment.h"

namespace moescope {

const std::string* Vocabulary::find(std::int32_t token) const {
  const auto at = std::lower_bound(id.begin(), id.end(), token);
  if (at == id.end() || *at != token) return nullptr;
  return &bytes[at - id.begin()];
}

struct Trace::State {
  std::filesystem::path folder;
  SegmentList list;
  std::vector<hdf5::File> files;  // one a segment, open
};

Trace::Trace(std::unique_ptr<State> state) : state_(std::move(state)) {}
Trace::Trace(Trace&&) noexcept = default;
Trace& Trace::operator=(Trace&&) noexcept = default;
Trace::~Trace() = default;

const TraceInfo& Trace::info() const {
  return state_->list.info;
}
std::uint64_t Trace::tokens() const {
  return state_->list.tokens();
}

Expected<Trace> Trace::open(const std::filesystem::path& folder) {
  TRY(list, listSegments(folder));
  if (list.segments.empty())
    return inputError(fmt::format("the trace {} holds no closed segment (0000.h5)", folder.string()), folder.string());
  auto state = std::make_unique<State>();
  state->folder = folder;
  for (const Segment& segment : list.segments) {
    TRY(file, hdf5::File::openForeign(segment.file));
    state->files.push_back(std::move(file));
  }
  state->list = std::move(list);
  return Trace(std::move(state));
}

Expected<TraceChunk> Trace::read(std::uint64_t first, std::uint64_t count, unsigned columns,
                                 const std::vector<int>& layers) const {
  const auto end = checkedAdd(first, count);
  if (!end || *end > tokens())
    return usageError(fmt::format("tokens {} to {} + {} were asked of the trace {}, which has {}", first, first, count,
                                  state_->folder.string(), tokens()));
  std::vector<int> chosen = layers;
  if (chosen.empty()) {
    chosen.resize(info().layers.size());
    std::iota(chosen.begin(), chosen.end(), 0);
  }
  for (int layer : chosen)
    if (layer < 0 || static_cast<std::size_t>(layer) >= info().layers.size())
      return usageError(fmt::format("layer {} was asked of the trace {}, which has {}", layer, state_->folder.string(),
                                    info().layers.size()));
  TraceChunk all;
  all.layers.resize(chosen.size());
  for (std::size_t at = 0; at < state_->files.size(); ++at) {
    const Segment& segment = state_->list.segments[at];
    const std::uint64_t from = std::max(first, segment.firstToken),
                        to = std::min(*end, segment.firstToken + segment.tokens);
    if (from >= to) continue;
    TRY(part, readSegment(state_->files[at], info(), from - segment.firstToken, to - from, columns, chosen));
    if (from == first && to == *end) return part;
    appendTokens(all, part, 0, part.tokens());
  }
  return all;
}

Expected<Counters> Trace::counters() const {
  TRY_DO(checkCountersFit(info()));
  const std::filesystem::path file = state_->folder / "counters.h5";
  std::error_code code;
  Counters counted = Counters::emptyFor(info());
  if (std::filesystem::exists(file, code)) {
    TRY(stored, readCounters(file));
    bool same = stored.layers.size() == counted.layers.size() &&
                stored.tokensByDomain.size() == counted.tokensByDomain.size() &&
                stored.tokensByDocument.size() == counted.tokensByDocument.size();
    for (std::size_t layer = 0; same && layer < counted.layers.size(); ++layer)
      same = stored.layers[layer].experts == counted.layers[layer].experts &&
             stored.layers[layer].topK == counted.layers[layer].topK;
    if (!same)
      return inputError(fmt::format("the counters {} do not belong to the trace beside them: their layers, experts, "
                                    "domains or documents differ",
                                    file.string()),
                        file.string());
    if (static_cast<std::uint64_t>(stored.seen) == tokens()) return stored;
  }
  constexpr std::uint64_t step = 2 * tokensPerBlock;
  for (std::uint64_t first = 0; first < tokens(); first += step) {
    TRY(chunk, read(first, std::min(step, tokens() - first), Trace::weights | Trace::logits));
    counted.add(chunk);
  }
  return counted;
}

Expected<Trace::Range> Trace::find(std::uint32_t document) const {
  Range range;
  for (std::size_t at = 0; at < state_->files.size(); ++at) {
    const Segment& segment = state_->list.segments[at];
    for (std::uint64_t first = 0; first < segment.tokens; first += tokensPerSegment) {
      const std::uint64_t count = std::min(tokensPerSegment, segment.tokens - first);
      TRY(documents, state_->files[at].readRows<std::uint32_t>("/tokens/document", first, count));
      for (std::uint64_t token = 0; token < count; ++token) {
        if (documents[token] == document && range.count++ == 0) range.first = segment.firstToken + first + token;
        if (documents[token] != document && range.count > 0) return range;
      }
    }
  }
  return range;
}

Expected<Vocabulary> Trace::vocabulary() const {
  std::map<std::int32_t, std::string> all;
  for (std::size_t at = 0; at < state_->files.size(); ++at) {
    if (!state_->list.segments[at].hasVocabulary) continue;
    TRY(part, readVocabulary(state_->files[at]));
    for (std::size_t entry = 0; entry < part.id.size(); ++entry)
      all.emplace(part.id[entry], std::move(part.bytes[entry]));
  }
  Vocabulary vocabulary;
  for (auto& [id, bytes] : all) {
    vocabulary.id.push_back(id);
    vocabulary.bytes.push_back(std::move(bytes));
  }
  return vocabulary;
}

}  // namespace moescope
