// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <span>

#include "core/model/decoder.h"
#include "core/training/batches.h"

namespace moescope {

// A batch as tensors on the model's device.
struct BatchTensors {
  at::Tensor id;     // int64 [B,S]
  at::Tensor next;   // int64 [B,S], -1 where there is no next token
  at::Tensor valid;  // bool [B,S]; undefined where nothing is padded
};
BatchTensors tensorsOf(const Batch& batch, at::Device device);

// Cross-entropy of the next token in nats, fp32 [B,S]; 0 where there is none. `logits` is [B,S,V].
at::Tensor tokenLoss(const at::Tensor& logits, const at::Tensor& next);

// Runs windows through the model in batches of `rows`, without gradients, and hands each batch over with its forward
// and its losses. Stops at the first error that `each` returns, or when `stopped` says so (cancelled).
Expected<void> forEachBatch(
    Decoder& model, const Corpus& corpus, const TokenisedCorpus& ids, std::span<const Window> windows,
    std::int64_t rows, const std::function<bool()>& stopped,
    const std::function<Expected<void>(const Batch&, const Forward&, const at::Tensor& loss)>& each);

// Sums of losses and the tokens they are of; by domain and, for intervals, by document.
struct LossSums {
  std::vector<double> loss;           // [document of the corpus]
  std::vector<std::int64_t> targets;  // [document of the corpus]
  double mean() const;                // over all targets; NaN without any
  double mean(const Corpus& corpus, std::uint16_t domain) const;
};
Expected<LossSums> lossSums(Decoder& model, const Corpus& corpus, const TokenisedCorpus& ids,
                            std::span<const Window> windows, std::int64_t rows, const std::function<bool()>& stopped,
                            const std::function<void(double)>& progress = {});

}  // namespace moescope
