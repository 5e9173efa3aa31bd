// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/walk.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/capture/next_token_loss.h"
#include "core/model/panel_matrix.h"

namespace moescope {
namespace {

constexpr std::int64_t batchPositions = 4096;

// A batch on its way through the layers; all [positions,H] but for the assignments.
struct Passenger {
  BatchTensors tensors;
  at::Tensor hidden, input, output;  // the residual stream; what router and experts read; what they gave
  Assignments routed;
};

// The assignments of neighbouring rows as those of all of them.
Assignments joined(std::vector<Assignments> parts, std::int64_t experts) {
  if (parts.size() == 1) return std::move(parts.front());
  Assignments all;
  const auto join = [&](at::Tensor Assignments::*column) {
    std::vector<at::Tensor> rows;
    for (const Assignments& part : parts) rows.push_back(part.*column);
    all.*column = at::cat(rows);
  };
  for (auto column : {&Assignments::expert, &Assignments::weight, &Assignments::kept, &Assignments::logits,
                      &Assignments::probability})
    join(column);
  all.count = parts.front().count.clone();
  for (std::size_t i = 1; i < parts.size(); ++i) all.count.add_(parts[i].count);
  sortByExpert(all, experts);
  return all;
}

class Walk {
 public:
  Walk(const Reading& reading, const WalkEnd& end, const WalkPlan& plan, ReadAhead& ahead, WalkVisitor& visitor,
       Job& job)
      : reading_(reading),
        weights_(reading.weights),
        config_(reading.weights.config()),
        end_(end),
        plan_(plan),
        visitor_(visitor),
        job_(job),
        ahead_(ahead),
        rotary_(reading.device) {}

  Expected<void> run(std::span<const Batch> group, double doneBefore, double share) {
    start_ = doneBefore;
    share_ = share;
    passengers_.clear();
    TRY_DO(visitor_.begin(group));
    if (end_.block >= 0 || end_.loss) TRY_DO(embed(group));
    if (end_.block >= 0) ahead_.ask(weights_.layer(0));
    sparse_ = 0;
    for (std::int64_t index = 0; index <= end_.block; ++index) TRY_DO(runBlock(group, index));
    if (end_.loss) TRY_DO(predict());
    passengers_.clear();
    return visitor_.end(group);
  }

 private:
  Expected<void> tell(std::int64_t index, double within) {
    if (job_.cancelled()) return cancelledError();
    const double steps = double(end_.block + 1) + (end_.loss ? 1 : 0);
    const std::string where =
        index > end_.block ? "predicting tokens" : fmt::format("layer {} of {}", index + 1, config_.layers);
    const double read = double(ahead_.bytesRead());
    const bool large = read >= 1e9;
    job_.progress(start_ + share_ * (double(index) + within) / steps,
                  fmt::format("{}, {:.3g} {} read", where, read / (large ? 1e9 : 1e6), large ? "GB" : "MB"));
    return {};
  }

  // Only the rows of ids that occur are read.
  Expected<void> embed(std::span<const Batch> group) {
    for (const Batch& batch : group) {
      Passenger passenger;
      passenger.tensors = tensorsOf(batch, reading_.device);
      std::vector<std::int64_t> ids = batch.id;
      std::sort(ids.begin(), ids.end());
      ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
      std::vector<std::int64_t> rowOf(std::size_t(ids.back() + 1));
      at::Tensor rows = at::empty({std::int64_t(ids.size()), config_.hidden}, at::kFloat);
      TRY_DO(readEmbedding(ids, rows));
      for (std::size_t i = 0; i < ids.size(); ++i) rowOf[std::size_t(ids[i])] = std::int64_t(i);
      std::vector<std::int64_t> places;
      for (std::int64_t id : batch.id) places.push_back(rowOf[std::size_t(id)]);
      if (config_.embeddingFactor != 1) rows.mul_(config_.embeddingFactor);
      passenger.hidden = rows.index_select(0, at::tensor(places)).to(reading_.device);
      passengers_.push_back(std::move(passenger));
      if (job_.cancelled()) return cancelledError();
    }
    return {};
  }

