// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/reading.h"
#include "core/capture/walk_plan.h"
#include "core/model/expert_pass.h"
#include "core/model/read_ahead.h"
#include "core/training/batches.h"
#include "core/training/token_loss.h"

namespace moescope {

// What a walk shows of a group of batches, layer by layer: begin, then for every layer in order what was routed of each
// batch and what its experts gave, then the losses, then end. Layers are MoE layers counted from 0. Rows of assignments
// and of the observer are the batch's positions, row-major.
class WalkVisitor {
 public:
  virtual ~WalkVisitor() = default;
  virtual Expected<void> begin(std::span<const Batch> /*group*/) { return {}; }
  // `input` is what router and experts read, [positions,H].
  virtual Expected<void> routed(std::size_t /*batch*/, std::int64_t /*layer*/, const Assignments& /*assignments*/,
                                const at::Tensor& /*input*/) {
    return {};
  }
  virtual ExpertObserver observer(std::size_t /*batch*/, std::int64_t /*layer*/) { return {}; }
  // Of every expert's outputs on all tokens, with weight 1; looked at where it is given.
  virtual ExpertObserver allObserver(std::size_t /*batch*/, std::int64_t /*layer*/) { return {}; }
  // Of every position: the loss of its next token, and the id that the model thinks likeliest there.
  virtual Expected<void> predicted(std::size_t /*batch*/, std::span<const float> /*loss*/,
                                   std::span<const std::int32_t> /*likeliest*/) {
    return {};
  }
  virtual Expected<void> end(std::span<const Batch> group) = 0;
};

// The windows side by side that run as one: as many neighbours as `rows` allows and 4096 positions hold, at least one.
std::vector<std::span<const Window>> batchesOf(std::span<const Window> windows, std::int64_t rows);

// Runs the windows of a reading through its model, layer by layer over groups of batches, reading each layer's weights
// (and of its experts only those that got tokens) while the one before computes. The values of a batch depend on
// nothing but its windows, the model and the device. Cancelled between pieces of a layer. `weights` reads those of the
// reading and counts the bytes.
Expected<void> walk(const Reading& reading, std::span<const std::span<const Window>> batches, const WalkEnd& end,
                    const WalkPlan& plan, ReadAhead& weights, WalkVisitor& visitor, Job& job);

// The extent of a reading's batches.
WalkExtent extentOf(std::span<const std::span<const Window>> batches, double bytesPerToken);

}  // namespace moescope
