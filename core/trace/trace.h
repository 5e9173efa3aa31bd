// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/base/expected.h"
#include "core/trace/counters.h"

namespace moescope {

inline constexpr std::uint16_t noExpert = std::numeric_limits<std::uint16_t>::max();

// One MoE layer of a trace, as its attributes say (contract section 4).
struct TraceLayer {
  int block = 0;  // index in the model
  std::int64_t numExperts = 0, topK = 0, numShared = 0;
  std::string score = "softmax";
  bool renormalised = true;
  double scale = 1;
  std::int64_t width = 0;  // columns of expert and weight: the most experts any token got; 0 = topK
  std::int64_t columns() const { return width > 0 ? width : topK; }
  bool operator==(const TraceLayer&) const = default;
};

struct TraceInfo {
  std::string modelDigest, tokenizerDigest, corpus, family;
  std::string phase = "prefill";
  std::int64_t length = 0;  // window, tokens
  std::vector<TraceLayer> layers;
  std::vector<std::string> domains, documents;
  bool hasLoss = false, hasLogits = false, hasPredicted = false;
  bool operator==(const TraceInfo&) const = default;
};

// What a token is; padding is stored and never counted.
enum TokenClass : std::uint8_t { textToken = 0, padding = 1, beginning = 2, templateToken = 3, imageToken = 4 };
inline constexpr std::uint8_t tokenClasses = 5;

// A run of consecutive tokens; every column is as long as `id`. Layer columns are [token, k] and [token, expert].
struct TraceChunk {
  std::vector<std::int32_t> id, next;
  std::vector<std::uint16_t> domain;
  std::vector<std::uint32_t> document, position;
  std::vector<std::uint8_t> tokenClass;
  std::vector<float> loss;              // empty without losses
  std::vector<std::int32_t> predicted;  // the model's likeliest next id; empty without
  struct Layer {
    std::vector<std::uint16_t> expert;  // ordered by weight before any drop; noExpert = no further expert
    std::vector<float> weight;          // the combine weight really applied; 0 where capacity dropped it
    std::vector<float> logit;           // empty without logits
  };
  std::vector<Layer> layers;
  std::size_t tokens() const { return id.size(); }
};

struct Vocabulary {
  std::vector<std::int32_t> id;    // ascending
  std::vector<std::string> bytes;  // of each id
  const std::string* find(std::int32_t token) const;
};

// Writes segments of 2^20 tokens and the counters. Closed segments survive a kill; append goes on after them.
// Equal tokens give equal bytes, however they were split over calls and however often the writing was interrupted.
class TraceWriter {
 public:
  // An empty folder starts a trace; one with closed segments is resumed (tokensWritten() > 0) when `info` is the same.
  static Expected<TraceWriter> open(const std::filesystem::path& folder, const TraceInfo& info);
  TraceWriter(TraceWriter&&) noexcept;
  TraceWriter& operator=(TraceWriter&&) noexcept;
  ~TraceWriter();
  std::uint64_t tokensWritten() const;  // in closed segments and since
  Expected<void> append(const TraceChunk& chunk);
  Expected<void> closeSegment();  // a resume point before the segment is full is a segment of its own
  Expected<void> finish(const Vocabulary& vocabulary);  // merges to full segments, writes counters.h5, marks complete

 private:
  struct State;
  explicit TraceWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Reads a trace, foreign bytes included: every extent is checked against the others before anything is allocated.
class Trace {
 public:
  enum Column : unsigned { loss = 1, weights = 2, logits = 4, predicted = 8 };
  static Expected<Trace> open(const std::filesystem::path& folder);
  Trace(Trace&&) noexcept;
  Trace& operator=(Trace&&) noexcept;
  ~Trace();
  const TraceInfo& info() const;
  std::uint64_t tokens() const;
  // Tokens [first, first + count); `layers` empty = all, else the chunk holds those, in that order. Token columns and
  // experts always, the rest as asked. A value that no trace may hold (an expert >= E, a domain without a name) is an
  // input error.
  Expected<TraceChunk> read(std::uint64_t first, std::uint64_t count, unsigned columns = 0,
                            const std::vector<int>& layers = {}) const;
  // From counters.h5, or counted when that is missing or (while a capture runs) behind the segments.
  Expected<Counters> counters() const;
  Expected<Vocabulary> vocabulary() const;
  // Where a document's tokens are (the first run of them, if a foreign trace scatters them). count 0: it has none.
  struct Range {
    std::uint64_t first = 0, count = 0;
  };
  Expected<Range> find(std::uint32_t document) const;

 private:
  struct State;
  explicit Trace(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moescope