  // ids ascending. Neighbours are read together, gaps included where they are small.
  Expected<void> readEmbedding(const std::vector<std::int64_t>& ids, const at::Tensor& into) {
    constexpr std::int64_t gap = 16, most = 1024;
    for (std::size_t first = 0; first < ids.size();) {
      std::size_t last = first;
      while (last + 1 < ids.size() && ids[last + 1] - ids[last] <= gap && ids[last + 1] - ids[first] < most) ++last;
      TRY(rows, weights_.readRows(weights_.embedding(), ids[first], ids[last] - ids[first] + 1, ahead_.once()));
      ahead_.count(rows.nbytes());
      for (std::size_t i = first; i <= last; ++i)
        into.select(0, std::int64_t(i)).copy_(rows.select(0, ids[i] - ids[first]));
      first = last + 1;
    }
    return {};
  }

  // The layer's own weights, in fp32 on the device.
  Expected<Block> takeBlock(std::int64_t index) {
    TRY(stored, ahead_.take());
    TRY(block, Block::make(config_, index, nullptr, reading_.device, Block::Experts::elsewhere));
    for (std::vector<NamedTensor>* tensors : {&block.parameters(), &block.buffers()})
      for (NamedTensor& tensor : *tensors) {
        const auto found = std::find_if(stored->begin(), stored->end(), [&](const StoredParameter& parameter) {
          return parameter.name == tensor.name;
        });
        if (found == stored->end())
          tensor.value.zero_();
        else
          tensor.value.copy_(found->value.view_as(tensor.value));
      }
    return block;
  }

  Expected<void> runBlock(std::span<const Batch> group, std::int64_t index) {
    TRY_DO(tell(index, 0));
    TRY(block, takeBlock(index));
    const bool more = index < end_.block, feedForward = more || end_.experts;
    std::vector<bool> wanted(block.router() ? std::size_t(config_.moe.experts) : 0);
    for (std::size_t i = 0; i < group.size(); ++i) {
      TRY_DO(attend(block, group[i], passengers_[i], feedForward));
      if (!block.router()) continue;
      Passenger& passenger = passengers_[i];
      TRY_DO(visitor_.routed(i, sparse_, passenger.routed, passenger.input));
      passenger.routed.logits.reset();
      passenger.routed.probability.reset();
      const bool every = bool(visitor_.allObserver(i, sparse_));
      for (std::size_t e = 0; e < wanted.size(); ++e)
        if (passenger.routed.offsets[e] < passenger.routed.offsets[e + 1] || every) wanted[e] = true;
      if (job_.cancelled()) return cancelledError();
    }
    if (block.router() && feedForward)
      for (std::size_t e = 0; e < wanted.size(); ++e)
        if (wanted[e]) ahead_.ask(weights_.expert(index, std::int64_t(e)));
    if (more) ahead_.ask(weights_.layer(index + 1));
    if (!block.router()) return {};
    if (feedForward) TRY_DO(runExperts(block, wanted));
    ++sparse_;
    return {};
  }

  // Attention and router, or the whole of a dense layer, a few windows at a time.
  Expected<void> attend(const Block& block, const Batch& batch, Passenger& passenger, bool feedForward) {
    const std::int64_t rows = std::max<std::int64_t>(1, attentionTokens / batch.length);
    std::vector<Assignments> routed;
    if (block.router()) passenger.input = at::empty_like(passenger.hidden);
    for (std::int64_t first = 0; first < batch.rows; first += rows) {
      const std::int64_t count = std::min(rows, batch.rows - first), from = first * batch.length;
      at::Tensor here = passenger.hidden.narrow(0, from, count * batch.length);
      const at::Tensor attended = block.attend(here.view({count, batch.length, config_.hidden}), rotary_);
      const at::Tensor input = block.feedForwardInput(attended);
      if (!block.router()) {
        if (feedForward) here.view_as(attended).copy_(block.finish(attended, input, block.dense(input)));
        continue;
      }
      ForwardContext context;
      if (passenger.tensors.valid.defined()) context.valid = passenger.tensors.valid.narrow(0, first, count);
      routed.push_back(block.route(input, context));
      here.view_as(attended).copy_(attended);
      passenger.input.narrow(0, from, count * batch.length).view_as(input).copy_(input);
    }
    if (block.router()) passenger.routed = joined(std::move(routed), config_.moe.experts);
    return {};
  }

