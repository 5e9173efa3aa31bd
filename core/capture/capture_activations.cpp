// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/operations.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "core/capture/activation_sums.h"
#include "core/capture/walk.h"
#include "core/capture/walk_cost.h"
#include "core/model/torch_error.h"
#include "core/statistics/counter_random.h"

namespace moescope {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint64_t sampleStream = 300;

std::vector<Parameter> parameters() {
  std::vector<Parameter> all = readingParameters();
  all.push_back(list("layers", Json::array(), "MoE layers from 0 to look at; none = all"));
  all.push_back(flag("all_experts", false, "also every expert's output on every token, E / k times the work"));
  all.push_back(flag("means", true, "also mean outputs, a vector an expert").secondary());
  all.push_back(
      integer("samples", 256, 0, 65536, "tokens", "whose inputs and logits are kept, the same in every layer"));
  all.push_back(integer("seed", 0, 0, 1e15, "", "of which tokens those are").secondary());
  return all;
}

Description describe() {
  return {
      .id = "capture.activations",
      .version = 1,
      .title = "Capture activations",
      .help =
          "What a model's experts do on a corpus, as sums over tokens: how often each is chosen, sums of its gates g, "
          "of "
          "its output's norm |f| and of g|f| (the saliency of REAP, Lasby et al. 2025; |f| alone is EAN, Jaiswal et "
          "al. "
          "2025), the largest entry, mean outputs, by domain; the router's probabilities (soft counts, SEER-MoE), "
          "logits "
          "and their products; which experts are chosen together; and for a random sample of tokens, the same in every "
          "layer, what router and experts read. The model runs layer by layer, as in capture.routing.",
      .page = "Load",
      .in = {{"model", Kind::model, false, false, "whose experts"},
             {"corpus", Kind::corpus, false, false, "what is read"}},
      .out = {{"activations", Kind::activations, false, false, "sums by layer, expert and domain"}},
      .parameters = parameters(),
      .figures = {heatMap("norms", "mean_norm").over({"layer", "expert"}).titled("Mean norm of an expert's output"),
                  heatMap("saliency", "mean_gate_norm").over({"layer", "expert"}).titled("Mean of gate times norm"),
                  heatMap("largest", "largest").over({"layer", "expert"}).titled("Largest entry of an output"),
                  sortedBars("layer", "mean_norm").over({"expert"}).at("layer")},
      .needs = {"torch"},
      .example =
          "moescope-cli run capture.activations --study S --in model=m --in corpus=c --set tokens=100000 --name a"};
}

// The chosen MoE layers, ascending.
Expected<std::vector<std::int64_t>> chosenLayers(const Parameters& set, const ModelConfig& config) {
  std::vector<std::int64_t> layers;
  const std::int64_t all = config.sparseLayers();
  if (all == 0) return usageError("This model has no experts, so there is nothing that they do.");
  for (const Json& layer : set.value("layers")) {
    if (!layer.is_number_integer() || layer.get<std::int64_t>() < 0 || layer.get<std::int64_t>() >= all)
      return usageError(
          fmt::format("layers={} is not an MoE layer: this model has {}, counted from 0.", layer.dump(), all));
    layers.push_back(layer.get<std::int64_t>());
  }
  if (layers.empty())
    for (std::int64_t layer = 0; layer < all; ++layer) layers.push_back(layer);
  std::sort(layers.begin(), layers.end());
  layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
  return layers;
}

// The index in the model of an MoE layer.
std::int64_t blockOf(const ModelConfig& config, std::int64_t layer) {
  std::int64_t block = -1;
  for (std::int64_t seen = -1; seen < layer;)
    if (config.isSparse(++block)) ++seen;
  return block;
}

WalkEnd endOf(const ModelConfig& config, const std::vector<std::int64_t>& layers) {
  return {blockOf(config, layers.back()), true, false};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(weights, WeightStore::open(inputs.at("model").path));
  const ModelConfig& config = weights.config();
  TRY(layers, chosenLayers(set, config));
  TRY(cost, walkCost(inputs, set, weights, endOf(config, layers), 24, 0));
  const double experts = double(config.moe.experts), hidden = double(config.hidden);
  const double layer = 8 * (experts * (12 + 2 * experts + (set.flag("means") ? 2 * hidden : 0)) +
                            double(set.integer("samples")) * (hidden + experts));
  cost.bytes = std::uint64_t(layer * double(layers.size()));
  cost.memory += 2 * cost.bytes;
  if (set.flag("all_experts")) cost.seconds *= experts / double(std::max<std::int64_t>(config.moe.topK, 1));
  return cost;
}

// The tokens of the sample, ascending: those with the smallest draws, so that it is the same however tokens are
// grouped.
std::vector<std::uint64_t> sampleOf(std::uint64_t tokens, std::uint64_t count, std::uint64_t seed) {
  const CounterRandom random(seed, sampleStream);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> drawn;  // a heap, the largest draw on top
  for (std::uint64_t token = 0; token < tokens && count > 0; ++token) {
    const std::pair<std::uint64_t, std::uint64_t> draw{random.bits(token)[0], token};
    if (drawn.size() == count && draw > drawn.front()) continue;
    if (drawn.size() == count) {
      std::pop_heap(drawn.begin(), drawn.end());
      drawn.pop_back();
    }
    drawn.push_back(draw);
    std::push_heap(drawn.begin(), drawn.end());
  }
  std::vector<std::uint64_t> sample;
  for (const auto& [draw, token] : drawn) sample.push_back(token);
  std::sort(sample.begin(), sample.end());
  return sample;
}

class ActivationVisitor : public WalkVisitor {
 public:
  struct Layer {
    ActivationSums sums;
    std::vector<double> input, logit, expert;  // [sample,H], [sample,E], [sample,k]
  };
  ActivationVisitor(const Reading& reading, const std::vector<std::int64_t>& layers, const ActivationSums::Shape& shape,
                    std::vector<std::uint64_t> sample, bool all)
      : layers_(layers), sample_(std::move(sample)), all_(all) {
    const std::size_t count = sample_.size(), choices = std::size_t(reading.weights.config().moe.topK);
    for (std::size_t i = 0; i < layers.size(); ++i)
      found_.push_back({ActivationSums(shape), std::vector<double>(count * std::size_t(shape.hidden)),
                        std::vector<double>(count * std::size_t(shape.experts)),
                        std::vector<double>(count * choices, -1)});
  }

