// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/generate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/statistics/counter_random.h"

namespace moescope {
namespace {

// One draw from softmax(logits / temperature), cut to the likeliest; `uniform` is in [0, 1).
std::int32_t draw(std::span<const float> logits, const Sampling& sampling, double uniform) {
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int32_t a, std::int32_t b) { return logits[std::size_t(a)] > logits[std::size_t(b)]; });
  if (sampling.temperature <= 0) return order.front();
  const double largest = logits[std::size_t(order.front())];
  std::vector<double> share;
  for (std::int32_t id : order) share.push_back(std::exp((logits[std::size_t(id)] - largest) / sampling.temperature));
  if (sampling.top > 1) share.resize(std::min(share.size(), std::size_t(sampling.top)));
  const double all = std::accumulate(share.begin(), share.end(), 0.0);
  if (sampling.top <= 1) {
    double held = 0;
    std::size_t kept = 0;
    while (kept < share.size() && (kept == 0 || held < sampling.top * all)) held += share[kept++];
    share.resize(kept);
  }
  double left = uniform * std::accumulate(share.begin(), share.end(), 0.0);
  std::size_t place = 0;
  while (place + 1 < share.size() && left >= share[place]) left -= share[place++];
  return order[place];
}

// Appends the routing of the last `count` tokens of a forward.
void appendRouting(const Forward& forward, std::int64_t count, Generated& into) {
  const std::int64_t places = count * into.layers * into.k;
  const std::size_t first = into.expert.size();
  into.expert.resize(first + std::size_t(places), -1);
  into.weight.resize(first + std::size_t(places), 0);
  for (std::int64_t layer = 0; layer < into.layers; ++layer) {
    const Assignments& routed = forward.routing[std::size_t(layer)].assignments;
    const at::Tensor expert = routed.expert.cpu(), weight = routed.weight.to(at::kFloat).cpu();
    const std::int64_t tokens = expert.size(0), k = expert.size(1);
    for (std::int64_t t = 0; t < count; ++t)
      for (std::int64_t j = 0; j < k; ++j) {
        const std::size_t place = first + std::size_t((t * into.layers + layer) * into.k + j);
        into.expert[place] = std::int32_t(expert[tokens - count + t][j].item<std::int64_t>());
        into.weight[place] = weight[tokens - count + t][j].item<float>();
      }
  }
}

}  // namespace

Expected<Generated> generate(Decoder& model, std::span<const std::int32_t> prompt, const Sampling& sampling,
                             const std::function<bool()>& stopped) {
  if (prompt.empty()) return usageError("An empty prompt leaves nothing to go on from; give at least one token.");
  at::NoGradGuard quiet;
  Generated text{.id = {prompt.begin(), prompt.end()},
                 .prompt = prompt.size(),
                 .layers = std::int64_t(model.sparseBlocks().size()),
                 .k = model.config().moe.topK};
  std::size_t routed = 0;  // tokens whose routing is known
  const std::size_t end = prompt.size() + std::size_t(sampling.tokens);
  while (true) {
    if (stopped()) return cancelledError();
    // A prompt longer than the model's context is read in windows, as a capture does; what is added sees the last of
    // them.
    const std::size_t length = std::size_t(model.config().length);
    const std::size_t until = std::min(text.id.size(), routed + length);
    const std::size_t start = routed == 0 || until < text.id.size() ? routed : until - std::min(until, length);
    const std::vector<std::int64_t> context(text.id.begin() + std::ptrdiff_t(start),
                                            text.id.begin() + std::ptrdiff_t(until));
    const Forward forward = model.forward(at::tensor(context).view({1, -1}).to(model.device()));
    appendRouting(forward, std::int64_t(until - routed), text);
    const at::Tensor logits = forward.logits[0].to(at::kFloat).cpu().contiguous();
    const at::Tensor logProbability = at::log_softmax(logits, 1);
    for (std::size_t t = routed; t < until; ++t) {
      const std::int64_t row = std::int64_t(t - start);
      const bool known = t + 1 < text.id.size();
      text.loss.push_back(known ? -logProbability[row][text.id[t + 1]].item<float>()
                                : std::numeric_limits<float>::quiet_NaN());
    }
    routed = until;
    if (until < text.id.size()) continue;
    if (text.id.size() >= end) return text;
    const at::Tensor last = logits[logits.size(0) - 1].contiguous();
    const double uniform = double(CounterRandom(sampling.seed, 0).bits(text.id.size())[0] >> 11) * 0x1p-53;
    const std::int32_t next = draw({last.const_data_ptr<float>(), std::size_t(last.numel())}, sampling, uniform);
    text.loss.back() = -logProbability[logits.size(0) - 1][next].item<float>();
    text.id.push_back(next);
  }
}

}  // namespace moescope
