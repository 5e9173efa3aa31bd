// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/decoder.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/sigmoid.h>
#include <fmt/core.h>

#include <cmath>

#include "core/model/attention.h"
#include "core/model/experts.h"
#include "core/model/feed_forward.h"

namespace moescope {
namespace {

struct Layer {
  at::Tensor attentionNorm, feedForwardNorm;  // [H]
  AttentionWeights attention;
  at::Tensor gateUp, down;  // dense: [2I,H], [H,I]; sparse: [E,2I,H], [E,H,I]
  at::Tensor sharedGateUp, sharedDown, sharedGate;
  std::unique_ptr<Router> router;  // null in a dense layer
};

}  // namespace

struct Decoder::State {
  ModelConfig config;
  at::Device device = at::kCPU;
  at::Tensor embedding, norm, head;  // [V,H], [H], [V,H] (the embedding itself when tied)
  std::vector<Layer> layers;
  std::vector<NamedTensor> parameters, buffers;
  mutable RotaryTable rotary;  // for the longest sequence so far

  const RotaryTable& rotaryFor(std::int64_t length) const {
    if (!rotary.cosine.defined() || rotary.cosine.size(0) < length)
      rotary = makeRotaryTable(length, config.attention.headWidth, config.attention.ropeTheta, device);
    return rotary;
  }
};

namespace {

// Makes parameters in a fixed order from one generator, so that a seed names a model. Matrices: N(0, 1/fan-in), those
// that write to the residual stream divided by sqrt(2 layers); norms 1; biases 0.
class Maker {
 public:
  Maker(std::vector<NamedTensor>& into, at::Generator* seed, at::Device device)
      : into_(into), seed_(seed), device_(device) {}

  at::Tensor normal(const std::string& name, at::IntArrayRef shape, double deviation, Group group = Group::dense) {
    at::Tensor tensor = at::empty(shape, at::kFloat);
    if (seed_) tensor.normal_(0, deviation, *seed_);
    return add(name, std::move(tensor), group);
  }
  at::Tensor matrix(const std::string& name, at::IntArrayRef shape, double factor = 1, Group group = Group::dense) {
    return normal(name, shape, factor / std::sqrt(static_cast<double>(shape.back())), group);
  }
  at::Tensor filled(const std::string& name, std::int64_t width, double value) {
    at::Tensor tensor = at::empty({width}, at::kFloat);
    if (seed_) tensor.fill_(value);
    return add(name, std::move(tensor), Group::dense);
  }

