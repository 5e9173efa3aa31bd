// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/digest.h"
#include "core/capture/operations.h"
#include "core/model/feed_forward.h"
#include "core/model/folder.h"
#include "core/model/weight_store.h"
#include "core/text/operations.h"
#include "core/text/windows.h"
#include "core/trace/trace.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

// A model of random weights and a corpus of text in two domains; documents are no multiples of the window.
class CaptureTest : public testing::Test {
 protected:
  fs::path folder = fs::path(testing::TempDir()) /
                    ("capture_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));

  void SetUp() override {
    fs::remove_all(folder);
    auto writer = CorpusWriter::create(folder / "corpus", {"first", "second"}, true);
    for (std::size_t n = 0; n < 6; ++n) {
      std::string text;
      for (std::size_t i = 0; i < 90 + 37 * n; ++i) text += char('a' + (i * i + 7 * n + i / 5) % 26);
      ASSERT_TRUE(writer->add("document " + std::to_string(n), std::uint16_t(n % 2), text));
    }
    ASSERT_TRUE(writer->finish(0.3, 1, Json::object()));
    makeModel(4);
  }
  void TearDown() override { fs::remove_all(folder); }

  void makeModel(std::int64_t experts, double capacity = 0) {
    ModelConfig config{.vocabulary = 256, .hidden = 32, .layers = 3, .length = 32};
    config.denseWidth = 32;
    config.attention = {.heads = 2, .keyHeads = 2, .headWidth = 16};
    if (experts > 0)
      config.moe = {.experts = experts,
                    .topK = 2,
                    .expertWidth = 16,
                    .router = {.kind = "softmax", .capacity = capacity},
                    .denseLayers = {0}};
    auto model = Decoder::make(config, 3);
    ASSERT_TRUE(model) << model.error().message;
    fs::remove_all(folder / "model");
    const auto saved = saveModel(*model, byteTokenizer().get(), Json::object(), folder / "model");
    ASSERT_TRUE(saved) << saved.error().message;
  }
  static Parameters setOf(const Operation& operation, const Json& given) {
    auto set = checkParameters(operation.describe().parameters, given);
    EXPECT_TRUE(set) << (set ? "" : set.error().message);
    return *set;
  }
  Inputs inputs() const {
    Inputs inputs;
    inputs.add("model", {.id = std::string(64, 'a'), .kind = Kind::model, .path = folder / "model"});
    inputs.add("corpus", {.id = std::string(64, 'c'), .kind = Kind::corpus, .path = folder / "corpus"});
    return inputs;
  }
  Expected<Outputs> capture(QuietJob& job, const Json& set) const {
    job.resourcesUsed.threads = 1;
    return captureRouting.run(inputs(), setOf(captureRouting, set), job);
  }
  Trace traceOf(const std::string& name, const Json& set) const {
    QuietJob job(folder / name);
    const auto outputs = capture(job, set);
    EXPECT_TRUE(outputs) << (outputs ? "" : outputs.error().message);
    auto trace = Trace::open(folder / name / "trace");
    EXPECT_TRUE(trace) << (trace ? "" : trace.error().message);
    return *std::move(trace);
  }
};

TEST_F(CaptureTest, TheTraceHoldsWhatTheForwardAssigned) {
  const Trace trace = traceOf("job", {{"logits", true}, {"batch", 4}});
  ASSERT_EQ(trace.info().layers.size(), 2u);
  EXPECT_EQ(trace.info().layers[0].block, 1);
  EXPECT_EQ(trace.info().layers[0].numExperts, 4);
  EXPECT_TRUE(trace.info().layers[0].renormalised);
  EXPECT_EQ(trace.info().length, 32);
  const TraceChunk all = *trace.read(0, trace.tokens(), Trace::loss | Trace::weights | Trace::logits);
  // Window after window by itself, through the whole forward at once.
  at::NoGradGuard quiet;
  auto model = loadModel(folder / "model");
  std::size_t token = 0;
  while (token < all.tokens()) {
    std::vector<std::int64_t> ids;
    for (std::size_t i = token;
         i < all.tokens() && all.document[i] == all.document[token] && all.position[i] / 32 == all.position[token] / 32;
         ++i)
      ids.push_back(all.id[i]);
    const Forward forward = model->forward(at::tensor(ids).view({1, -1}));
    const at::Tensor probability = at::log_softmax(forward.logits[0], 1);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      for (std::size_t layer = 0; layer < 2; ++layer) {
        const Assignments& routed = forward.routing[layer].assignments;
        const TraceChunk::Layer& column = all.layers[layer];
        for (std::size_t j = 0; j < 2; ++j) {
          EXPECT_EQ(column.expert[(token + i) * 2 + j],
                    routed.expert[std::int64_t(i)][std::int64_t(j)].item<std::int64_t>());
          EXPECT_NEAR(column.weight[(token + i) * 2 + j], routed.weight[std::int64_t(i)][std::int64_t(j)].item<float>(),
                      1e-5);
        }
        EXPECT_GE(column.weight[(token + i) * 2], column.weight[(token + i) * 2 + 1]);
        for (std::size_t e = 0; e < 4; ++e)
          EXPECT_NEAR(column.logit[(token + i) * 4 + e], routed.logits[std::int64_t(i)][std::int64_t(e)].item<float>(),
                      2e-3);  // float16
      }
      if (all.next[token + i] < 0)
        EXPECT_TRUE(std::isnan(all.loss[token + i]));
      else
        EXPECT_NEAR(all.loss[token + i], -probability[std::int64_t(i)][all.next[token + i]].item<float>(), 1e-4);
    }
    token += ids.size();
  }
  const Vocabulary vocabulary = *trace.vocabulary();
  ASSERT_NE(vocabulary.find('a'), nullptr);
  EXPECT_EQ(*vocabulary.find('a'), "a");
  EXPECT_EQ(vocabulary.find('!'), nullptr);
}

