// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/attention.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "core/model/attention_pass.h"
#include "core/model/projection.h"

namespace moescope {
namespace {

std::optional<at::Tensor> given(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

// [B,S,heads*width] to [B,heads,S,width].
at::Tensor byHead(const at::Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, -1}).transpose(1, 2);
}

// Which earlier tokens each token sees, bool [S,S]; undefined where that is all of them.
at::Tensor visible(const AttentionConfig& config, std::int64_t length, at::Device device) {
  if (config.span == AttentionSpan::full || config.window >= length) return {};
  const at::Tensor position = at::arange(length, at::TensorOptions(at::kLong).device(device));
  const at::Tensor reader = position.unsqueeze(1);
  const at::Tensor causal = position.le(reader);
  if (config.span == AttentionSpan::sliding) return causal.logical_and(position.gt(reader.sub(config.window)));
  return causal.logical_and(position.div(config.window, "floor").eq(reader.div(config.window, "floor")));
}

// softmax(scores) value over what each token sees: query [B,heads,S,width], key and value of as many heads or of fewer
// that neighbours share, to [B,S,heads*width of value]. A sink is a key
// that every token sees, whose score is the sink itself and whose value is zero: queries and keys get one dimension
// more for it.
at::Tensor mix(at::Tensor query, at::Tensor key, at::Tensor value, const at::Tensor& sinks,
               const AttentionConfig& config) {
  const std::int64_t length = query.size(2), width = value.size(3);
  double scale = config.scoreScale > 0 ? config.scoreScale : 1 / std::sqrt(static_cast<double>(query.size(3)));
  if (config.kind == AttentionKind::latent && config.scoreScale == 0) scale *= yarnScoreFactor(config.scaling);
  if (takesAttentionPass(query, key, value, sinks)) return attentionPass(query, key, value, sinks, scale, config);
  if (key.size(1) != query.size(1)) {
    key = key.repeat_interleave(query.size(1) / key.size(1), 1);
    value = value.repeat_interleave(query.size(1) / value.size(1), 1);
  }
  at::Tensor mask = visible(config, length, query.device());
  if (sinks.defined()) {
    const at::Tensor column = sinks.div(scale).view({1, -1, 1, 1}).expand({query.size(0), -1, length, 1});
    query = at::cat({query, column}, 3);
    key = at::constant_pad_nd(key, {0, 1, 0, 1});
    key.select(2, length).select(2, query.size(3) - 1).fill_(1);
    value = at::constant_pad_nd(value, {0, 0, 0, 1});
    const at::TensorOptions truth = at::TensorOptions(at::kBool).device(query.device());
    if (!mask.defined()) mask = at::ones({length, length}, truth).tril();
    mask = at::cat({mask, at::ones({length, 1}, truth)}, 1);
  }
  // Without equal widths the fast kernels are not taken, and all scores would lie in memory at once.
  if (value.size(3) < query.size(3)) value = at::constant_pad_nd(value, {0, query.size(3) - value.size(3)});
  const at::Tensor mixed = at::scaled_dot_product_attention(query, key, value, given(mask), 0.0,
                                                            /*is_causal=*/!mask.defined(), scale);
  return mixed.narrow(3, 0, width).transpose(1, 2).reshape({query.size(0), length, query.size(1) * width});
}

at::Tensor clipped(const at::Tensor& x, const AttentionConfig& config) {
  return config.clip > 0 ? x.clamp(-config.clip, config.clip) : x;
}

// Queries or keys of grouped attention, normed and turned as the switches say.
at::Tensor prepared(at::Tensor x, std::int64_t heads, const at::Tensor& norm, const AttentionConfig& config,
                    double epsilon, const RotaryTable& rotary) {
  if (config.qkNorm == QkNorm::full) x = rmsNorm(x, norm, epsilon);
  x = clipped(x, config);
  x = x.view({x.size(0), x.size(1), heads, config.headWidth});
  if (config.qkNorm == QkNorm::head) x = rmsNorm(x, norm, epsilon);
  x = x.transpose(1, 2);
  if (config.rope != RopeKind::none) x = rotate(x, rotary, config.rope);
  if (config.qkNorm == QkNorm::turned) return rmsNorm(x, norm, epsilon);
  return config.qkNorm == QkNorm::length && config.rope != RopeKind::none ? rmsNorm(x, {}, epsilon) : x;
}

// Later queries are sharpened (Nakanishi 2025; Llama 4 does so where positions do not turn).
at::Tensor tempered(const at::Tensor& query, const AttentionConfig& config) {
  if (config.temperature == 0) return query;
  const at::Tensor position = at::arange(query.size(2), query.options());
  const at::Tensor factor = position.add(1).div(config.temperatureFloor).floor().log1p().mul(config.temperature).add(1);
  return query.mul(factor.unsqueeze(1));
}

at::Tensor attendGrouped(const at::Tensor& x, const AttentionWeights& weights, const AttentionConfig& config,
                         double epsilon, const RotaryTable& rotary) {
  const at::Tensor query = tempered(
      prepared(project(x, weights.query, weights.queryBias), config.heads, weights.queryNorm, config, epsilon, rotary),
      config);
  const at::Tensor key =
      prepared(project(x, weights.key, weights.keyBias), config.keyHeads, weights.keyNorm, config, epsilon, rotary);
  const at::Tensor value = byHead(clipped(project(x, weights.value, weights.valueBias), config), config.keyHeads);
  return mix(query, key, value, weights.sinks, config);
}

// The norms inside have an epsilon of their own in every release, whatever config.json says of the others.
constexpr double latentEpsilon = 1e-6;

at::Tensor attendLatent(const at::Tensor& x, const AttentionWeights& weights, const AttentionConfig& config,
                        const RotaryTable& rotary) {
  const LatentConfig& latent = config.latent;
  at::Tensor narrow = x;
  if (latent.queryRank > 0)
    narrow = rmsNorm(project(x, weights.queryDown, weights.queryDownBias), weights.queryDownNorm, latentEpsilon);
  const at::Tensor query = byHead(project(narrow, weights.query), config.heads);
  const at::Tensor down = project(x, weights.sharedDown, weights.sharedDownBias);
  const at::Tensor shared = rmsNorm(down.narrow(2, 0, latent.rank), weights.sharedNorm, latentEpsilon);
  const at::Tensor both = byHead(project(shared, weights.sharedUp), config.heads);  // a head's plain key, its value
  const at::Tensor turnedKey = rotate(down.narrow(2, latent.rank, latent.rotary).unsqueeze(1), rotary, config.rope)
                                   .expand({-1, config.heads, -1, -1});
  const at::Tensor turnedQuery = rotate(query.narrow(3, latent.plain, latent.rotary), rotary, config.rope);
  return mix(at::cat({query.narrow(3, 0, latent.plain), turnedQuery}, 3),
             at::cat({both.narrow(3, 0, latent.plain), turnedKey}, 3), both.narrow(3, latent.plain, latent.value), {},
             config);
}

}  // namespace

at::Tensor attend(const at::Tensor& x, const AttentionWeights& weights, const AttentionConfig& config,
                  double normEpsilon, const RotaryTable& rotary) {
  const at::Tensor mixed = config.kind == AttentionKind::latent
                               ? attendLatent(x, weights, config, rotary)
                               : attendGrouped(x, weights, config, normEpsilon, rotary);
  return project(mixed, weights.output, weights.outputBias);
}

}  // namespace moescope
