// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/study/hdf5.h"
#include "core/trace/trace.h"

// One segment of a trace: a file that is complete by itself (contract section 4).
namespace moescope {

inline constexpr std::uint64_t tokensPerSegment = 1ull << 20;
// Rows are written in whole blocks of this many tokens, so that equal tokens give equal bytes.
inline constexpr std::uint64_t tokensPerBlock = 1ull << 13;

std::string segmentName(std::size_t index);  // "0003.h5"
std::string layerPath(std::size_t layer);    // "/layers/03"

// A closed segment as its header says.
struct Segment {
  std::filesystem::path file;
  std::uint64_t firstToken = 0, tokens = 0;
  bool hasVocabulary = false;
};

// The closed segments of a folder in order, and what they agree on. Extents are checked against each other and against
// the attributes; segments must follow each other without gap or overlap. No segments: an empty list.
struct SegmentList {
  TraceInfo info;
  std::vector<Segment> segments;
  std::uint64_t tokens() const { return segments.empty() ? 0 : segments.back().firstToken + segments.back().tokens; }
};
Expected<SegmentList> listSegments(const std::filesystem::path& folder);

// Tokens [first, first + count) of one segment (columns as Trace::read), every value checked.
Expected<TraceChunk> readSegment(const hdf5::File& file, const TraceInfo& info, std::uint64_t first,
                                 std::uint64_t count, unsigned columns, const std::vector<int>& layers);

// Writes one segment under a working name; close() makes it durable and gives it its own.
class SegmentWriter {
 public:
  static Expected<SegmentWriter> create(const std::filesystem::path& file, const TraceInfo& info,
                                        std::uint64_t firstToken);
  std::uint64_t tokens() const { return tokens_; }
  // The block's logits become what was stored of them (half precision), so that counting sees what a reader will.
  Expected<void> append(TraceChunk& block);
  Expected<Segment> close();

 private:
  SegmentWriter(hdf5::File working, std::filesystem::path file, const TraceInfo& info, std::uint64_t firstToken)
      : working_(std::move(working)), file_(std::move(file)), info_(&info), firstToken_(firstToken) {}
  hdf5::File working_;
  std::filesystem::path file_;
  const TraceInfo* info_;  // outlives the writer
  std::uint64_t firstToken_, tokens_ = 0;
};

// The vocabulary of the ids that occur in the segment, added to a copy that then takes its place.
Expected<void> addVocabulary(const Segment& segment, const Vocabulary& vocabulary);
Expected<Vocabulary> readVocabulary(const hdf5::File& file);

}  // namespace moescope
