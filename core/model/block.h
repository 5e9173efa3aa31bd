// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "core/model/attention.h"
#include "core/model/experts.h"
#include "core/model/forward.h"
#include "core/routing/router.h"

namespace moescope {

// One layer of a decoder: attention, then an MLP or routed experts, each added to the residual stream. Its
// parameters are plain tensors under role names ("layers.3.query"); update them in place. One thread at a time.
class Block {
 public:
  enum class Experts { resident, elsewhere };  // elsewhere: the routed experts' weights are not part of the block

  // Matrices are N(0, 1/fan-in), those that write to the residual stream divided by sqrt(2 layers); norms 1; biases 0;
  // without a seed everything is uninitialised. `config` has passed checkConfig.
  static Expected<Block> make(const ModelConfig& config, std::int64_t index, at::Generator* seed, at::Device device,
                              Experts experts = Experts::resident);

  std::int64_t index() const { return index_; }  // in the model
  std::vector<NamedTensor>& parameters() { return parameters_; }
  std::vector<NamedTensor>& buffers() { return buffers_; }
  Router* router() const { return router_.get(); }  // null in a dense layer
  const ExpertRule& expertRule() const { return rule_; }

  // hidden [B,S,H] to the same; adds its routing and losses to `into`.
  at::Tensor forward(const at::Tensor& hidden, const ForwardContext& context, RotaryTables& rotary,
                     Forward& into) const;

  // The same in steps, for experts that are elsewhere. For a sparse layer, with
  //   attended = attend(hidden), x = feedForwardInput(attended), y = what the experts make of x by route(x):
  // forward = finish(attended, x, y). In a dense layer y = dense(x).
  at::Tensor attend(const at::Tensor& hidden, RotaryTables& rotary) const;
  at::Tensor feedForwardInput(const at::Tensor& attended) const;
  at::Tensor dense(const at::Tensor& x) const;
  Assignments route(const at::Tensor& x, const ForwardContext& context) const;
  at::Tensor finish(const at::Tensor& attended, const at::Tensor& x, const at::Tensor& y) const;

 private:
  Block() = default;
  void makeAttention(class ParameterMaker& make, const std::string& prefix, const ModelConfig& config, double residual);
  void makeLatent(ParameterMaker& make, const std::string& prefix, const ModelConfig& config, double residual);
  void makeExperts(ParameterMaker& make, const std::string& prefix, const MoeConfig& moe, double residual);
  void makeShared(ParameterMaker& make, const std::string& prefix, const MoeConfig& moe, double residual);

  at::Tensor routed(const at::Tensor& tokens, const Assignments& assignments) const;
  at::Tensor added(const at::Tensor& hidden, const at::Tensor& y, const NormWeights& norm) const;

  std::int64_t index_ = 0, hidden_ = 0;
  ModelConfig config_;
  AttentionConfig attentionConfig_;
  NormWeights attentionNorm_, feedForwardNorm_;
  AttentionWeights attention_;
  at::Tensor gateUp_, down_;  // dense: [2I,H], [H,I]; sparse: [E,2I,H], [E,H,I], undefined when elsewhere
  ExpertRule rule_;
  at::Tensor sharedGateUp_, sharedDown_, sharedGate_;
  std::unique_ptr<Router> router_;
  std::vector<NamedTensor> parameters_, buffers_;
};

}  // namespace moescope
