// SPDX-License-Identifier: GPL-3.0-or-later
// Seconds of one processor for a forward and backward of the experts of one layer: what the decoder uses against the
// other ways to write it. Processor time of one thread, so that a busy machine disturbs it little.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "core/model/experts.h"
#include "core/model/feed_forward.h"

using namespace moescope;

namespace {

struct Layer {
  std::int64_t experts, choices, hidden, width, tokens;
  at::Tensor x, gateUp, down;
  Assignments assignments;
  at::Tensor token, inverse;  // of the sorted choices

  at::Tensor combine(const at::Tensor& rows) const {
    const at::Tensor weighted =
        rows.mul(assignments.weight.reshape(-1).index_select(0, assignments.order).unsqueeze(1));
    return weighted.index_select(0, inverse).view({tokens, choices, hidden}).sum(1);
  }
  at::Tensor activated(const at::Tensor& both) const {
    return at::silu(both.narrow(-1, 0, width)).mul(both.narrow(-1, width, width));
  }
};

Layer makeLayer(std::int64_t experts, std::int64_t choices, std::int64_t hidden, std::int64_t width,
                std::int64_t tokens) {
  Layer layer{experts, choices, hidden, width, tokens};
  at::manual_seed(1);
  layer.x = at::randn({tokens, hidden}).set_requires_grad(true);
  layer.gateUp = at::randn({experts, 2 * width, hidden}).mul(0.05).set_requires_grad(true);
  layer.down = at::randn({experts, hidden, width}).mul(0.05).set_requires_grad(true);
  const auto [score, expert] = at::randn({tokens, experts}).topk(choices, 1);
  layer.assignments.expert = expert.contiguous();
  layer.assignments.weight = score.softmax(1).set_requires_grad(true);
  layer.assignments.kept = at::ones({tokens, choices}, at::kBool);
  sortByExpert(layer.assignments, experts);
  layer.token = layer.assignments.order.div(choices, "floor");
  layer.inverse = layer.assignments.order.argsort();
  return layer;
}

at::Tensor sorted(const Layer& layer) {
  return applyExperts(layer.x, layer.assignments, layer.gateUp, layer.down);
}

at::Tensor grouped(const Layer& layer) {
  const std::vector<std::int64_t>& offsets = layer.assignments.offsets;
  const at::Tensor ends = at::tensor(std::vector<std::int64_t>(offsets.begin() + 1, offsets.end())).to(at::kInt);
  const at::Tensor both = at::_grouped_mm(layer.x.index_select(0, layer.token), layer.gateUp.transpose(1, 2), ends);
  return layer.combine(at::_grouped_mm(layer.activated(both), layer.down.transpose(1, 2), ends));
}

at::Tensor padded(const Layer& layer) {
  const std::vector<std::int64_t>& offsets = layer.assignments.offsets;
  std::int64_t most = 0;
  for (std::int64_t e = 0; e < layer.experts; ++e) most = std::max(most, offsets[e + 1] - offsets[e]);
  std::vector<std::int64_t> slot;
  for (std::int64_t e = 0; e < layer.experts; ++e)
    for (std::int64_t row = 0; row < offsets[e + 1] - offsets[e]; ++row) slot.push_back(e * most + row);
  const at::Tensor slots = at::tensor(slot), rows = layer.x.index_select(0, layer.token);
  const at::Tensor batches = at::zeros({layer.experts * most, layer.hidden})
                                 .index_copy(0, slots, rows)
                                 .view({layer.experts, most, layer.hidden});
  const at::Tensor out =
      at::bmm(layer.activated(at::bmm(batches, layer.gateUp.transpose(1, 2))), layer.down.transpose(1, 2));
  return layer.combine(out.view({layer.experts * most, layer.hidden}).index_select(0, slots));
}

at::Tensor oneByOne(const Layer& layer) {
  const at::Tensor rows = layer.x.index_select(0, layer.token);
  std::vector<at::Tensor> out;
  for (std::int64_t e = 0; e < layer.experts; ++e) {
    const std::int64_t first = layer.assignments.offsets[e], last = layer.assignments.offsets[e + 1];
    out.push_back(feedForward(rows.narrow(0, first, last - first), layer.gateUp[e], layer.down[e]));
  }
  return layer.combine(at::cat(out));
}

double processorSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void measure(const char* name, const Layer& layer, const std::function<at::Tensor(const Layer&)>& way) {
  double best = 1e9;
  for (int round = 0; round < 20; ++round) {
    for (const at::Tensor& tensor : {layer.x, layer.gateUp, layer.down, layer.assignments.weight})
      tensor.mutable_grad() = at::Tensor();
    const double start = processorSeconds();
    way(layer).square().sum().backward();
    best = std::min(best, processorSeconds() - start);
  }
  std::printf("E %2ld k %ld width %3ld, %ld tokens: %-16s %6.1f ms\n", static_cast<long>(layer.experts),
              static_cast<long>(layer.choices), static_cast<long>(layer.width), static_cast<long>(layer.tokens), name,
              best * 1e3);
}

}  // namespace

int main() {
  at::set_num_threads(1);
  for (const Layer& layer :
       {makeLayer(8, 2, 128, 256, 2048), makeLayer(64, 8, 128, 64, 2048), makeLayer(8, 2, 128, 128, 1024)}) {
    measure("sorted (used)", layer, sorted);
    measure("_grouped_mm", layer, grouped);
    measure("padded bmm", layer, padded);
    measure("linear by linear", layer, oneByOne);
  }
}
