// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/token_loss.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <limits>

namespace moescope {

BatchTensors tensorsOf(const Batch& batch, at::Device device) {
  const auto tensor = [&](const std::vector<std::int64_t>& values) {
    return at::tensor(values).view({batch.rows, batch.length}).to(device);
  };
  BatchTensors tensors{tensor(batch.id), tensor(batch.next), {}};
  if (batch.tokens() < batch.rows * batch.length)
    tensors.valid = at::tensor(batch.real).view({batch.rows, batch.length}).to(at::kBool).to(device);
  return tensors;
}

at::Tensor tokenLoss(const at::Tensor& logits, const at::Tensor& next) {
  return at::cross_entropy_loss(logits.flatten(0, 1), next.flatten(), {}, at::Reduction::None, /*ignore_index=*/-1)
      .view(next.sizes());
}

Expected<void> forEachBatch(
    Decoder& model, const Corpus& corpus, const TokenisedCorpus& ids, std::span<const Window> windows,
    std::int64_t rows, const std::function<bool()>& stopped,
    const std::function<Expected<void>(const Batch&, const Forward&, const at::Tensor& loss)>& each) {
  at::NoGradGuard quiet;
  for (std::size_t first = 0; first < windows.size(); first += std::size_t(rows)) {
    if (stopped()) return cancelledError();
    const auto part = windows.subspan(first, std::min(std::size_t(rows), windows.size() - first));
    std::int64_t length = 1;
    for (const Window& window : part) length = std::max<std::int64_t>(length, window.count);
    TRY(batch, gather(corpus, ids, part, length));
    const BatchTensors tensors = tensorsOf(batch, model.device());
    const Forward forward = model.forward(tensors.id, {.valid = tensors.valid});
    TRY_DO(each(batch, forward, tokenLoss(forward.logits, tensors.next)));
  }
  return {};
}

double LossSums::mean() const {
  double sum = 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < loss.size(); ++i) sum += loss[i], count += targets[i];
  return count > 0 ? sum / double(count) : std::numeric_limits<double>::quiet_NaN();
}

double LossSums::mean(const Corpus& corpus, std::uint16_t domain) const {
  double sum = 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < loss.size(); ++i)
    if (corpus.documents()[i].domain == domain) sum += loss[i], count += targets[i];
  return count > 0 ? sum / double(count) : std::numeric_limits<double>::quiet_NaN();
}

Expected<LossSums> lossSums(Decoder& model, const Corpus& corpus, const TokenisedCorpus& ids,
                            std::span<const Window> windows, std::int64_t rows, const std::function<bool()>& stopped,
                            const std::function<void(double)>& progress) {
  LossSums sums{std::vector<double>(corpus.documents().size()), std::vector<std::int64_t>(corpus.documents().size())};
  std::size_t done = 0;
  const auto add = [&](const Batch& batch, const Forward&, const at::Tensor& loss) -> Expected<void> {
    const at::Tensor byWindow = loss.sum(1, false, at::kDouble).cpu();
    for (std::int64_t row = 0; row < batch.rows; ++row) {
      const std::uint32_t document = batch.windows[std::size_t(row)].document;
      sums.loss[document] += byWindow[row].item<double>();
      for (std::int64_t i = row * batch.length; i < (row + 1) * batch.length; ++i)
        sums.targets[document] += batch.next[std::size_t(i)] >= 0;
    }
    done += std::size_t(batch.rows);
    if (progress) progress(double(done) / double(windows.size()));
    return {};
  };
  TRY_DO(forEachBatch(model, corpus, ids, windows, rows, stopped, add));
  return sums;
}

}  // namespace moescope