TEST_F(CaptureTest, TheTraceHoldsTheLikeliestNextIdWhereAsked) {
  const Trace trace = traceOf("job", {{"predicted", true}, {"loss", false}, {"batch", 4}});
  EXPECT_TRUE(trace.info().hasPredicted);
  EXPECT_FALSE(trace.info().hasLoss);
  const TraceChunk all = *trace.read(0, trace.tokens(), Trace::predicted);
  at::NoGradGuard quiet;
  auto model = loadModel(folder / "model");
  for (std::size_t token = 0; token < all.tokens();) {
    std::vector<std::int64_t> ids;
    for (std::size_t i = token;
         i < all.tokens() && all.document[i] == all.document[token] && all.position[i] / 32 == all.position[token] / 32;
         ++i)
      ids.push_back(all.id[i]);
    const at::Tensor logits = model->forward(at::tensor(ids).view({1, -1})).logits[0];
    for (std::size_t i = 0; i < ids.size(); ++i) {  // the other forward sums in another order: near ties may swap
      const at::Tensor row = logits[std::int64_t(i)];
      EXPECT_NEAR(row[all.predicted[token + i]].item<float>(), row.max().item<float>(), 1e-4);
    }
    token += ids.size();
  }
  EXPECT_NE(trace.vocabulary()->find(all.predicted[0]), nullptr);
}

TEST_F(CaptureTest, EveryBatchSplitGivesEqualSets) {
  const Trace one = traceOf("one", {{"batch", 1}}), many = traceOf("many", {{"batch", 64}});
  ASSERT_EQ(one.tokens(), many.tokens());
  const TraceChunk left = *one.read(0, one.tokens()), right = *many.read(0, many.tokens());
  EXPECT_EQ(left.id, right.id);
  EXPECT_EQ(left.position, right.position);
  for (std::size_t layer = 0; layer < 2; ++layer) EXPECT_EQ(left.layers[layer].expert, right.layers[layer].expert);
}

