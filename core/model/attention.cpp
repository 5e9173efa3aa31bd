// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/attention.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/scaled_dot_product_attention.h>

namespace moescope {
namespace {

// [B,S,heads*d] to [B,heads,S,d], normed and turned as the switches say.
at::Tensor splitHeads(at::Tensor x, std::int64_t heads, const at::Tensor& norm, const AttentionConfig& config,
                      double epsilon, const RotaryTable* rotary) {
  if (norm.defined() && config.qkNorm == QkNorm::full) x = rmsNorm(x, norm, epsilon);
  x = x.view({x.size(0), x.size(1), heads, config.headWidth});
  if (norm.defined() && config.qkNorm == QkNorm::head) x = rmsNorm(x, norm, epsilon);
  x = x.transpose(1, 2);
  return rotary ? rotate(x, *rotary) : x;
}

std::optional<at::Tensor> given(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

}  // namespace

at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  return x.mul(at::rsqrt(x.square().mean(-1, /*keepdim=*/true).add(epsilon))).mul(weight);
}

RotaryTable makeRotaryTable(std::int64_t length, std::int64_t headWidth, double theta, at::Device device) {
  const at::TensorOptions real(at::kDouble);
  const at::Tensor frequency = at::pow(theta, at::arange(0, headWidth, 2, real).div(-static_cast<double>(headWidth)));
  const at::Tensor angle = at::outer(at::arange(length, real), frequency);
  return {angle.cos().to(device, at::kFloat), angle.sin().to(device, at::kFloat)};
}

const RotaryTable& RotaryTables::of(const AttentionConfig& attention, std::int64_t length) {
  RotaryTable& table = byWidthAndTheta_[{attention.headWidth, attention.ropeTheta}];
  if (!table.cosine.defined() || table.cosine.size(0) < length)
    table = makeRotaryTable(length, attention.headWidth, attention.ropeTheta, device_);
  return table;
}

at::Tensor rotate(const at::Tensor& x, const RotaryTable& table) {
  const std::int64_t half = x.size(3) / 2, length = x.size(2);
  const at::Tensor cosine = table.cosine.narrow(0, 0, length), sine = table.sine.narrow(0, 0, length);
  const at::Tensor first = x.narrow(3, 0, half), second = x.narrow(3, half, half);
  return at::cat({first.mul(cosine).sub(second.mul(sine)), second.mul(cosine).add(first.mul(sine))}, 3);
}

at::Tensor attend(const at::Tensor& x, const AttentionWeights& weights, const AttentionConfig& config,
                  double normEpsilon, const RotaryTable& rotary) {
  const RotaryTable* turn = config.rope == RopeKind::half ? &rotary : nullptr;
  const at::Tensor query = splitHeads(at::linear(x, weights.query, given(weights.queryBias)), config.heads,
                                      weights.queryNorm, config, normEpsilon, turn);
  at::Tensor key = splitHeads(at::linear(x, weights.key, given(weights.keyBias)), config.keyHeads, weights.keyNorm,
                              config, normEpsilon, turn);
  at::Tensor value = splitHeads(at::linear(x, weights.value, given(weights.valueBias)), config.keyHeads, {}, config,
                                normEpsilon, nullptr);
  if (config.keyHeads != config.heads) {
    key = key.repeat_interleave(config.heads / config.keyHeads, 1);
    value = value.repeat_interleave(config.heads / config.keyHeads, 1);
  }
  const at::Tensor mixed = at::scaled_dot_product_attention(query, key, value, {}, 0.0, /*is_causal=*/true);
  const at::Tensor joined = mixed.transpose(1, 2).reshape({x.size(0), x.size(1), config.heads * config.headWidth});
  return at::linear(joined, weights.output, given(weights.outputBias));
}

}  // namespace moescope
