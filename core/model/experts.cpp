// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/experts.h"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <functional>

#include "core/model/expert_product.h"

namespace moescope {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Segments {
  at::Tensor order;  // int64 [N]: t * k + j, sorted by expert
  std::vector<std::int64_t> offsets;
  std::int64_t choices;  // k
  std::int64_t experts() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t first(std::int64_t e) const { return offsets[static_cast<std::size_t>(e)]; }
  std::int64_t last(std::int64_t e) const { return offsets[static_cast<std::size_t>(e) + 1]; }
  at::Tensor rows(const at::Tensor& tensor, std::int64_t e) const {
    return tensor.narrow(0, first(e), last(e) - first(e));
  }
};

// Calls `work` for every expert that has rows. On the CPU threads take runs of neighbouring experts with about as many
// rows each, for one expert's product is too small to be worth splitting; unless one expert has most of the rows.
void forEachExpert(const Segments& segments, bool parallel, const std::function<void(std::int64_t)>& work) {
  const std::int64_t rows = segments.offsets.back(), shares = at::get_num_threads();
  std::int64_t most = 0;
  for (std::int64_t e = 0; e < segments.experts(); ++e) most = std::max(most, segments.last(e) - segments.first(e));
  const bool split = parallel && shares > 1 && most * shares <= rows * 3 / 2;
  const auto share = [&](std::int64_t from, std::int64_t to) {
    // Threads of the pool know nothing of the caller's guards, so they set their own.
    const at::AutoDispatchBelowADInplaceOrView guard;
    for (std::int64_t e = 0; e < segments.experts(); ++e) {
      const std::int64_t middle = (segments.first(e) + segments.last(e)) / 2;
      const bool mine = !split || (middle >= rows * from / shares && middle < rows * to / shares);
      if (mine && segments.first(e) < segments.last(e)) work(e);
    }
  };
  if (split)
    at::parallel_for(0, shares, 1, share);
  else
    share(0, shares);
}

// Sums the rows of the k choices of each token, first choice first: [N,H] to [T,H]. Unlike index_add, the same for any
// thread count.
at::Tensor sumByToken(const at::Tensor& rows, const Segments& segments, std::int64_t tokens) {
  if (segments.choices == 1)
    return at::zeros({tokens, rows.size(1)}, rows.options()).index_copy_(0, segments.order, rows);
  return at::zeros({tokens * segments.choices, rows.size(1)}, rows.options())
      .index_copy_(0, segments.order, rows)
      .view({tokens, segments.choices, rows.size(1)})
      .sum(1);
}

struct Pass {
  at::Tensor x, gateUp, output;  // [N,H], [N,2I] before the activation, [N,H]
};

Pass forwardExperts(const at::Tensor& x, const Segments& segments, const at::Tensor& gateUp, const at::Tensor& down) {
  Pass pass;
  pass.x = x.index_select(0, segments.order.div(segments.choices, "floor"));
  pass.gateUp = at::empty({pass.x.size(0), gateUp.size(1)}, x.options());
  pass.output = at::empty_like(pass.x);
  forEachExpert(segments, x.is_cpu(), [&](std::int64_t e) {
    at::Tensor into = segments.rows(pass.gateUp, e);
    at::mm_out(into, segments.rows(pass.x, e), gateUp.select(0, e).t());
  });
  const std::int64_t width = down.size(2);
  const at::Tensor inner = at::silu(pass.gateUp.narrow(1, 0, width)).mul_(pass.gateUp.narrow(1, width, width));
  forEachExpert(segments, x.is_cpu(), [&](std::int64_t e) {
    at::Tensor into = segments.rows(pass.output, e);
    at::mm_out(into, segments.rows(inner, e), down.select(0, e).t());
  });
  return pass;
}

class ExpertsFunction : public torch::autograd::Function<ExpertsFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& gateUp, const at::Tensor& down, const at::Tensor& order,
                            const std::vector<std::int64_t>& offsets) {
    const Segments segments{order, offsets, weight.size(1)};
    context->saved_data["offsets"] = offsets;
    if (takesExpertProduct(x, gateUp, down)) {
      ExpertProduct product = expertProduct({x, weight, gateUp, down, order, offsets});
      context->save_for_backward({weight, gateUp, down, order, x, product.both});
      return product.y;
    }
    const Pass pass = forwardExperts(x, segments, gateUp, down);
    const at::Tensor byRow = weight.reshape(-1).index_select(0, order).unsqueeze(1);
    context->save_for_backward({weight, gateUp, down, order, pass.x, pass.gateUp, pass.output});
    return sumByToken(pass.output.mul(byRow), segments, x.size(0));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &weight = saved[0], &gateUp = saved[1], &down = saved[2];
    const std::vector<std::int64_t> offsets = context->saved_data["offsets"].toIntVector();
    if (saved.size() == 6) {
      ExpertGradients of = expertGradients({saved[4], weight, gateUp, down, saved[3], offsets}, saved[5], gradients[0]);
      return {of.x, of.weight, of.gateUp, of.down, at::Tensor(), at::Tensor()};
    }
    const Pass pass{saved[4], saved[5], saved[6]};
    const Segments segments{saved[3], offsets, weight.size(1)};
    const std::int64_t tokens = weight.size(0), width = down.size(2);

    const at::Tensor ofToken = gradients[0].contiguous().index_select(0, segments.order.div(segments.choices, "floor"));
    const at::Tensor byRow = ofToken.mul(pass.output).sum(1);
    const at::Tensor weightGradient =
        at::zeros({weight.numel()}, weight.options()).index_copy_(0, segments.order, byRow).view_as(weight);
    const at::Tensor ofOutput = ofToken.mul(weight.reshape(-1).index_select(0, segments.order).unsqueeze(1));

    // An expert without rows keeps a gradient of zero.
    const at::Tensor gateUpGradient = at::zeros_like(gateUp), downGradient = at::zeros_like(down);
    const at::Tensor gate = pass.gateUp.narrow(1, 0, width), up = pass.gateUp.narrow(1, width, width);
    const at::Tensor activated = at::silu(gate), inner = activated.mul(up);
    const at::Tensor ofInner = at::empty_like(inner), ofGateUp = at::empty_like(pass.gateUp),
                     ofX = at::empty_like(pass.x);
    forEachExpert(segments, pass.x.is_cpu(), [&](std::int64_t e) {
      at::Tensor intoDown = downGradient.select(0, e), into = segments.rows(ofInner, e);
      at::mm_out(intoDown, segments.rows(ofOutput, e).t(), segments.rows(inner, e));
      at::mm_out(into, segments.rows(ofOutput, e), down.select(0, e));
    });
    ofGateUp.narrow(1, width, width).copy_(activated.mul_(ofInner));
    at::Tensor ofGate = ofGateUp.narrow(1, 0, width);
    at::silu_backward_out(ofGate, ofInner.mul_(up), gate);
    forEachExpert(segments, pass.x.is_cpu(), [&](std::int64_t e) {
      at::Tensor intoGateUp = gateUpGradient.select(0, e), into = segments.rows(ofX, e);
      at::mm_out(intoGateUp, segments.rows(ofGateUp, e).t(), segments.rows(pass.x, e));
      at::mm_out(into, segments.rows(ofGateUp, e), gateUp.select(0, e));
    });
    return {
        sumByToken(ofX, segments, tokens), weightGradient, gateUpGradient, downGradient, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor applyExperts(const at::Tensor& x, const Assignments& assignments, const at::Tensor& gateUp,
                        const at::Tensor& down) {
  return ExpertsFunction::apply(x, assignments.weight, gateUp, down, assignments.order, assignments.offsets);
}

at::Tensor applyExperts(const at::Tensor& x, const Assignments& assignments, const at::Tensor& gateUp,
                        const at::Tensor& down, const ExpertRule& rule) {
  if (rule.usual()) return applyExperts(x, assignments, gateUp, down);
  const Segments segments{assignments.order, assignments.offsets, assignments.expert.size(1)};
  const at::Tensor token = segments.order.div(segments.choices, "floor");
  const at::Tensor weight = assignments.weight.reshape(-1).index_select(0, segments.order).unsqueeze(1);
  const auto biasOf = [](const at::Tensor& bias, std::int64_t e) {
    return bias.defined() ? std::optional(bias.select(0, e)) : std::nullopt;
  };
  std::vector<at::Tensor> outputs{at::zeros({0, x.size(1)}, x.options())};
  for (std::int64_t e = 0; e < segments.experts(); ++e) {
    if (segments.first(e) == segments.last(e)) continue;
    const at::Tensor rows = x.index_select(0, segments.rows(token, e)), factor = segments.rows(weight, e);
    const at::Tensor both =
        at::linear(rule.weightInput ? rows.mul(factor) : rows, gateUp.select(0, e), biasOf(rule.gateUpBias, e));
    const at::Tensor output = at::linear(activate(both, rule.activation), down.select(0, e), biasOf(rule.downBias, e));
    outputs.push_back(rule.weightInput ? output : output.mul(factor));
  }
  return sumByToken(at::cat(outputs), segments, x.size(0));
}

at::Tensor expertOutputs(const at::Tensor& x, const Assignments& assignments, const at::Tensor& gateUp,
                         const at::Tensor& down) {
  const at::AutoDispatchBelowAutograd guard;
  return forwardExperts(x, {assignments.order, assignments.offsets, assignments.expert.size(1)}, gateUp, down).output;
}

}  // namespace moescope