  Expected<void> begin(std::span<const Batch> group) override {
    rows_.clear();
    for (const Batch& batch : group) {
      Rows rows;
      for (std::size_t place = 0; place < batch.real.size(); ++place) {
        rows.domain.push_back(batch.real[place] ? std::int32_t(batch.domain[place / std::size_t(batch.length)]) : -1);
        if (!batch.real[place]) continue;
        const auto at = std::lower_bound(sample_.begin(), sample_.end(), tokens_);
        if (at != sample_.end() && *at == tokens_) rows.sampled.push_back({place, std::size_t(at - sample_.begin())});
        ++tokens_;
      }
      rows_.push_back(std::move(rows));
    }
    return {};
  }
  Expected<void> routed(std::size_t batch, std::int64_t layer, const Assignments& assignments,
                        const at::Tensor& input) override {
    Layer* into = of(layer);
    if (!into) return {};
    const Rows& rows = rows_[batch];
    choices_ = assignments.expert.size(1);
    into->sums.addRouting(assignments, rows.domain);
    for (const auto& [place, index] : rows.sampled) {
      keep(input, place, index, into->input);
      keep(assignments.logits, place, index, into->logit);
      keep(assignments.expert, place, index, into->expert);
    }
    return {};
  }
  ExpertObserver observer(std::size_t batch, std::int64_t layer) override {
    Layer* into = of(layer);
    if (!into) return {};
    return [this, into, batch](const ExpertRows& rows) { into->sums.addOutputs(rows, choices_, rows_[batch].domain); };
  }
  ExpertObserver allObserver(std::size_t, std::int64_t layer) override {
    Layer* into = all_ ? of(layer) : nullptr;
    if (!into) return {};
    return [into](const ExpertRows& rows) { into->sums.addAllOutputs(rows); };
  }
  Expected<void> end(std::span<const Batch>) override { return {}; }
  const std::vector<Layer>& found() const { return found_; }
  const std::vector<std::uint64_t>& sample() const { return sample_; }

