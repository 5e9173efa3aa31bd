// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/routing/router.h"

namespace moescope {

// What token-choice routers share: logits x W^T (+ b), then a choice of k experts a token, then capacity, balance and
// z-loss.
class TokenChoice : public Router {
 public:
  enum class Start { zero, normal };  // normal: N(0, 0.02)

  TokenChoice(const RouterConfig& config, const RouterShape& shape, at::Generator* seed, at::Device device,
              Start start = Start::normal);
  Assignments route(const at::Tensor& x, const RouteContext& context) const final;
  std::vector<NamedTensor> parameters() const override;

 protected:
  struct Choice {
    at::Tensor probability;  // fp32 [T,E], what the balance loss pulls on
    at::Tensor expert;       // int64 [T,k], by weight
    at::Tensor weight;       // fp32 [T,k]
    std::map<std::string, at::Tensor> losses = {};
  };
  // What the logits are made of; training may disturb it.
  virtual at::Tensor explored(const at::Tensor& x, const RouteContext&) const { return x; }
  virtual Choice choose(const at::Tensor& x, const at::Tensor& logits, const RouteContext& context) const = 0;

  at::Tensor makeWeight(at::Generator* seed, at::Device device, Start start) const;  // [E,H]
  const RouterConfig& config() const { return config_; }
  const RouterShape& shape() const { return shape_; }

 private:
  RouterConfig config_;
  RouterShape shape_;
  at::Tensor weight_, bias_;  // [E,H], [E]; no bias unless the configuration asks for one
};

// RouterKind::make for a class with TokenChoice's first four arguments.
template <class Kind>
std::unique_ptr<Router> makeTokenChoice(const RouterConfig& config, const RouterShape& shape, at::Generator* seed,
                                        at::Device device) {
  return std::make_unique<Kind>(config, shape, seed, device);
}

}  // namespace moescope
