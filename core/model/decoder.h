// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/model/block.h"

namespace moescope {

// A decoder over the switches of ModelConfig, in fp32: embedding, blocks, norm, head. Parameters are plain tensors
// under role names; update them in place. A forward is bit-equal for equal weights, windows, batch, threads and device.
// One thread at a time.
class Decoder {
 public:
  // Usage errors as checkConfig. Without a seed the weights are uninitialised (folder.h fills them).
  static Expected<Decoder> make(ModelConfig config, std::optional<std::uint64_t> seed, at::Device device = at::kCPU);
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  const ModelConfig& config() const;
  at::Device device() const;
  std::vector<NamedTensor>& parameters();  // trained: gradients are on
  std::vector<NamedTensor>& buffers();     // saved, never trained
  std::vector<Router*> routers();          // one a sparse layer, in order
  std::vector<std::int64_t> sparseBlocks() const;

  Forward forward(const at::Tensor& ids /* int64 [B,S] */, const ForwardContext& context = {});

  // The same, block by block: hidden states are [B,S,H]; block() adds its routing and losses to `into`.
  at::Tensor embed(const at::Tensor& ids) const;
  at::Tensor block(std::int64_t layer, const at::Tensor& hidden, const ForwardContext& context, Forward& into) const;
  at::Tensor finalNorm(const at::Tensor& hidden) const;
  at::Tensor head(const at::Tensor& normed) const;

  void beginStep(std::int64_t step);
  // Choices per expert of one optimiser step, int64 [E] for every sparse layer in order.
  void afterStep(const std::vector<at::Tensor>& counts);

 private:
  struct State;
  explicit Decoder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moescope
