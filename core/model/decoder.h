// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/routing/router.h"

namespace moescope {

struct ForwardContext {
  bool training = false;                        // router noise, capacity over the whole batch instead of a window
  std::optional<at::Generator> generator = {};  // of that noise
  at::Tensor valid = {};  // bool [B,S], false for padding on the right; undefined = all are tokens
  bool logits = true;     // false stops after the final norm
  bool inputs = false;    // keep what each sparse layer's router and experts saw
};

struct LayerRouting {
  std::int64_t block = 0;   // index in the model
  Assignments assignments;  // of the B*S tokens, batch-major
  at::Tensor input = {};    // [B*S,H]; only with ForwardContext::inputs
};

struct Forward {
  at::Tensor hidden;                         // [B,S,H] after the final norm
  at::Tensor logits;                         // [B,S,V]
  std::vector<LayerRouting> routing;         // one a sparse layer, in order
  std::map<std::string, at::Tensor> losses;  // auxiliary losses by name, summed over layers: "balance", "z", ...
};

// A pre-norm decoder over the switches of ModelConfig, in fp32. Parameters are plain tensors under role names; update
// them in place. A forward is bit-equal for equal weights, windows, batch, threads and device. One thread at a time.
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
