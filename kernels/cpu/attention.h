// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace moescope::kernels {

// Causal attention of one head, 32 queries at a time, scores kept in the first cache (Dao et al. 2022, online softmax;
// what lies above the diagonal is never computed). For hasPanels() only. Threads may work on panels of queries of their
// own.
inline constexpr std::int64_t queriesAtOnce = 32;

// Which tokens a query sees, itself included: the last `window` ones, or those since the last multiple of `chunk`.
struct Sight {
  std::int64_t window = std::numeric_limits<std::int64_t>::max() / 2, chunk = 0;  // chunk 0: no chunks
  std::int64_t first(std::int64_t query) const {
    if (chunk > 0) return query / chunk * chunk;
    return query >= window ? query - window + 1 : 0;
  }
  // The query from which on `key` is out of sight.
  std::int64_t end(std::int64_t key) const { return chunk > 0 ? (key / chunk + 1) * chunk : key + window; }
};

// One head over one sequence; rows of a token after those of the one before it.
struct Head {
  const float* query = nullptr;  // [S, width]
  const float* key = nullptr;    // [S, width]
  const float* value = nullptr;  // [S, valueWidth]
  std::int64_t width = 0, valueWidth = 0;
  float scale = 1;
  const float* sink = nullptr;  // the score of a key that every query sees and whose value is zero; null: none
};

// What one thread works in.
struct AttentionBench {
  std::vector<float> query, score, sum;
};

// out [count, valueWidth] = softmax(scale * query key^T) value for queries first, first + 1, ...; count <= 32, rows of
// `out` are `stride` apart. Values depend on nothing but the queries and what they see.
void attendQueries(const Head& head, const Sight& sight, std::int64_t first, std::int64_t count, AttentionBench& bench,
                   float* out, std::int64_t stride);

}  // namespace moescope::kernels
