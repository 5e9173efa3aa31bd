// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/routing/routers.h"

#include <fmt/core.h>

namespace moescope {

std::span<const RouterKind> routerKinds() {
  static const std::vector<RouterKind> kinds{
      softmaxRouter(),     softmaxRawRouter(),  switchRouter(),  noisyRouter(),
      sigmoidBiasRouter(), softmaxBiasRouter(), sigmoidRouter(), sparsemixerRouter(),
  };
  return kinds;
}

std::vector<Option> routerOptions() {
  std::vector<Option> options;
  for (const RouterKind& kind : routerKinds()) options.push_back(kind.option);
  return options;
}

Expected<std::unique_ptr<Router>> makeRouter(const RouterConfig& config, const RouterShape& shape, at::Generator* seed,
                                             at::Device device) {
  std::vector<std::string> known;
  for (const RouterKind& kind : routerKinds()) {
    if (kind.option.name == config.kind) return kind.make(config, shape, seed, device);
    known.push_back(kind.option.name);
  }
  const std::string nearest = nearestName(config.kind, known);
  return usageError(fmt::format("there is no router \"{}\"{}", config.kind,
                                nearest.empty() ? "" : fmt::format(", did you mean \"{}\"?", nearest)));
}

}  // namespace moescope
