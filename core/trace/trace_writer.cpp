// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <system_error>

#include "core/base/file.h"
#include "core/trace/chunk.h"
#include "core/trace/segment.h"

namespace moescope {

namespace {

namespace fs = std::filesystem;

// Short segments are merged into files of this ending; the note says how many segments the whole trace then has. Once
// the note is there the merge is decided, and whoever opens the folder carries it through.
constexpr const char* mergedEnding = ".merged";
constexpr const char* mergeNote = "merge";

Expected<void> carryMergeThrough(const fs::path& folder) {
  std::error_code code;
  if (!fs::exists(folder / mergeNote, code)) return {};
  TRY(note, readFile(folder / mergeNote, 64));
  std::size_t segments = 0;
  if (std::from_chars(note.data(), note.data() + note.size(), segments).ec != std::errc{} || segments == 0)
    return inputError(fmt::format("{} does not say a number of segments", (folder / mergeNote).string()),
                      (folder / mergeNote).string());
  for (std::size_t index = 0; index < segments; ++index) {
    const fs::path merged = folder / (segmentName(index) + mergedEnding);
    if (!fs::exists(merged, code)) continue;
    fs::rename(merged, folder / segmentName(index), code);
    if (code) return systemError("rename", merged.string(), code.value());
  }
  for (std::size_t index = segments; fs::exists(folder / segmentName(index), code); ++index)
    fs::remove(folder / segmentName(index), code);
  TRY_DO(syncFolder(folder));
  fs::remove(folder / mergeNote, code);
  return syncFolder(folder);
}

// What a killed writer left half done.
void removeUnfinished(const fs::path& folder) {
  std::error_code code;
  std::vector<fs::path> stale;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code))
    if (const std::string ending = entry.path().extension(); ending == ".writing" || ending == mergedEnding)
      stale.push_back(entry.path());
  for (const fs::path& path : stale) fs::remove(path, code);
}

}  // namespace

struct TraceWriter::State {
  fs::path folder;
  TraceInfo info;
  std::vector<int> allLayers;
  std::vector<Segment> segments;  // closed
  std::optional<SegmentWriter> current;
  TraceChunk pending;  // less than a block
  Counters counters;

  std::uint64_t closedTokens() const {
    return segments.empty() ? 0 : segments.back().firstToken + segments.back().tokens;
  }
  Expected<void> writePending();
  Expected<void> closeCurrent();
  Expected<void> merge();
  Expected<void> copyFrom(const Trace& trace, std::size_t index, std::uint64_t first, std::uint64_t count);
};

Expected<void> TraceWriter::State::writePending() {
  pending.layers.resize(info.layers.size());
  if (!current) {
    TRY(made, SegmentWriter::create(folder / segmentName(segments.size()), info, closedTokens()));
    current = std::move(made);
  }
  TRY_DO(current->append(pending));
  counters.add(pending);
  pending = {};
  if (current->tokens() == tokensPerSegment) return closeCurrent();
  return {};
}

Expected<void> TraceWriter::State::closeCurrent() {
  TRY(closed, current->close());
  current.reset();
  segments.push_back(std::move(closed));
  return {};
}

Expected<void> TraceWriter::State::copyFrom(const Trace& trace, std::size_t index, std::uint64_t first,
                                            std::uint64_t count) {
  TRY(writer, SegmentWriter::create(folder / (segmentName(index) + mergedEnding), info, first));
  for (std::uint64_t done = 0; done < count; done += tokensPerBlock) {
    TRY(block, trace.read(first + done, std::min(tokensPerBlock, count - done),
                          Trace::loss | Trace::weights | Trace::logits | Trace::predicted));
    TRY_DO(writer.append(block));
  }
  TRY_DO(writer.close());
  return {};
}

