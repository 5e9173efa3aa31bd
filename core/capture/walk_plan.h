// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/read_ahead.h"

namespace moescope {

// What of a forward is wanted; what comes after it is neither computed nor read.
struct WalkEnd {
  std::int64_t block = -1;  // the last block that is run; -1: none
  bool experts = true;      // also that block's feed-forward part
  bool loss = false;        // then the last norm and the head
};
WalkEnd wholeModel(const ModelConfig& config);
// As far as the last router.
WalkEnd lastRouter(const ModelConfig& config);

// What is read, in positions (tokens and padding).
struct WalkExtent {
  std::uint64_t tokens = 0;   // all of them
  std::uint64_t batch = 0;    // of the largest batch
  std::uint64_t longest = 0;  // window
  double bytesPerToken = 0;   // what the caller keeps of each until its group is done
};

// How a model's layers pass over the tokens within a budget: groups of tokens as large as it allows, for every layer is
// read once a group, unless all weights stay in memory.
struct WalkPlan {
  std::uint64_t group = 0;  // positions; a group holds at least one batch
  std::uint64_t groups = 1;
  std::uint64_t window = 0;  // bytes read ahead
  std::int64_t experts = 1;  // in fp32 at the same time
  bool keep = false;         // every part is read once and stays
  bool once = false;         // so much is read that it must not fill the page cache
  std::uint64_t memory = 0;  // what this takes beside the program itself, bytes
  double bytesRead = 0;      // from files, when every expert gets tokens
};
// What this machine could give a process now, bytes.
double availableMemory();

// budget 0: what this machine has free, with a margin.
WalkPlan planWalk(const WeightStore& weights, const WalkEnd& end, const WalkExtent& extent, std::uint64_t budget);

inline ReadAhead::Choice readingChoice(const WalkPlan& plan) {
  return {plan.window, plan.keep, plan.once};
}

// Positions of one piece of attention and router, rows of one piece of the head: fixed, so that values do not depend on
// the budget.
inline constexpr std::int64_t attentionTokens = 2048, headRows = 4096;

}  // namespace moescope