// Stops in the first layer of the n-th group, as a cancel does.
class StoppingJob : public QuietJob {
 public:
  StoppingJob(fs::path folder, int groups) : QuietJob(std::move(folder)), left_(groups) {}
  void progress(double, std::string_view stage) override {
    if (stage.starts_with("layer 2 of") && --left_ <= 0) stop = true;
  }

 private:
  int left_;
};

// A budget of one byte is as little as there is: every batch is a group of its own.
TEST_F(CaptureTest, AStoppedCaptureGoesOnAndEndsWithEqualBytes) {
  QuietJob whole(folder / "whole");
  ASSERT_TRUE(capture(whole, {{"batch", 2}}));
  for (int groups : {1, 5}) {
    const fs::path place = folder / ("parts" + std::to_string(groups));
    StoppingJob parts(place, groups);
    parts.resourcesUsed.memory = 1;
    const auto stopped = capture(parts, {{"batch", 2}});
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().kind, ErrorKind::cancelled);
    QuietJob rest(place);
    ASSERT_TRUE(capture(rest, {{"batch", 2}}));
    EXPECT_EQ(*contentDigest(folder / "whole" / "trace"), *contentDigest(place / "trace")) << groups;
  }
}

TEST_F(CaptureTest, TheBudgetChangesNoByteOfTheTrace) {
  makeModel(16);
  const Json set{{"batch", 2}, {"logits", true}};
  QuietJob resident(folder / "resident");
  ASSERT_TRUE(capture(resident, set));
  const std::string digest = *contentDigest(folder / "resident" / "trace");
  // As little as possible; and enough for the weights but not for all tokens, so that they stay.
  for (std::uint64_t memory : {1ull, 40'000'000ull}) {
    QuietJob job(folder / ("budget" + std::to_string(memory)));
    job.resourcesUsed.memory = memory;
    ASSERT_TRUE(capture(job, set));
    EXPECT_EQ(*contentDigest(folder / ("budget" + std::to_string(memory)) / "trace"), digest) << memory;
  }
}

TEST_F(CaptureTest, OnlyExpertsThatGotTokensAreRead) {
  makeModel(16);
  QuietJob job(folder / "job");
  const auto outputs = capture(job, {{"tokens", 3}, {"loss", false}});
  ASSERT_TRUE(outputs) << outputs.error().message;
  const Trace trace = *Trace::open(folder / "job" / "trace");
  const TraceChunk all = *trace.read(0, trace.tokens());
  const WeightStore weights = *WeightStore::open(folder / "model");
  std::uint64_t expected = 0;
  for (std::int64_t layer = 0; layer < 3; ++layer) expected += weights.layer(layer).bytes;
  const std::set<std::uint16_t> used(all.layers[0].expert.begin(), all.layers[0].expert.end());
  EXPECT_LE(used.size(), 6u);
  for (std::uint16_t expert : used) expected += weights.expert(1, expert).bytes;  // those of layer 2 change no routing
  // Rows of the embedding, with the gaps between neighbouring ids.
  const std::uint64_t read = (*outputs)[0].summary["bytes_read"].get<std::uint64_t>(), row = 32 * 4;
  EXPECT_GE(read, expected + row);
  EXPECT_LE(read, expected + 26 * row);
}

TEST_F(CaptureTest, TokensSplitAndDomainsSayWhatIsRead) {
  EXPECT_EQ(traceOf("few", {{"tokens", 100}}).tokens(), 100u);
  const Trace second = traceOf("second", {{"domains", {"second"}}, {"loss", false}});
  const TraceChunk all = *second.read(0, second.tokens());
  for (std::uint16_t domain : all.domain) EXPECT_EQ(domain, 1);
  EXPECT_FALSE(second.info().hasLoss);
  QuietJob job(folder / "wrong");
  EXPECT_EQ(capture(job, {{"domains", {"secnd"}}}).error().kind, ErrorKind::usage);
  EXPECT_EQ(capture(job, {{"length", 33}}).error().kind, ErrorKind::usage);
}

