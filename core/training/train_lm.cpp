// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/operations.h"

#include <fmt/format.h>

#include <cmath>

#include "core/model/device.h"
#include "core/model/folder.h"
#include "core/model/threads.h"
#include "core/model/torch_error.h"
#include "core/statistics/counter_random.h"
#include "core/training/loop.h"
#include "core/training/snapshot.h"

namespace moescope {
namespace {

constexpr std::uint64_t firstWeightsStream = 200;

Description describe() {
  return {.id = "train.lm",
          .version = 2,
          .title = "Train a language model",
          .help =
              "Trains a decoder with Mixture-of-Experts layers on a corpus, from random weights or from a given model, "
              "and records "
              "the run. The loss is the mean cross-entropy of the next token plus the routers' auxiliary losses: "
              "balance times "
              "(E/k) sum f P (Fedus et al. 2021, divided by k so that balance is 1) and z_loss times the mean of (ln "
              "sum exp "
              "logits)^2 (Zoph et al. 2022). AdamW with beta 0.9 and 0.95, linear warm-up and a cosine to a tenth. "
              "Every step "
              "records losses, load, CV with its floor, the largest violation, entropies, drops and norms; snapshots "
              "on the way are "
              "models of their own. A run that was stopped goes on where it was.",
          .page = "Train",
          .in = {{"corpus", Kind::corpus, false, false, "text or ids to learn; the train split is used"},
                 {"model", Kind::model, true, false, "a model to start from; its shape and tokenizer are kept"}},
          .out = {{"model", Kind::model, false, false, "after the last step"},
                  {"run", Kind::run, false, false, "metrics over the steps"}},
          .parameters = trainingParameters(),
          .needs = {"torch"},
          .example = "moescope-cli run train.lm --study S --in corpus=text --set steps=300 --name toy"};
}

// A corpus with the tokenizer that its model reads it with.
struct Text {
  Corpus corpus;
  std::unique_ptr<Tokenizer> tokenizer;  // null for ids
  std::int64_t vocabulary = 0;
};

Expected<Text> openText(const Inputs& inputs) {
  TRY(corpus, Corpus::open(inputs.at("corpus").path));
  Text text{.corpus = std::move(corpus)};
  const Artifact* start = inputs.find("model");
  if (text.corpus.hasText() && start) TRY_ASSIGN(text.tokenizer, loadTokenizer(start->path));
  if (text.corpus.hasText() && !start) text.tokenizer = byteTokenizer();
  text.vocabulary = text.tokenizer ? text.tokenizer->vocabularySize() : text.corpus.vocabularySize();
  return text;
}

// The shape of what will be trained, without making it.
Expected<ModelConfig> configOf(const Inputs& inputs, const Parameters& set, std::int64_t vocabulary) {
  const Artifact* start = inputs.find("model");
  if (!start) return modelConfigOf(set, vocabulary);
  TRY(config, readModelConfig(start->path));
  TRY_DO(checkSameShape(set, config));
  if (config.vocabulary < vocabulary)
    return usageError(fmt::format(
        "The corpus has ids up to {}, and the given model knows {} tokens only; take a corpus that was made for it.",
        vocabulary - 1, config.vocabulary));
  return config;
}

// 6 operations a weight and token, forward and backward (Kaplan et al. 2020), and attention's scores.
double trainingOperations(const ModelConfig& config, const TrainingSettings& settings) {
  const double width = double(config.attention.heads * config.attention.headWidth);
  const double attention = 12.0 * double(config.layers) * width * double(settings.length);
  return (6.0 * double(sizeOf(config).active) + attention) * double(settings.steps) * double(settings.batch) *
         double(settings.length);
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(settings, trainingSettings(set));
  TRY(text, openText(inputs));
  TRY(config, configOf(inputs, set, text.vocabulary));
  const ModelSize size = sizeOf(config);
  const double snapshots = 1 + (settings.snapshotEvery > 0 ? double(settings.steps / settings.snapshotEvery) : 0);
  const double metrics = 8.0 * double(config.layers) * double(config.moe.experts + 10) * double(settings.steps);
  // Weights, gradients and two moments, then what the backward of one part keeps: about 34 hidden widths, the experts'
  // inner units and the scores of attention a token and layer, and the logits three times over.
  const double part = double(settings.batch / settings.accumulation) * double(settings.length);
  const double inner = double(
      std::max<std::int64_t>(config.denseWidth, config.moe.topK * config.moe.expertWidth + config.moe.sharedWidth));
  const double kept = part * (double(config.layers) * (34.0 * double(config.hidden) + 5.0 * inner +
                                                       double(config.attention.heads * settings.length)) +
                              3.0 * double(config.vocabulary));
  Cost cost;
  cost.bytes = std::uint64_t(4.0 * double(size.parameters) * snapshots + metrics);
  cost.memory = std::uint64_t(16.0 * double(size.parameters) + 4.0 * kept) + (250ull << 20);  // and LibTorch itself
  cost.seconds = trainingOperations(config, settings) / measuredRate() / 0.45;  // the share of it that training reaches
  return cost;
}

// A model that is trained on keeps its router, with the coefficients and the capacity that are asked for here.
Expected<Decoder> firstModel(const Inputs& inputs, const Parameters& set, std::int64_t vocabulary, std::uint64_t seed,
                             at::Device device) {
  TRY(config, configOf(inputs, set, vocabulary));
  const Artifact* start = inputs.find("model");
  if (!start) return Decoder::make(std::move(config), CounterRandom(seed, firstWeightsStream).bits(0)[0], device);
  RouterConfig router = config.moe.router;
  router.balance = set.real("balance");
  router.zLoss = set.real("z_loss");
  router.capacity = set.real("capacity");
  return loadModel(start->path, device, &router);
}

Expected<Outputs> trainModel(const Inputs& inputs, const Parameters& set, Job& job) {
  useThreads(job.resources().threads);
  job.progress(0, "reading the corpus");
  TRY(settings, trainingSettings(set));
  TRY(device, pickDevice(job.resources().device));
  TRY(text, openText(inputs));
  TRY(model, firstModel(inputs, set, text.vocabulary, settings.seed, device));
  TRY(ids, TokenisedCorpus::open(text.corpus, text.tokenizer.get(), tokenCacheFor(inputs.at("corpus").path)));
  const Json record{{"operation", "train.lm"}, {"set", set.all()}};
  TRY(end, train({model, text.tokenizer.get(), text.corpus, ids, record}, settings, job));

  job.progress(1, "saving the model");
  Json last = record;
  last["step"] = end.steps;
  TRY_DO(saveModel(model, text.tokenizer.get(), last, job.place("model")));
  Json modelFacts = modelSummary(model), runFacts{{"steps", end.steps}, {"loss", jsonReal(end.loss)}};
  modelFacts["step"] = end.steps;
  if (std::isfinite(end.validationLoss)) runFacts["validation_loss"] = end.validationLoss;
  return Outputs{{.port = "model", .kind = Kind::model, .summary = std::move(modelFacts)},
                 {.port = "run", .kind = Kind::run, .summary = std::move(runFacts)}};
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  return guarded([&] { return trainModel(inputs, set, job); });
}

}  // namespace

const Operation trainLm{describe, estimate, run};

}  // namespace moescope
