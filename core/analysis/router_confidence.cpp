// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "core/analysis/layer_confidence.h"
#include "core/analysis/operations.h"
#include "core/analysis/over_layers.h"
#include "core/checkpoint/inventory.h"
#include "core/checkpoint/slot_reading.h"

namespace moescope {

namespace {

const std::vector<std::string> ofLogits{
    "entropy",        "entropy_by_domain", "entropy_histogram",  "top_k_mass", "probability_gap",   "margin",
    "margin_score",   "margin_histogram",  "logit_scale",        "overruled",  "probability_curve", "fragility",
    "fragility_bf16", "margin_selection",  "overruled_selection"};

std::vector<Figure> figures() {
  return {
      lines("entropy", {"entropy"}).over({"layer"}).titled("Routing entropy over layers, H / ln E"),
      heatMap("entropies", "entropy_histogram")
          .over({"layer", "entropy_bin"})
          .scale("sequential")
          .option("names", {{"entropy_bin", "H / ln E"}, {"entropy_histogram", "share of tokens"}})
          .titled("How routing entropy is spread"),
      histogram("entropy_spread", "entropy_histogram")
          .over({"entropy_bin"})
          .at("layer")
          .option("names", {{"entropy_bin", "H / ln E"}, {"entropy_histogram", "share of tokens"}})
          .titled("Routing entropy of a layer"),
      lines("curve", {"probability_curve"})
          .over({"rank", "layer"})
          .option("logarithmic", true)
          .option("names", {{"rank", "rank of the expert"}, {"probability_curve", "mean probability"}})
          .titled("Mean probability by rank"),
      lines("mass", {"top_k_mass", "probability_gap"}).over({"layer"}).titled("Mass of the chosen, first over second"),
      lines("margin", {"margin"}).over({"layer"}).titled("Margin between the last chosen and the first left out"),
      histogram("margins", "margin_histogram")
          .over({"margin_bin"})
          .at("layer")
          .line(0, "overruled below")
          .option("names", {{"margin_bin", "margin, logits"}, {"margin_histogram", "share of tokens"}})
          .titled("How the margin is spread"),
      lines("fragility", {"fragility"})
          .over({"layer", "sigma"})
          .option("names", {{"fragility", "tokens whose experts change"}})
          .titled("Tokens that noise of sigma on the logits would route elsewhere"),
      lines("domains", {"entropy_by_domain"}).over({"layer", "domain"}).titled("Routing entropy by domain"),
      lines("loss", {"loss_correlation"})
          .over({"layer", "measure"})
          .line(0, "unrelated")
          .option("names", {{"loss_correlation", "Spearman's rho with the loss"}})
          .titled("How confidence goes with the next token's loss"),
      lines("deciles", {"loss_by_decile"})
          .over({"decile", "layer"})
          .option("names", {{"decile", "tenth of tokens by entropy, or by weight gap, least first"},
                            {"loss_by_decile", "mean loss"}})
          .titled("Loss by how sure the router was"),
      lines("weights", {"weight_gap", "weight_entropy"}).over({"layer"}).titled("Evenness of the combine weights"),
      lines("weight_curve", {"weight_curve"})
          .over({"weight_rank", "layer"})
          .option("names", {{"weight_rank", "rank of the chosen expert"}, {"weight_curve", "share of the weights"}})
          .titled("Mean share of the combine weights by rank"),
      table("over_layers", {"over_layers"}).titled("Every measure over layers, with its convention")};
}

Description describe() {
  return {
      .id = "router.confidence",
      .title = "Router confidence",
      .help =
          "How sure the router is. With logits, of every token: entropy of its probabilities over ln E (sigmoid "
          "scores are divided by their sum first), mass of the k largest, first less second, margin between the "
          "least chosen and the best other expert (in logits, in probability, and with the model given in score + "
          "selection bias), the curve of sorted probabilities, deviation of the logits, and fragility: the share "
          "of tokens whose experts change when noise of size sigma falls on the logits, or when they are rounded to "
          "bfloat16. With losses, Spearman's rank correlation with the next token's loss. Intervals are 95 % "
          "percentile intervals over resampled documents. A trace without logits shows its combine weights alone.",
      .page = "Load",
      .in = {{"trace", Kind::trace},
             {.name = "model",
              .kind = Kind::model,
              .optional = true,
              .help = "the model of the trace: gives its selection-only bias, where it has one"}},
      .out = {{"result", Kind::result}},
      .parameters = withTraceFilters(
          {list("sigmas", Json{0.01, 0.03, 0.1, 0.3, 1}, "deviations of the noise on the logits; at most 16"),
           integer("sample", 50000, 1, 1e8, "tokens",
                   "at most so many, evenly spaced, for fragility and for the correlation with losses"),
           integer("draws", 1000, 0, 10000, "", "document resamples behind the intervals; 0 leaves them out"),
           integer("seed", 0, 0, 1e9, "", "of the resampling and the noise").secondary()}),
      .figures = figures(),
      .example = "moescope-cli run router.confidence --study S --in trace=t --set sigmas=[0.05,0.2] --name rc"};
}

Expected<std::vector<double>> sigmasOf(const Parameters& set) {
  std::vector<double> sigmas;
  for (const Json& sigma : set.value("sigmas")) {
    if (!sigma.is_number() || !(sigma.get<double>() > 0) || sigma.get<double>() > 1e6)
      return usageError(fmt::format("sigmas holds {}; a deviation is a number above 0", sigma.dump()));
    sigmas.push_back(sigma.get<double>());
  }
  if (sigmas.size() > 16) return usageError(fmt::format("sigmas holds {} numbers; give at most 16", sigmas.size()));
  return sigmas;
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  TRY_DO(sigmasOf(set));
  Cost cost = countingCost(info, set.integer("draws") * 12);
  TRY(reading, readingCost(inputs.at("trace"), Trace::logits | Trace::weights | Trace::loss));
  cost.memory += reading.memory + 64 * static_cast<std::uint64_t>(set.integer("sample"));
  cost.seconds += 4 * reading.seconds;
  return cost;
}

// The selection-only bias of every layer, empty where the model has none or is not given. Usage error for a model that
// is not the trace's.
Expected<std::vector<std::vector<float>>> biasesOf(const Artifact* model, const TraceInfo& info) {
  std::vector<std::vector<float>> biases(info.layers.size());
  if (model == nullptr) return biases;
  if (model->id != info.modelDigest)
    return usageError(fmt::format("the trace was captured from the model {}, not from {}: give that one, or none",
                                  info.modelDigest.substr(0, 12), model->title()));
  TRY(inventory, readInventory(model->path));
  for (std::size_t layer = 0; layer < biases.size(); ++layer) {
    const std::string parameter = fmt::format("layers.{}.router_bias", info.layers[layer].block);
    for (const Slot& slot : inventory.slots) {
      const Shards::Place* place = slot.parameter == parameter ? inventory.shards.find(slot.name) : nullptr;
      if (place == nullptr || slot.size() != info.layers[layer].numExperts) continue;
      biases[layer].resize(static_cast<std::size_t>(slot.size()));
      TRY_DO(readSlot(*place, slot, -1, biases[layer]));
    }
  }
  return biases;
}

std::vector<StatedValue> stated() {
  return {{"entropy", "H(p) / ln E, mean over tokens"},
          {"top_k_mass", "sum of the k largest p"},
          {"probability_gap", "largest p - second"},
          {"margin", "least chosen logit - largest other"},
          {"margin_score", "least chosen p - largest other"},
          {"margin_selection", "least chosen score + bias - largest other"},
          {"overruled", "tokens whose chosen are not those of the largest logits"},
          {"overruled_selection", "the same of score + bias"},
          {"logit_scale", "population deviation over experts"},
          {"fragility_bf16", "logits rounded to bfloat16"},
          {"weight_gap", "(first - second) / sum of combine weights"},
          {"weight_entropy", "of combine weights over their sum, over ln of how many"}};
}

void sayWhatIsMissing(Result& result, const TraceInfo& info, bool biased) {
  if (!info.hasLogits)
    leaveOut(result, ofLogits, "This trace holds no router logits; capture it again with logits=true.");
  else if (!biased)
    leaveOut(result, {"margin_selection", "overruled_selection"},
             "No selection bias is known: give the model of the trace as input model, if it has one.");
  if (!info.hasLoss)
    leaveOut(result, {"loss_correlation", "loss_by_decile"},
             "This trace holds no losses; capture it again with loss=true.");
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(sigmas, sigmasOf(set));
  TRY(counted, countTrace(inputs.at("trace"), set, false, job));
  TRY(biases, biasesOf(inputs.find("model"), counted.info));
  TRY(trace, Trace::open(inputs.at("trace").path));
  TRY(filter, traceFilter(trace.info(), set));
  ConfidenceRequest request;
  request.sigmas = std::move(sigmas);
  request.sample = set.integer("sample");
  request.draws = drawsOf(set, job);
  std::vector<ConfidenceOfLayer> layers;
  bool biased = false;
  for (std::size_t layer = 0; layer < counted.info.layers.size(); ++layer) {
    request.rule = {counted.info.layers[layer].score == "sigmoid", biases[layer]};
    biased = biased || !biases[layer].empty();
    TRY(measured, measureConfidence(trace, filter, counted, layer, request,
                                    pollOf(job, "reading the trace", layer, counted.info.layers.size())));
    layers.push_back(std::move(measured));
  }
  Result result{.axes = {layerAxis(counted.info), domainAxis(counted.info)},
                .facts = traceFacts(counted, "router.confidence")};
  addConfidence(result, layers, counted, request);
  sayWhatIsMissing(result, counted.info, biased);
  addOverLayers(result, "over_layers", stated());
  return one("result", std::move(result), traceSummary(counted));
}

}  // namespace

const Operation routerConfidence{describe, estimate, run};

}  // namespace moescope