 private:
  at::Tensor add(const std::string& name, at::Tensor tensor, Group group) {
    tensor = tensor.to(device_).set_requires_grad(true);
    into_.push_back({name, tensor, group});
    return tensor;
  }
  std::vector<NamedTensor>& into_;
  at::Generator* seed_;
  at::Device device_;
};

AttentionWeights makeAttention(Maker& make, const std::string& prefix, const ModelConfig& config, double residual) {
  const AttentionConfig& attention = config.attention;
  const std::int64_t width = attention.heads * attention.headWidth, keyWidth = attention.keyHeads * attention.headWidth;
  AttentionWeights weights;
  weights.query = make.matrix(prefix + "query", {width, config.hidden});
  weights.key = make.matrix(prefix + "key", {keyWidth, config.hidden});
  weights.value = make.matrix(prefix + "value", {keyWidth, config.hidden});
  weights.output = make.matrix(prefix + "output", {config.hidden, width}, residual);
  if (attention.inputBias) {
    weights.queryBias = make.filled(prefix + "query_bias", width, 0);
    weights.keyBias = make.filled(prefix + "key_bias", keyWidth, 0);
    weights.valueBias = make.filled(prefix + "value_bias", keyWidth, 0);
  }
  if (attention.outputBias) weights.outputBias = make.filled(prefix + "output_bias", config.hidden, 0);
  if (attention.qkNorm != QkNorm::none) {
    const bool full = attention.qkNorm == QkNorm::full;
    weights.queryNorm = make.filled(prefix + "query_norm", full ? width : attention.headWidth, 1);
    weights.keyNorm = make.filled(prefix + "key_norm", full ? keyWidth : attention.headWidth, 1);
  }
  return weights;
}

void makeExperts(Maker& make, const std::string& prefix, const ModelConfig& config, double residual, Layer& layer) {
  const MoeConfig& moe = config.moe;
  layer.gateUp =
      make.matrix(prefix + "experts.gate_up", {moe.experts, 2 * moe.expertWidth, config.hidden}, 1, Group::expert);
  layer.down =
      make.matrix(prefix + "experts.down", {moe.experts, config.hidden, moe.expertWidth}, residual, Group::expert);
  if (moe.sharedWidth > 0) {
    layer.sharedGateUp = make.matrix(prefix + "shared.gate_up", {2 * moe.sharedWidth, config.hidden});
    layer.sharedDown = make.matrix(prefix + "shared.down", {config.hidden, moe.sharedWidth}, residual);
  }
  if (moe.sharedGate) layer.sharedGate = make.normal(prefix + "shared.gate", {1, config.hidden}, 0.02);
}

at::Tensor sparseFeedForward(const Layer& layer, const ModelConfig& config, std::int64_t index, const at::Tensor& x,
                             const ForwardContext& context, Forward& into) {
  const at::Tensor tokens = x.reshape({-1, config.hidden});
  RouteContext route{context.training, context.generator, {}, context.training ? 0 : x.size(1)};
  if (context.valid.defined()) route.valid = context.valid.reshape(-1);
  Assignments assignments = layer.router->route(tokens, route);
  at::Tensor y = applyExperts(tokens, assignments, layer.gateUp, layer.down);
  if (layer.sharedGateUp.defined()) {
    at::Tensor shared = feedForward(tokens, layer.sharedGateUp, layer.sharedDown);
    if (layer.sharedGate.defined()) shared = shared.mul(at::sigmoid(at::linear(tokens, layer.sharedGate)));
    y = y.add(shared);
  }
  for (const auto& [name, loss] : assignments.losses) {
    at::Tensor& sum = into.losses[name];
    sum = sum.defined() ? sum.add(loss) : loss;
  }
  into.routing.push_back({index, std::move(assignments), context.inputs ? tokens : at::Tensor()});
  return y.view_as(x);
}

}  // namespace

Expected<Decoder> Decoder::make(ModelConfig config, std::optional<std::uint64_t> seed, at::Device device) {
  TRY_DO(checkConfig(config));
  auto state = std::make_unique<State>();
  at::Generator generator = at::detail::createCPUGenerator(seed.value_or(0));
  at::Generator* start = seed ? &generator : nullptr;
  Maker make(state->parameters, start, device);
  const double residual = 1 / std::sqrt(2.0 * static_cast<double>(config.layers));
  state->embedding = make.normal("embedding", {config.vocabulary, config.hidden}, config.tiedHead ? 0.02 : 1);
  for (std::int64_t index = 0; index < config.layers; ++index) {
    const std::string prefix = fmt::format("layers.{}.", index);
    Layer& layer = state->layers.emplace_back();
    layer.attentionNorm = make.filled(prefix + "attention_norm", config.hidden, 1);
    layer.attention = makeAttention(make, prefix, config, residual);
    layer.feedForwardNorm = make.filled(prefix + "feed_forward_norm", config.hidden, 1);
    if (!config.isSparse(index)) {
      layer.gateUp = make.matrix(prefix + "dense.gate_up", {2 * config.denseWidth, config.hidden});
      layer.down = make.matrix(prefix + "dense.down", {config.hidden, config.denseWidth}, residual);
      continue;
    }
    TRY_ASSIGN(layer.router,
               makeRouter(config.moe.router, {config.hidden, config.moe.experts, config.moe.topK}, start, device));
    for (NamedTensor& tensor : layer.router->parameters())
      state->parameters.push_back({prefix + tensor.name, tensor.value, tensor.group});
    for (NamedTensor& tensor : layer.router->buffers())
      state->buffers.push_back({prefix + tensor.name, tensor.value, tensor.group});
    makeExperts(make, prefix, config, residual, layer);
  }
  state->norm = make.filled("norm", config.hidden, 1);
  state->head = config.tiedHead ? state->embedding : make.normal("head", {config.vocabulary, config.hidden}, 0.02);
  state->config = std::move(config);
  state->device = device;
  return Decoder(std::move(state));
}

Decoder::Decoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

const ModelConfig& Decoder::config() const {
  return state_->config;
}
at::Device Decoder::device() const {
  return state_->device;
}
std::vector<NamedTensor>& Decoder::parameters() {
  return state_->parameters;
}
std::vector<NamedTensor>& Decoder::buffers() {
  return state_->buffers;
}

std::vector<Router*> Decoder::routers() {
  std::vector<Router*> routers;
  for (const Layer& layer : state_->layers)
    if (layer.router) routers.push_back(layer.router.get());
  return routers;
}

std::vector<std::int64_t> Decoder::sparseBlocks() const {
  std::vector<std::int64_t> blocks;
  for (std::int64_t index = 0; index < state_->config.layers; ++index)
    if (state_->config.isSparse(index)) blocks.push_back(index);
  return blocks;
}

Forward Decoder::forward(const at::Tensor& ids, const ForwardContext& context) {
  Forward result;
  at::Tensor hidden = embed(ids);
  for (std::int64_t layer = 0; layer < state_->config.layers; ++layer) hidden = block(layer, hidden, context, result);
  result.hidden = finalNorm(hidden);
  if (context.logits) result.logits = head(result.hidden);
  return result;
}

at::Tensor Decoder::embed(const at::Tensor& ids) const {
  return at::embedding(state_->embedding, ids);
}

at::Tensor Decoder::block(std::int64_t index, const at::Tensor& hidden, const ForwardContext& context,
                          Forward& into) const {
  const Layer& layer = state_->layers.at(static_cast<std::size_t>(index));
  const ModelConfig& config = state_->config;
  const at::Tensor attended =
      hidden.add(attend(rmsNorm(hidden, layer.attentionNorm, config.normEpsilon), layer.attention, config.attention,
                        config.normEpsilon, state_->rotaryFor(hidden.size(1))));
  const at::Tensor normed = rmsNorm(attended, layer.feedForwardNorm, config.normEpsilon);
  if (!layer.router) return attended.add(feedForward(normed, layer.gateUp, layer.down));
  return attended.add(sparseFeedForward(layer, config, index, normed, context, into));
}

at::Tensor Decoder::finalNorm(const at::Tensor& hidden) const {
  return rmsNorm(hidden, state_->norm, state_->config.normEpsilon);
}
at::Tensor Decoder::head(const at::Tensor& normed) const {
  return at::linear(normed, state_->head);
}

void Decoder::beginStep(std::int64_t step) {
  for (Router* router : routers()) router->beginStep(step);
}

void Decoder::afterStep(const std::vector<at::Tensor>& counts) {
  const std::vector<Router*> all = routers();
  TORCH_INTERNAL_ASSERT(counts.size() == all.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i]->afterStep(counts[i]);
}

}  // namespace moescope
