// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/block.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/core.h>

#include <cmath>

#include "core/model/expert_pass.h"
#include "core/model/feed_forward.h"
#include "core/model/parameter_maker.h"
#include "core/model/projection.h"

namespace moescope {

void Block::makeAttention(ParameterMaker& make, const std::string& prefix, const ModelConfig& config, double residual) {
  const AttentionConfig& attention = attentionConfig_;
  if (attention.kind == AttentionKind::latent) return makeLatent(make, prefix, config, residual);
  const std::int64_t width = attention.heads * attention.headWidth, keyWidth = attention.keyHeads * attention.headWidth;
  attention_.query = make.matrix(prefix + "query", {width, config.hidden});
  attention_.key = make.matrix(prefix + "key", {keyWidth, config.hidden});
  attention_.value = make.matrix(prefix + "value", {keyWidth, config.hidden});
  attention_.output = make.matrix(prefix + "output", {config.hidden, width}, residual);
  if (attention.inputBias) {
    attention_.queryBias = make.filled(prefix + "query_bias", {width}, 0);
    attention_.keyBias = make.filled(prefix + "key_bias", {keyWidth}, 0);
    attention_.valueBias = make.filled(prefix + "value_bias", {keyWidth}, 0);
  }
  if (attention.outputBias) attention_.outputBias = make.filled(prefix + "output_bias", {config.hidden}, 0);
  if (attention.sinks) attention_.sinks = make.filled(prefix + "sinks", {attention.heads}, 0);
  if (hasWeights(attention.qkNorm)) {
    const bool full = attention.qkNorm == QkNorm::full;
    attention_.queryNorm = make.filled(prefix + "query_norm", {full ? width : attention.headWidth}, 1);
    attention_.keyNorm = make.filled(prefix + "key_norm", {full ? keyWidth : attention.headWidth}, 1);
  }
}

void Block::makeLatent(ParameterMaker& make, const std::string& prefix, const ModelConfig& config, double residual) {
  const AttentionConfig& attention = attentionConfig_;
  const LatentConfig& latent = attention.latent;
  if (latent.queryRank > 0) {
    attention_.queryDown = make.matrix(prefix + "query_down", {latent.queryRank, config.hidden});
    if (attention.inputBias) attention_.queryDownBias = make.filled(prefix + "query_down_bias", {latent.queryRank}, 0);
    attention_.queryDownNorm = make.filled(prefix + "query_down_norm", {latent.queryRank}, 1);
  }
  attention_.query = make.matrix(prefix + "query", {attention.heads * attention.headWidth,
                                                    latent.queryRank > 0 ? latent.queryRank : config.hidden});
  const std::int64_t shared = latent.rank + latent.rotary;
  attention_.sharedDown = make.matrix(prefix + "key_value_down", {shared, config.hidden});
  if (attention.inputBias) attention_.sharedDownBias = make.filled(prefix + "key_value_down_bias", {shared}, 0);
  attention_.sharedNorm = make.filled(prefix + "key_value_down_norm", {latent.rank}, 1);
  attention_.sharedUp =
      make.matrix(prefix + "key_value", {attention.heads * (latent.plain + latent.value), latent.rank});
  attention_.output = make.matrix(prefix + "output", {config.hidden, attention.heads * latent.value}, residual);
  if (attention.outputBias) attention_.outputBias = make.filled(prefix + "output_bias", {config.hidden}, 0);
}

void Block::makeExperts(ParameterMaker& make, const std::string& prefix, const MoeConfig& moe, double residual) {
  gateUp_ = make.matrix(prefix + "experts.gate_up", {moe.experts, 2 * moe.expertWidth, hidden_}, 1, Group::expert);
  down_ = make.matrix(prefix + "experts.down", {moe.experts, hidden_, moe.expertWidth}, residual, Group::expert);
  if (!moe.expertBias) return;
  rule_.gateUpBias = make.filled(prefix + "experts.gate_up_bias", {moe.experts, 2 * moe.expertWidth}, 0, Group::expert);
  rule_.downBias = make.filled(prefix + "experts.down_bias", {moe.experts, hidden_}, 0, Group::expert);
}

void Block::makeShared(ParameterMaker& make, const std::string& prefix, const MoeConfig& moe, double residual) {
  if (moe.sharedWidth > 0) {
    sharedGateUp_ = make.matrix(prefix + "shared.gate_up", {2 * moe.sharedWidth, hidden_});
    sharedDown_ = make.matrix(prefix + "shared.down", {hidden_, moe.sharedWidth}, residual);
  }
  if (moe.sharedGate) sharedGate_ = make.normal(prefix + "shared.gate", {1, hidden_}, 0.02);
}

Expected<Block> Block::make(const ModelConfig& config, std::int64_t index, at::Generator* seed, at::Device device,
                            Experts experts) {
  const std::string prefix = fmt::format("layers.{}.", index);
  const double residual = 1 / std::sqrt(2.0 * static_cast<double>(config.layers));
  Block block;
  block.index_ = index;
  block.hidden_ = config.hidden;
  block.config_ = config;
  block.attentionConfig_ = config.attentionOf(index);
  block.rule_.activation = activationOf(config);
  ParameterMaker make(block.parameters_, seed, device);
  block.attentionNorm_ = makeNorm(make, prefix + "attention_norm", config);
  block.makeAttention(make, prefix, config, residual);
  block.feedForwardNorm_ = makeNorm(make, prefix + "feed_forward_norm", config);
  if (!config.isSparse(index)) {
    block.gateUp_ = make.matrix(prefix + "dense.gate_up", {2 * config.denseWidth, config.hidden});
    block.down_ = make.matrix(prefix + "dense.down", {config.hidden, config.denseWidth}, residual);
    return block;
  }
  const MoeConfig& moe = config.moe;
  TRY_ASSIGN(block.router_, makeRouter(moe.router, {config.hidden, moe.experts, moe.topK}, seed, device));
  for (NamedTensor& tensor : block.router_->parameters())
    block.parameters_.push_back({prefix + tensor.name, tensor.value, tensor.group});
  for (NamedTensor& tensor : block.router_->buffers())
    block.buffers_.push_back({prefix + tensor.name, tensor.value, tensor.group});
  block.rule_.weightInput = moe.weightInput;
  if (experts == Experts::resident) block.makeExperts(make, prefix, moe, residual);
  block.makeShared(make, prefix, moe, residual);
  return block;
}

at::Tensor Block::attend(const at::Tensor& hidden, RotaryTables& rotary) const {
  const bool before = config_.block == BlockKind::pre;
  const at::Tensor x = before ? norm(hidden, config_, attentionNorm_.weight, attentionNorm_.bias) : hidden;
  return added(hidden,
               moescope::attend(x, attention_, attentionConfig_, config_.normEpsilon,
                                rotary.of(attentionConfig_, hidden.size(1))),
               attentionNorm_);
}

// What a sublayer gives enters the residual stream, normed where norms come after.
at::Tensor Block::added(const at::Tensor& hidden, const at::Tensor& y, const NormWeights& after) const {
  const at::Tensor given = config_.block == BlockKind::post ? norm(y, config_, after.weight, after.bias) : y;
  return config_.residualFactor == 1 ? hidden.add(given) : hidden.add(given.mul(config_.residualFactor));
}

at::Tensor Block::feedForwardInput(const at::Tensor& attended) const {
  if (config_.block == BlockKind::post) return attended;
  return norm(attended, config_, feedForwardNorm_.weight, feedForwardNorm_.bias);
}

at::Tensor Block::dense(const at::Tensor& x) const {
  return feedForward(x, gateUp_, down_, rule_.activation);
}

Assignments Block::route(const at::Tensor& x, const ForwardContext& context) const {
  RouteContext route{context.training, context.generator, {}, context.training ? 0 : x.size(1)};
  if (context.valid.defined()) route.valid = context.valid.reshape(-1);
  return router_->route(x.reshape({-1, hidden_}), route);
}

at::Tensor Block::finish(const at::Tensor& attended, const at::Tensor& x, const at::Tensor& y) const {
  if (!router_ || !sharedGateUp_.defined()) return added(attended, y.view_as(x), feedForwardNorm_);
  at::Tensor shared = feedForward(x, sharedGateUp_, sharedDown_, rule_.activation);
  if (sharedGate_.defined()) shared = shared.mul(at::sigmoid(project(x, sharedGate_)));
  return added(attended, y.view_as(x).add(shared), feedForwardNorm_);
}

// Without gradients as experts from elsewhere are computed.
at::Tensor Block::routed(const at::Tensor& tokens, const Assignments& assignments) const {
  if (at::GradMode::is_enabled() || !tokens.is_cpu()) return applyExperts(tokens, assignments, gateUp_, down_, rule_);
  std::vector<ExpertWeights> experts;
  for (std::int64_t e = 0; e < gateUp_.size(0); ++e) {
    experts.push_back({gateUp_.select(0, e), down_.select(0, e), {}, {}});
    if (!rule_.gateUpBias.defined()) continue;
    experts.back().gateUpBias = rule_.gateUpBias.select(0, e);
    experts.back().downBias = rule_.downBias.select(0, e);
  }
  at::Tensor y = at::zeros_like(tokens);
  addExperts(tokens, assignments, 0, experts, rule_, y);
  return y;
}

at::Tensor Block::forward(const at::Tensor& hidden, const ForwardContext& context, RotaryTables& rotary,
                          Forward& into) const {
  const at::Tensor attended = attend(hidden, rotary);
  const at::Tensor x = feedForwardInput(attended);
  if (!router_) return finish(attended, x, dense(x));
  const at::Tensor tokens = x.reshape({-1, hidden_});
  Assignments assignments = route(x, context);
  const at::Tensor result = finish(attended, x, routed(tokens, assignments));
  for (const auto& [name, loss] : assignments.losses) {
    at::Tensor& sum = into.losses[name];
    sum = sum.defined() ? sum.add(loss) : loss;
  }
  into.routing.push_back({index_, std::move(assignments), context.inputs ? tokens : at::Tensor()});
  return result;
}

}  // namespace moescope
