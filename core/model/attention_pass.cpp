// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/attention_pass.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "core/model/share_out.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/panels.h"

namespace moescope {
namespace {

kernels::Sight sightOf(const AttentionConfig& config) {
  if (config.span == AttentionSpan::sliding) return {.window = config.window};
  if (config.span == AttentionSpan::chunked) return {.chunk = config.window};
  return {};
}

}  // namespace

bool takesAttentionPass(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                        const at::Tensor& sinks) {
  const auto fits = [](const at::Tensor& x) {
    return x.is_cpu() && x.scalar_type() == at::kFloat && !(at::GradMode::is_enabled() && x.requires_grad());
  };
  return kernels::hasPanels() && fits(query) && fits(key) && fits(value) && (!sinks.defined() || fits(sinks));
}

at::Tensor attentionPass(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                         const at::Tensor& sinks, double scale, const AttentionConfig& config) {
  const at::Tensor queries = query.contiguous(), keys = key.contiguous(), values = value.contiguous();
  const at::Tensor sink = sinks.defined() ? sinks.to(at::kFloat).contiguous() : sinks;
  const std::int64_t batch = query.size(0), heads = query.size(1), length = query.size(2), width = query.size(3);
  const std::int64_t keyHeads = key.size(1), valueWidth = value.size(3);
  const kernels::Sight sight = sightOf(config);
  at::Tensor result = at::empty({batch, length, heads * valueWidth}, queries.options());
  const float *q = queries.const_data_ptr<float>(), *k = keys.const_data_ptr<float>(),
              *v = values.const_data_ptr<float>(), *s = sink.defined() ? sink.const_data_ptr<float>() : nullptr;
  float* into = result.mutable_data_ptr<float>();
  const std::int64_t panels = (length + kernels::queriesAtOnce - 1) / kernels::queriesAtOnce;
  shareOut(batch * heads * panels, [&](std::int64_t item) {
    thread_local kernels::AttentionBench bench;
    // Head after head, so that its keys stay in the cache, and the longest rows first.
    const std::int64_t row = item / panels, head = row % heads, sequence = row / heads;
    const std::int64_t first = (panels - 1 - item % panels) * kernels::queriesAtOnce;
    const std::int64_t source = sequence * keyHeads + head / (heads / keyHeads);
    const kernels::Head one{q + row * length * width,
                            k + source * length * width,
                            v + source * length * valueWidth,
                            width,
                            valueWidth,
                            float(scale),
                            s ? s + head : nullptr};
    kernels::attendQueries(one, sight, first, std::min(kernels::queriesAtOnce, length - first), bench,
                           into + ((sequence * length + first) * heads + head) * valueWidth, heads * valueWidth);
  });
  return result;
}

}  // namespace moescope