Expected<void> TraceWriter::State::merge() {
  std::size_t first = 0;
  while (first < segments.size() && segments[first].tokens == tokensPerSegment) ++first;
  if (first + 1 >= segments.size()) return {};  // only the last one is short
  const std::uint64_t start = segments[first].firstToken, end = closedTokens();
  std::size_t index = first;
  {
    TRY(trace, Trace::open(folder));
    for (std::uint64_t token = start; token < end; token += tokensPerSegment, ++index)
      TRY_DO(copyFrom(trace, index, token, std::min(tokensPerSegment, end - token)));
  }
  TRY_DO(writeFileSafely(folder / mergeNote, fmt::format("{}", index)));
  TRY_DO(carryMergeThrough(folder));
  TRY(list, listSegments(folder));
  segments = std::move(list.segments);
  return {};
}

TraceWriter::TraceWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
TraceWriter::TraceWriter(TraceWriter&&) noexcept = default;
TraceWriter& TraceWriter::operator=(TraceWriter&&) noexcept = default;
TraceWriter::~TraceWriter() = default;

Expected<TraceWriter> TraceWriter::open(const fs::path& folder, const TraceInfo& info) {
  TRY_DO(checkCountersFit(info));
  TRY_DO(makeFolders(folder));
  TRY_DO(carryMergeThrough(folder));
  removeUnfinished(folder);
  TRY(list, listSegments(folder));
  if (!list.segments.empty() && !(list.info == info))
    return inputError(
        fmt::format("{} already holds segments of another trace: remove them, or write elsewhere", folder.string()),
        folder.string());
  auto state = std::make_unique<State>();
  state->folder = folder;
  state->info = info;
  state->allLayers.resize(info.layers.size());
  std::iota(state->allLayers.begin(), state->allLayers.end(), 0);
  state->segments = std::move(list.segments);
  state->counters = Counters::emptyFor(info);
  if (!state->segments.empty()) {
    TRY(trace, Trace::open(folder));
    TRY_ASSIGN(state->counters, trace.counters());
  }
  return TraceWriter(std::move(state));
}

std::uint64_t TraceWriter::tokensWritten() const {
  return state_->closedTokens() + (state_->current ? state_->current->tokens() : 0) + state_->pending.tokens();
}

Expected<void> TraceWriter::append(const TraceChunk& chunk) {
  if (const std::string fault = faultOf(chunk, state_->info, state_->allLayers); !fault.empty())
    return bugError("a chunk of a trace is wrong: " + fault);
  const bool complete = chunk.loss.empty() != state_->info.hasLoss || chunk.tokens() == 0;
  for (const TraceChunk::Layer& layer : chunk.layers)
    if (layer.weight.size() != layer.expert.size() ||
        layer.logit.empty() == (state_->info.hasLogits && chunk.tokens() > 0))
      return bugError("a chunk of a trace lacks the weights or the logits that its header promises");
  if (!complete)
    return bugError("a chunk of a trace lacks the losses that its header promises, or has some that it does not");
  if (chunk.tokens() > 0 && chunk.predicted.empty() == state_->info.hasPredicted)
    return bugError("a chunk of a trace lacks the predicted ids that its header promises, or has some that it does not");
  for (std::size_t first = 0; first < chunk.tokens();) {
    const std::size_t count = std::min<std::size_t>(tokensPerBlock - state_->pending.tokens(), chunk.tokens() - first);
    appendTokens(state_->pending, chunk, first, count);
    first += count;
    if (state_->pending.tokens() == tokensPerBlock) TRY_DO(state_->writePending());
  }
  return {};
}

Expected<void> TraceWriter::closeSegment() {
  if (state_->pending.tokens() > 0) TRY_DO(state_->writePending());
  if (state_->current) TRY_DO(state_->closeCurrent());
  return writeCounters(state_->counters, state_->folder / "counters.h5");
}

Expected<void> TraceWriter::finish(const Vocabulary& vocabulary) {
  State& state = *state_;
  if (tokensWritten() == 0 && state.segments.empty())
    TRY_DO(state.writePending());  // an empty trace has one empty segment
  TRY_DO(closeSegment());
  TRY_DO(state.merge());
  for (Segment& segment : state.segments) {
    if (segment.hasVocabulary) continue;  // a finish that was killed came this far
    TRY_DO(addVocabulary(segment, vocabulary));
    segment.hasVocabulary = true;
  }
  return {};
}

}  // namespace moescope