  Expected<void> runExperts(const Block& block, const std::vector<bool>& wanted) {
    for (Passenger& passenger : passengers_) passenger.output = at::zeros_like(passenger.input);
    const std::size_t all = wanted.size();
    for (std::size_t first = 0, last = 0; first < all; first = last) {
      std::vector<ExpertWeights> experts;
      std::int64_t here = 0;
      for (last = first; last < all && here < plan_.experts; ++last) {
        experts.emplace_back();
        if (!wanted[last]) continue;
        TRY_ASSIGN(experts.back(), takeExpert());
        ++here;
      }
      for (std::size_t i = 0; i < passengers_.size(); ++i)
        addExperts(passengers_[i].input, passengers_[i].routed, std::int64_t(first), experts, block.expertRule(),
                   passengers_[i].output, visitor_.observer(i, sparse_));
      addToAll(block, std::int64_t(first), experts);
      TRY_DO(tell(block.index(), double(last) / double(all)));
    }
    for (Passenger& passenger : passengers_) {
      passenger.hidden = block.finish(passenger.hidden, passenger.input, passenger.output);
      passenger.input.reset();
      passenger.output.reset();
      passenger.routed = Assignments();
    }
    return {};
  }

  // Every expert on every token, for whoever looks.
  void addToAll(const Block& block, std::int64_t first, const std::vector<ExpertWeights>& experts) {
    for (std::size_t i = 0; i < passengers_.size(); ++i) {
      const ExpertObserver observer = visitor_.allObserver(i, sparse_);
      if (!observer) return;
      const Passenger& passenger = passengers_[i];
      Assignments all;
      all.order = passenger.tensors.valid.defined() ? passenger.tensors.valid.flatten().nonzero().flatten()
                                                    : at::arange(passenger.input.size(0));
      all.expert = at::zeros({passenger.input.size(0), 1}, at::kLong);
      all.weight = at::ones({passenger.input.size(0), 1});
      all.offsets = {0, all.order.size(0)};
      at::Tensor unused = at::zeros_like(passenger.input);
      for (std::size_t e = 0; e < experts.size(); ++e)
        addExperts(passenger.input, all, 0, std::span(experts).subspan(e, 1), block.expertRule(), unused,
                   [&](ExpertRows rows) {
                     rows.expert = first + std::int64_t(e);
                     observer(rows);
                   });
    }
  }

  // As stored where products take it so, else in fp32.
  Expected<ExpertWeights> takeExpert() {
    TRY(stored, ahead_.take());
    ExpertWeights expert;
    for (const StoredParameter& parameter : *stored) {
      at::Tensor& into = parameter.name.ends_with(".down")           ? expert.down
                         : parameter.name.ends_with(".down_bias")    ? expert.downBias
                         : parameter.name.ends_with(".gate_up_bias") ? expert.gateUpBias
                                                                     : expert.gateUp;
      const bool asStored = reading_.device.is_cpu() && kernels::hasPanels() && isPanelMatrix(parameter.value);
      into = asStored ? parameter.value : parameter.value.to(reading_.device, at::kFloat);
      if (parameter.name.ends_with("_bias")) into = into.flatten();
    }
    return expert;
  }