TEST_F(CaptureTest, WhatCapacityDropsHasWeightZeroAndKeepsItsPlace) {
  const Trace free = traceOf("free", {});
  makeModel(4, 0.5);
  const Trace tight = traceOf("tight", {});
  const TraceChunk before = *free.read(0, free.tokens(), Trace::weights, {0}),
                   after = *tight.read(0, tight.tokens(), Trace::weights, {0});
  EXPECT_EQ(before.layers[0].expert, after.layers[0].expert);  // the first MoE layer's inputs are the same
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < after.layers[0].weight.size(); ++i) {
    dropped += after.layers[0].weight[i] == 0;
    if (after.layers[0].weight[i] != 0) {
      EXPECT_NEAR(after.layers[0].weight[i], before.layers[0].weight[i], 1e-6);
    }
  }
  // Four experts with ceil(0.5 * 2 T / 4) places each, window by window.
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> windows;
  for (std::size_t i = 0; i < after.tokens(); ++i) ++windows[{after.document[i], after.position[i] / 32}];
  std::size_t least = 0;
  for (const auto& [window, tokens] : windows) least += 2 * tokens - std::min(2 * tokens, 4 * ((tokens + 3) / 4));
  EXPECT_GE(dropped, least);
  EXPECT_GT(least, after.layers[0].weight.size() / 3);
}

// Sums over tokens, one window after another through a whole forward.
struct ByHand {
  std::vector<double> count, gate, norm, gateNorm, largest, probability, output, domainNorm, allNorm;
};

ByHand byHand(Decoder& model, const Trace& trace, std::int64_t experts, std::int64_t hidden, std::size_t layer) {
  const TraceChunk all = *trace.read(0, trace.tokens());
  std::map<std::string, at::Tensor> parameters;
  for (const NamedTensor& tensor : model.parameters()) parameters[tensor.name] = tensor.value;
  const std::string prefix = "layers." + std::to_string(trace.info().layers[layer].block) + ".experts.";
  const std::size_t e = std::size_t(experts);
  ByHand sums;
  for (auto* column :
       {&sums.count, &sums.gate, &sums.norm, &sums.gateNorm, &sums.largest, &sums.probability, &sums.allNorm})
    column->assign(e, 0);
  sums.output.assign(e * std::size_t(hidden), 0);
  sums.domainNorm.assign(2 * e, 0);
  for (std::size_t token = 0, last = 0; token < all.tokens(); token = last) {
    std::vector<std::int64_t> ids;
    for (last = token; last < all.tokens() && all.document[last] == all.document[token] &&
                       all.position[last] / 32 == all.position[token] / 32;
         ++last)
      ids.push_back(all.id[last]);
    const Forward forward = model.forward(at::tensor(ids).view({1, -1}), {.inputs = true});
    const LayerRouting& routing = forward.routing[layer];
    for (std::int64_t expert = 0; expert < experts; ++expert) {
      const at::Tensor f =
          feedForward(routing.input, parameters[prefix + "gate_up"][expert], parameters[prefix + "down"][expert]);
      for (std::size_t t = 0; t < ids.size(); ++t) {
        const double length = f[std::int64_t(t)].norm().item<double>();
        const std::size_t at = std::size_t(expert);
        sums.allNorm[at] += length;
        sums.probability[at] += routing.assignments.probability[std::int64_t(t)][expert].item<double>();
        for (std::int64_t j = 0; j < routing.assignments.expert.size(1); ++j) {
          if (routing.assignments.expert[std::int64_t(t)][j].item<std::int64_t>() != expert) continue;
          const double weight = routing.assignments.weight[std::int64_t(t)][j].item<double>();
          sums.count[at] += 1;
          sums.gate[at] += weight;
          sums.norm[at] += length;
          sums.gateNorm[at] += weight * length;
          sums.domainNorm[all.domain[token] * e + at] += length;
          sums.largest[at] = std::max(sums.largest[at], f[std::int64_t(t)].abs().max().item<double>());
          for (std::int64_t i = 0; i < hidden; ++i)
            sums.output[at * std::size_t(hidden) + std::size_t(i)] += f[std::int64_t(t)][i].item<double>();
        }
      }
    }
  }
  return sums;
}

