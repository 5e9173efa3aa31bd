// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/routing/router_facts.h"

namespace moescope {

RouterFacts routerFacts(const RouterConfig& router, std::int64_t topK) {
  if (router.kind == "sigmoid_bias")
    return {"sigmoid", router.option("sigmoid_bias.renormalise", topK > 1) != 0,
            router.option("sigmoid_bias.scale", 1)};
  if (router.kind == "sigmoid") return {"sigmoid", false, 1};
  if (router.kind == "sparsemixer") return {"sparsemixer", false, 1};
  if (router.kind == "softmax_raw") return {"softmax", false, router.option("softmax_raw.scale", 1)};
  return {"softmax", router.kind == "softmax" || router.kind == "softmax_bias" || router.kind == "noisy", 1};
}

}  // namespace moescope