 private:
  struct Rows {
    std::vector<std::int32_t> domain;                          // -1 for padding
    std::vector<std::pair<std::size_t, std::size_t>> sampled;  // position, place in the sample
  };
  Layer* of(std::int64_t layer) {
    const auto at = std::lower_bound(layers_.begin(), layers_.end(), layer);
    return at != layers_.end() && *at == layer ? &found_[std::size_t(at - layers_.begin())] : nullptr;
  }
  static void keep(const at::Tensor& rows, std::size_t row, std::size_t index, std::vector<double>& into) {
    const at::Tensor plain = rows.select(0, std::int64_t(row)).to(at::kCPU, at::kDouble).contiguous();
    std::copy_n(plain.const_data_ptr<double>(), plain.numel(), into.begin() + std::ptrdiff_t(index) * plain.numel());
  }

  const std::vector<std::int64_t>& layers_;
  const std::vector<std::uint64_t> sample_;
  const bool all_;
  std::uint64_t tokens_ = 0;  // begun so far
  std::int64_t choices_ = 1;
  std::vector<Rows> rows_;
  std::vector<Layer> found_;
};

// A column of every layer, one after the other.
template <class Column>
std::vector<double> byLayer(const std::vector<ActivationVisitor::Layer>& layers, Column column) {
  std::vector<double> all;
  for (const ActivationVisitor::Layer& layer : layers) {
    const auto& values = column(layer);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

// sums / counts, whose rows are `width` wide; NaN where nothing was counted.
std::vector<double> means(const std::vector<double>& sums, const std::vector<double>& counts, std::size_t width = 1) {
  std::vector<double> all(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) all[i] = counts[i / width] > 0 ? sums[i] / counts[i / width] : nothing;
  return all;
}

std::vector<std::string> numbered(std::int64_t count) {
  std::vector<std::string> labels;
  for (std::int64_t i = 0; i < count; ++i) labels.push_back(std::to_string(i));
  return labels;
}

Result resultOf(const ActivationVisitor& visitor, const Reading& reading, const std::vector<std::int64_t>& layers,
                const Parameters& set) {
  const ModelConfig& config = reading.weights.config();
  const std::vector<ActivationVisitor::Layer>& found = visitor.found();
  const auto column = [&](std::vector<double> ActivationSums::*name) {
    return byLayer(found, [&](const auto& layer) -> const std::vector<double>& { return layer.sums.*name; });
  };
  Result result;
  Axis layerAxis{"layer", {}};
  for (std::int64_t layer : layers)
    layerAxis.labels.push_back(fmt::format("{} (block {})", layer, blockOf(config, layer)));
  result.axes = {layerAxis,
                 {"expert", numbered(config.moe.experts)},
                 {"other", numbered(config.moe.experts)},
                 {"domain", reading.corpus->domains()}};
  const std::vector<double> count = column(&ActivationSums::count);
  const std::vector<std::string> each{"layer", "expert"}, domains{"layer", "domain", "expert"};
  const auto add = [&](const char* name, const char* unit, const std::vector<std::string>& axes,
                       std::vector<double> values,
                       const char* help) { result.add(name, unit, axes, std::move(values)).help = help; };
  const auto addWhole = [&](const char* name, const std::vector<std::string>& axes, std::vector<double> values,
                            const char* help) { result.addWhole(name, "tokens", axes, std::move(values)).help = help; };
  addWhole("count", each, count, "tokens that chose the expert and were kept");
  add("gate_sum", "", each, column(&ActivationSums::gate), "sum of the gates g over those tokens");
  add("gate_square_sum", "", each, column(&ActivationSums::gateSquare), "sum of g^2");
  add("soft_count", "tokens", each, column(&ActivationSums::probability),
      "sum of the router's probability over all tokens");
  add("norm_sum", "", each, column(&ActivationSums::norm),
      "sum of |f|, the Euclidean norm of the output before the gate");
  add("norm_square_sum", "", each, column(&ActivationSums::normSquare), "sum of |f|^2");
  add("gate_norm_sum", "", each, column(&ActivationSums::gateNorm), "sum of g |f|");
  add("largest", "", each, column(&ActivationSums::largest), "largest absolute entry of an output");
  add("mean_norm", "", each, means(column(&ActivationSums::norm), count), "norm_sum / count");
  add("mean_gate_norm", "", each, means(column(&ActivationSums::gateNorm), count), "gate_norm_sum / count (REAP)");
  addWhole("domain_count", domains, column(&ActivationSums::domainCount), "count, by the token's domain");
  add("domain_gate_sum", "", domains, column(&ActivationSums::domainGate), "gate_sum by domain");
  add("domain_norm_sum", "", domains, column(&ActivationSums::domainNorm), "norm_sum by domain");
  addWhole("coactivation", {"layer", "expert", "other"}, column(&ActivationSums::coactivation),
           "tokens that chose both; on the diagonal, count");
  add("logit_product", "", {"layer", "expert", "other"}, column(&ActivationSums::logitProduct),
      "sum over tokens of the products of two experts' logits");
  add("logit_sum", "", each, column(&ActivationSums::logit), "sum of an expert's logits");
  if (set.flag("means")) {
    result.axes.push_back({"hidden", numbered(config.hidden)});
    add("mean_output", "", {"layer", "expert", "hidden"},
        means(column(&ActivationSums::output), count, std::size_t(config.hidden)),
        "mean of f over the expert's tokens");
  }
  if (set.flag("all_experts")) {
    const std::vector<double> tokens(count.size(), double(reading.tokens()));
    add("mean_norm_all", "", each, means(column(&ActivationSums::allNorm), tokens), "mean of |f| over all tokens");
    if (set.flag("means"))
      add("mean_output_all", "", {"layer", "expert", "hidden"},
          means(column(&ActivationSums::allOutput), tokens, std::size_t(config.hidden)), "mean of f over all tokens");
  }
  if (visitor.sample().empty()) return result;
  if (!set.flag("means")) result.axes.push_back({"hidden", numbered(config.hidden)});
  Axis sample{"sample", {}};
  for (std::uint64_t token : visitor.sample()) sample.labels.push_back(std::to_string(token));
  result.axes.push_back(std::move(sample));
  result.axes.push_back({"choice", numbered(config.moe.topK)});
  const auto kept = [&](std::vector<double> ActivationVisitor::Layer::*name) {
    return byLayer(found, [&](const auto& layer) -> const std::vector<double>& { return layer.*name; });
  };
  add("sample_input", "", {"layer", "sample", "hidden"}, kept(&ActivationVisitor::Layer::input),
      "what router and experts read; a sample's label is its token's number among those read");
  add("sample_logit", "", {"layer", "sample", "expert"}, kept(&ActivationVisitor::Layer::logit), "the router's logits");
  result.addWhole("sample_expert", "", {"layer", "sample", "choice"}, kept(&ActivationVisitor::Layer::expert)).help =
      "chosen experts, by weight";
  return result;
}

Expected<Outputs> capture(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(reading, openReading(inputs, set, job));
  const ModelConfig& config = reading.weights.config();
  TRY(layers, chosenLayers(set, config));
  if (!reading.device.is_cpu())
    return usageError("Activations are summed on the CPU in this version; run with --device cpu.");
  const std::vector<std::span<const Window>> batches = batchesOf(reading.windows, set.integer("batch"));
  const WalkEnd end = endOf(config, layers);
  ActivationVisitor visitor(
      reading, layers,
      {config.moe.experts, std::int64_t(reading.corpus->domains().size()), config.hidden, set.flag("means")},
      sampleOf(reading.tokens(), std::uint64_t(set.integer("samples")), std::uint64_t(set.integer("seed"))),
      set.flag("all_experts"));
  const WalkPlan plan = planWalk(reading.weights, end, extentOf(batches, 24), job.resources().memory);
  sayPlan(plan, job);
  ReadAhead ahead(reading.weights, readingChoice(plan));
  TRY_DO(walk(reading, batches, end, plan, ahead, visitor, job));
  Result result = resultOf(visitor, reading, layers, set);
  result.facts = {{"tokens", reading.tokens()}, {"split", set.text("split")}, {"length", reading.length}};
  return Outputs{{.port = "activations",
                  .kind = Kind::activations,
                  .result = std::move(result),
                  .summary = {{"tokens", reading.tokens()},
                              {"layers", layers.size()},
                              {"experts", config.moe.experts},
                              {"bytes_read", ahead.bytesRead()}}}};
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  return guarded([&] { return capture(inputs, set, job); });
}

}  // namespace

const Operation captureActivations{describe, estimate, run};

}  // namespace moescope