  // The head a few rows of the vocabulary at a time.
  Expected<void> predict() {
    ahead_.ask(weights_.ends());
    TRY(ends, ahead_.take());
    std::map<std::string, at::Tensor> byName;
    for (const StoredParameter& parameter : *ends)
      byName[parameter.name] = parameter.value.flatten().to(reading_.device, at::kFloat);
    // The divisor of the logits divides what they are made of.
    at::Tensor bias = byName["head_bias"];
    if (bias.defined()) bias = bias.div(config_.logitDivisor);
    std::vector<NextTokenLoss> losses;
    for (Passenger& passenger : passengers_) {
      const at::Tensor normed = norm(passenger.hidden, config_, byName["norm"], byName["norm_bias"]);
      losses.emplace_back(config_.logitDivisor == 1 ? normed : normed.div(config_.logitDivisor),
                          passenger.tensors.next.flatten());
      passenger.hidden.reset();
    }
    for (std::int64_t first = 0; first < config_.vocabulary; first += headRows) {
      const std::int64_t count = std::min(headRows, config_.vocabulary - first);
      TRY(stored, weights_.readRows(weights_.head(), first, count, ahead_.once()));
      ahead_.count(stored.nbytes());
      const at::Tensor rows = stored.to(reading_.device, at::kFloat);
      for (NextTokenLoss& loss : losses) loss.add(first, rows, bias.defined() ? bias.narrow(0, first, count) : bias);
      TRY_DO(tell(end_.block + 1, double(first + count) / double(config_.vocabulary)));
    }
    for (std::size_t i = 0; i < losses.size(); ++i) {
      const at::Tensor nats = losses[i].nats(), likeliest = losses[i].likeliest();
      TRY_DO(visitor_.predicted(i, {nats.const_data_ptr<float>(), std::size_t(nats.numel())},
                                {likeliest.const_data_ptr<std::int32_t>(), std::size_t(likeliest.numel())}));
    }
    return {};
  }

  const Reading& reading_;
  const WeightStore& weights_;
  const ModelConfig& config_;
  const WalkEnd end_;
  const WalkPlan plan_;
  WalkVisitor& visitor_;
  Job& job_;
  ReadAhead& ahead_;
  RotaryTables rotary_;
  std::vector<Passenger> passengers_;
  std::int64_t sparse_ = 0;  // MoE layers so far
  double start_ = 0, share_ = 1;
};

}  // namespace

std::vector<std::span<const Window>> batchesOf(std::span<const Window> windows, std::int64_t rows) {
  std::vector<std::span<const Window>> batches;
  for (std::size_t first = 0, last = 0; first < windows.size(); first = last) {
    std::int64_t longest = 0;
    for (last = first; last < windows.size() && std::int64_t(last - first) < rows; ++last) {
      const std::int64_t length = std::max<std::int64_t>(longest, windows[last].count);
      if (last > first && length * std::int64_t(last - first + 1) > batchPositions) break;
      longest = length;
    }
    batches.push_back(windows.subspan(first, last - first));
  }
  return batches;
}

WalkExtent extentOf(std::span<const std::span<const Window>> batches, double bytesPerToken) {
  WalkExtent extent{.bytesPerToken = bytesPerToken};
  for (std::span<const Window> batch : batches) {
    std::uint64_t longest = 1;
    for (const Window& window : batch) longest = std::max<std::uint64_t>(longest, window.count);
    extent.longest = std::max(extent.longest, longest);
    extent.batch = std::max<std::uint64_t>(extent.batch, longest * batch.size());
    extent.tokens += longest * batch.size();
  }
  return extent;
}

Expected<void> walk(const Reading& reading, std::span<const std::span<const Window>> batches, const WalkEnd& end,
                    const WalkPlan& plan, ReadAhead& weights, WalkVisitor& visitor, Job& job) {
  at::NoGradGuard quiet;
  Walk layers(reading, end, plan, weights, visitor, job);
  double done = 0;
  const double all = std::max(1.0, double(extentOf(batches, 0).tokens));
  for (std::size_t first = 0, last = 0; first < batches.size(); first = last) {
    std::vector<Batch> group;
    double positions = 0;
    for (last = first; last < batches.size(); ++last) {
      std::int64_t longest = 1;
      for (const Window& window : batches[last]) longest = std::max<std::int64_t>(longest, window.count);
      const double here = double(longest) * double(batches[last].size());
      if (last > first && positions + here > double(plan.group)) break;
      TRY(batch, gather(*reading.corpus, reading.ids, batches[last], longest));
      group.push_back(std::move(batch));
      positions += here;
    }
    TRY_DO(layers.run(group, done / all, positions / all));
    done += positions;
  }
  return {};
}

}  // namespace moescope
