// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Generator.h>

#include <memory>
#include <optional>
#include <span>

#include "core/checkpoint/model_config.h"
#include "core/model/named_tensor.h"
#include "core/operation/parameter.h"
#include "core/routing/assignments.h"

namespace moescope {

struct RouteContext {
  bool training = false;
  std::optional<at::Generator> generator = {};  // of a router's noise; none: no noise
  at::Tensor valid = {};                        // bool [T], false for padding; undefined = all are tokens
  std::int64_t group = 0;                       // consecutive rows that share one capacity; 0 = all of them
};

struct RouterShape {
  std::int64_t hidden = 0, experts = 0, topK = 0;
};

// One layer's router. Computes in fp32 whatever the model's type. One thread at a time.
class Router {
 public:
  virtual ~Router() = default;
  virtual Assignments route(const at::Tensor& x /* [T,H] */, const RouteContext& context) const = 0;
  virtual void beginStep(std::int64_t /*step*/) {}
  // After the optimiser's step: choices per expert over the whole batch, int64 [E], before any drop.
  virtual void afterStep(const at::Tensor& /*count*/) {}
  virtual std::vector<NamedTensor> parameters() const = 0;         // trained; names relative to the layer: "router"
  virtual std::vector<NamedTensor> buffers() const { return {}; }  // fp32, saved, never given a gradient
};

// A kind of router: its name and own parameters (for the choice `router`), and how to make one.
struct RouterKind {
  Option option;
  std::unique_ptr<Router> (*make)(const RouterConfig& config, const RouterShape& shape, at::Generator* seed,
                                  at::Device device);
};

// The explicit list of routers; a new one is its file and one line in routers.cpp.
std::span<const RouterKind> routerKinds();
std::vector<Option> routerOptions();

// Usage error for an unknown kind. `seed` null leaves the weights uninitialised (they will be loaded).
Expected<std::unique_ptr<Router>> makeRouter(const RouterConfig& config, const RouterShape& shape, at::Generator* seed,
                                             at::Device device);

}  // namespace moescope