TEST_F(CaptureTest, ActivationsAreTheSumsOverTokensHoweverTheyAreGrouped) {
  const auto sums = [&](std::uint64_t memory) {
    QuietJob job(folder / ("sums" + std::to_string(memory)));
    job.resourcesUsed.memory = memory;
    const Json set{{"layers", {1}}, {"all_experts", true}, {"samples", 5}, {"batch", 3}};
    auto outputs = captureActivations.run(inputs(), setOf(captureActivations, set), job);
    EXPECT_TRUE(outputs) << (outputs ? "" : outputs.error().message);
    EXPECT_TRUE(checkResult(*(*outputs)[0].result));
    return *(*outputs)[0].result;
  };
  const Result result = sums(0), again = sums(1);
  for (const Value& value : result.values) {
    const std::vector<double>&one = result.array(value.name)->values, &other = again.array(value.name)->values;
    ASSERT_EQ(one.size(), other.size());
    for (std::size_t i = 0; i < one.size(); ++i)
      EXPECT_TRUE(one[i] == other[i] || (std::isnan(one[i]) && std::isnan(other[i]))) << value.name;
  }
  at::NoGradGuard quiet;
  auto model = loadModel(folder / "model");
  const Trace trace = traceOf("job", {{"batch", 3}});
  const ByHand expected = byHand(*model, trace, 4, 32, 1);
  const auto near = [&](const char* name, const std::vector<double>& values) {
    const std::vector<double>& found = result.array(name)->values;
    ASSERT_EQ(found.size(), values.size()) << name;
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_NEAR(found[i], values[i], 1e-4 * (1 + std::abs(values[i]))) << name;
  };
  near("count", expected.count);
  near("gate_sum", expected.gate);
  near("norm_sum", expected.norm);
  near("gate_norm_sum", expected.gateNorm);
  near("largest", expected.largest);
  near("soft_count", expected.probability);
  near("domain_norm_sum", expected.domainNorm);
  for (std::size_t e = 0; e < 4; ++e) {
    EXPECT_NEAR(result.array("mean_norm_all")->values[e], expected.allNorm[e] / double(trace.tokens()), 1e-4);
    for (std::size_t i = 0; i < 32; ++i)
      EXPECT_NEAR(result.array("mean_output")->values[e * 32 + i], expected.output[e * 32 + i] / expected.count[e],
                  1e-4);
    EXPECT_EQ(result.array("coactivation")->values[e * 5], expected.count[e]);
  }
  // The sample's experts are those of the trace.
  const TraceChunk all = *trace.read(0, trace.tokens());
  const Axis& sample = *result.axis("sample");
  ASSERT_EQ(sample.labels.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 2; ++j)
      EXPECT_EQ(result.array("sample_expert")->values[i * 2 + j],
                all.layers[1].expert[std::stoul(sample.labels[i]) * 2 + j]);
  QuietJob job(folder / "wrong");
  EXPECT_EQ(captureActivations.run(inputs(), setOf(captureActivations, {{"layers", {2}}}), job).error().kind,
            ErrorKind::usage);
  makeModel(0);
  EXPECT_EQ(captureActivations.run(inputs(), setOf(captureActivations, Json::object()), job).error().kind,
            ErrorKind::usage);
}

TEST_F(CaptureTest, ADenseModelGivesATraceWithoutLayers) {
  makeModel(0);
  const Trace trace = traceOf("job", {});
  EXPECT_EQ(trace.info().layers.size(), 0u);
  EXPECT_GT(trace.tokens(), 0u);
}

