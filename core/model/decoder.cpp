// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/decoder.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/embedding.h>

#include "core/model/parameter_maker.h"
#include "core/model/projection.h"

namespace moescope {

struct Decoder::State {
  ModelConfig config;
  at::Device device = at::kCPU;
  at::Tensor embedding, head, headBias;  // [V,H], [V,H] (the embedding itself when tied), [V] or undefined
  NormWeights norm;
  std::vector<Block> blocks;
  std::vector<NamedTensor> parameters, buffers;
  RotaryTables rotary{at::kCPU};
};

Expected<Decoder> Decoder::make(ModelConfig config, std::optional<std::uint64_t> seed, at::Device device) {
  TRY_DO(checkConfig(config));
  auto state = std::make_unique<State>();
  at::Generator generator = at::detail::createCPUGenerator(seed.value_or(0));
  at::Generator* start = seed ? &generator : nullptr;
  ParameterMaker make(state->parameters, start, device);
  state->embedding = make.normal("embedding", {config.vocabulary, config.hidden}, config.tiedHead ? 0.02 : 1);
  for (std::int64_t index = 0; index < config.layers; ++index) {
    TRY(block, Block::make(config, index, start, device));
    state->parameters.insert(state->parameters.end(), block.parameters().begin(), block.parameters().end());
    state->buffers.insert(state->buffers.end(), block.buffers().begin(), block.buffers().end());
    state->blocks.push_back(std::move(block));
  }
  state->norm = makeNorm(make, "norm", config);
  state->head = config.tiedHead ? state->embedding : make.normal("head", {config.vocabulary, config.hidden}, 0.02);
  if (config.headBias) state->headBias = make.filled("head_bias", {config.vocabulary}, 0);
  state->config = std::move(config);
  state->device = device;
  state->rotary = RotaryTables(device);
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
  for (const Block& block : state_->blocks)
    if (block.router()) routers.push_back(block.router());
  return routers;
}

std::vector<std::int64_t> Decoder::sparseBlocks() const {
  std::vector<std::int64_t> blocks;
  for (const Block& block : state_->blocks)
    if (block.router()) blocks.push_back(block.index());
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
  const at::Tensor rows = at::embedding(state_->embedding, ids);
  return state_->config.embeddingFactor == 1 ? rows : rows.mul(state_->config.embeddingFactor);
}

at::Tensor Decoder::block(std::int64_t index, const at::Tensor& hidden, const ForwardContext& context,
                          Forward& into) const {
  return state_->blocks.at(static_cast<std::size_t>(index)).forward(hidden, context, state_->rotary, into);
}

at::Tensor Decoder::finalNorm(const at::Tensor& hidden) const {
  return norm(hidden, state_->config, state_->norm.weight, state_->norm.bias);
}
at::Tensor Decoder::head(const at::Tensor& normed) const {
  const at::Tensor logits = project(normed, state_->head, state_->headBias);
  return state_->config.logitDivisor == 1 ? logits : logits.div(state_->config.logitDivisor);
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