TEST_F(CaptureTest, EvaluateLossIsTheMeanOfTheTracesLosses) {
  QuietJob job(folder / "evaluate");
  const auto outputs = evaluateLoss.run(inputs(), setOf(evaluateLoss, {{"draws", 200}}), job);
  ASSERT_TRUE(outputs) << outputs.error().message;
  const Trace trace = traceOf("job", {});
  const TraceChunk all = *trace.read(0, trace.tokens(), Trace::loss);
  double sum[2] = {}, count[2] = {};
  for (std::size_t i = 0; i < all.tokens(); ++i)
    if (std::isfinite(all.loss[i])) sum[all.domain[i]] += all.loss[i], count[all.domain[i]] += 1;
  const Result& result = *(*outputs)[0].result;
  EXPECT_TRUE(checkResult(result));
  EXPECT_NEAR(result.array("loss")->values[0], (sum[0] + sum[1]) / (count[0] + count[1]), 1e-6);
  for (std::size_t d : {0, 1}) EXPECT_NEAR(result.array("loss_by_domain")->values[d], sum[d] / count[d], 1e-6);
  EXPECT_EQ(result.array("tokens")->values[1], count[1]);
  EXPECT_LE(result.array("loss")->low[0], result.array("loss")->values[0]);
  EXPECT_GE(result.array("loss")->high[0], result.array("loss")->values[0]);
  EXPECT_LT(result.array("loss")->low[0], result.array("loss")->high[0]);
}

TEST_F(CaptureTest, ASampleIsAFunctionOfItsSeedAndSaysWhereTokensWent) {
  QuietJob job(folder / "sample");
  const auto sample = [&](const Json& set) {
    auto outputs = modelSample.run(inputs(), setOf(modelSample, set), job);
    EXPECT_TRUE(outputs) << (outputs ? "" : outputs.error().message);
    EXPECT_TRUE(checkResult(*(*outputs)[0].result));
    return std::get<TokenText>((*outputs)[0].result->find("tokens")->content);
  };
  const TokenText first = sample({{"prompt", "abc"}, {"tokens", 40}, {"seed", 1}}),
                  again = sample({{"prompt", "abc"}, {"tokens", 40}, {"seed", 1}});
  EXPECT_EQ(first.id, again.id);
  EXPECT_EQ(first.id.size(), 43u);
  EXPECT_NE(first.id, sample({{"prompt", "abc"}, {"tokens", 40}, {"seed", 2}}).id);
  EXPECT_EQ(sample({{"prompt", "abc"}, {"tokens", 5}, {"temperature", 0}}).id,
            sample({{"prompt", "abc"}, {"tokens", 5}, {"top", 2}, {"temperature", 1e-6}, {"seed", 9}}).id);
  EXPECT_EQ(first.expert.size(), 43u * 2 * 2);
  // The prompt alone is routed as a forward routes it.
  const TokenText prompt = sample({{"prompt", "abc"}, {"tokens", 0}});
  at::NoGradGuard quiet;
  auto model = loadModel(folder / "model");
  const Forward forward = model->forward(at::tensor(std::vector<std::int64_t>{'a', 'b', 'c'}).view({1, 3}));
  for (std::int64_t t = 0; t < 3; ++t)
    for (std::int64_t layer = 0; layer < 2; ++layer)
      for (std::int64_t j = 0; j < 2; ++j)
        EXPECT_EQ(prompt.expert[std::size_t((t * 2 + layer) * 2 + j)],
                  forward.routing[std::size_t(layer)].assignments.expert[t][j].item<std::int64_t>());
  EXPECT_EQ(modelSample.run(inputs(), setOf(modelSample, {}), job).error().kind,
            ErrorKind::usage);  // nothing to go on from
}

}  // namespace
}  // namespace moescope
