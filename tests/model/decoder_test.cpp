// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/decoder.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include "core/model/attention.h"
#include "core/model/experts.h"
#include "tests/model/tiny_model.h"

namespace moescope {
namespace {

Decoder made(const ModelConfig& config, std::uint64_t seed = 7) {
  auto decoder = Decoder::make(config, seed);
  EXPECT_TRUE(decoder) << decoder.error().message;
  return std::move(decoder).value();
}

TEST(Decoder, GivesLogitsRoutingAndLossesInTheirShapes) {
  ModelConfig config = tinyConfig();
  config.moe.router.balance = 0.01;
  config.moe.router.zLoss = 0.001;
  config.moe.denseLayers = {0};
  Decoder decoder = made(config);
  const Forward result = decoder.forward(idsOf(3, 9, 32), {.training = true});
  EXPECT_EQ(result.logits.sizes(), (at::IntArrayRef{3, 9, 32}));
  EXPECT_EQ(result.hidden.sizes(), (at::IntArrayRef{3, 9, 16}));
  ASSERT_EQ(result.routing.size(), 1u);
  EXPECT_EQ(result.routing[0].block, 1);
  EXPECT_EQ(result.routing[0].assignments.expert.sizes(), (at::IntArrayRef{27, 2}));
  EXPECT_EQ(result.routing[0].assignments.logits.sizes(), (at::IntArrayRef{27, 6}));
  EXPECT_EQ(result.losses.size(), 2u);
  EXPECT_EQ(decoder.sparseBlocks(), (std::vector<std::int64_t>{1}));
}

TEST(Decoder, TheSameSeedIsTheSameModelAndAnotherIsNot) {
  const at::Tensor ids = idsOf(1, 5, 32);
  const at::Tensor logits = made(tinyConfig(), 1).forward(ids).logits;
  EXPECT_TRUE(logits.equal(made(tinyConfig(), 1).forward(ids).logits));
  EXPECT_FALSE(logits.equal(made(tinyConfig(), 2).forward(ids).logits));
}

TEST(Decoder, AForwardTwiceIsBitEqualWithItsGradients) {
  ModelConfig config = tinyConfig();
  config.moe.router = {"noisy", 0.1, 0.1};
  Decoder decoder = made(config);
  const auto gradients = [&] {
    for (const NamedTensor& tensor : decoder.parameters()) tensor.value.mutable_grad() = at::Tensor();
    Forward result =
        decoder.forward(idsOf(4, 16, 32), {.training = true, .generator = at::detail::createCPUGenerator(3)});
    at::Tensor loss = result.logits.square().mean();
    for (const auto& [name, value] : result.losses) loss = loss.add(value);
    loss.backward();
    std::vector<at::Tensor> all{loss.detach()};
    for (const NamedTensor& tensor : decoder.parameters()) all.push_back(tensor.value.grad().clone());
    return all;
  };
  const std::vector<at::Tensor> first = gradients(), second = gradients();
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(first[i].equal(second[i])) << "tensor " << i;
}

TEST(Decoder, BlockByBlockIsTheWholeForward) {
  Decoder decoder = made(tinyConfig());
  const at::Tensor ids = idsOf(2, 7, 32);
  Forward into;
  at::Tensor hidden = decoder.embed(ids);
  for (std::int64_t layer = 0; layer < 2; ++layer) hidden = decoder.block(layer, hidden, {}, into);
  EXPECT_TRUE(decoder.head(decoder.finalNorm(hidden)).equal(decoder.forward(ids).logits));
}

// Every router is causal as long as nothing is dropped.
TEST(Decoder, NoTokenSeesALaterOne) {
  for (const RouterKind& kind : routerKinds()) {
    ModelConfig config = tinyConfig();
    config.moe.router.kind = kind.option.name;
    config.moe.topK = kind.option.name == "switch" ? 1 : 2;
    config.attention.qkNorm = QkNorm::head;
    Decoder decoder = made(config);
    at::Tensor ids = idsOf(1, 12, 32);
    const at::Tensor before = decoder.forward(ids).logits.detach().clone();
    ids[0][8] = (ids[0][8].item<std::int64_t>() + 1) % 32;
    const at::Tensor after = decoder.forward(ids).logits;
    EXPECT_TRUE(at::allclose(before.slice(1, 0, 8), after.slice(1, 0, 8), 0, 1e-5)) << kind.option.name;
    EXPECT_FALSE(at::allclose(before.slice(1, 8), after.slice(1, 8), 0, 1e-5)) << kind.option.name;
  }
}

TEST(Decoder, PaddingOnTheRightChangesNothing) {
  ModelConfig config = tinyConfig();
  config.moe.router.capacity = 0.75;
  Decoder decoder = made(config);
  const at::Tensor ids = idsOf(1, 10, 32);
  const at::Tensor padded = at::cat({ids, at::zeros({1, 6}, at::kLong)}, 1);
  const at::Tensor valid = at::cat({at::ones({1, 10}, at::kBool), at::zeros({1, 6}, at::kBool)}, 1);
  const at::Tensor with = decoder.forward(padded, {.valid = valid}).logits.slice(1, 0, 10);
  EXPECT_TRUE(at::allclose(with, decoder.forward(ids).logits, 1e-5, 1e-5));
}

TEST(Decoder, CapacityCountsPerWindowInEvaluationAndPerBatchInTraining) {
  ModelConfig config = tinyConfig();
  config.moe.router.capacity = 1;
  Decoder decoder = made(config);
  const at::Tensor ids = idsOf(3, 16, 32);
  const Forward together = decoder.forward(ids);
  for (std::int64_t window = 0; window < 3; ++window) {
    const Forward alone = decoder.forward(ids.slice(0, window, window + 1));
    EXPECT_TRUE(together.routing[0]
                    .assignments.kept.slice(0, window * 16, (window + 1) * 16)
                    .equal(alone.routing[0].assignments.kept));
  }
  const Assignments training = decoder.forward(ids, {.training = true}).routing[0].assignments;
  EXPECT_LE((training.offsets[1] - training.offsets[0]), 16) << "ceil(48 * 2 / 6) places in the batch";
}

TEST(Decoder, GroupedKeysAreThoseOfTheirGroupRepeated) {
  ModelConfig grouped = tinyConfig(), full = tinyConfig();
  grouped.attention.inputBias = full.attention.inputBias = true;
  full.attention.keyHeads = 4;
  Decoder one = made(grouped), other = made(full);
  std::map<std::string, at::Tensor> from;
  for (const NamedTensor& tensor : one.parameters()) from[tensor.name] = tensor.value.detach();
  {
    const at::NoGradGuard guard;
    for (const NamedTensor& tensor : other.parameters()) {
      at::Tensor value = from.at(tensor.name);
      if (value.sizes() != tensor.value.sizes())  // [2 heads * 4, ...] to [4 heads * 4, ...], each head twice
        value = value.reshape({2, 1, 4, -1}).expand({2, 2, 4, value.numel() / 8}).reshape(tensor.value.sizes());
      tensor.value.copy_(value);
    }
  }
  const at::Tensor ids = idsOf(2, 9, 32);
  EXPECT_TRUE(at::allclose(one.forward(ids).logits, other.forward(ids).logits, 1e-5, 1e-5));
}

TEST(Decoder, PositionsAreRelative) {
  AttentionConfig config;
  config.headWidth = 8;
  const RotaryTable table = makeRotaryTable(20, config, at::kCPU);
  const at::Tensor query = at::randn({1, 1, 1, 8}).expand({1, 1, 20, 8}),
                   key = at::randn({1, 1, 1, 8}).expand({1, 1, 20, 8});
  const at::Tensor scores = rotate(query, table).matmul(rotate(key, table).transpose(2, 3))[0][0];
  for (std::int64_t shift = 1; shift < 12; ++shift)
    EXPECT_NEAR(scores[3 + shift][3].item<float>(), scores[8 + shift][8].item<float>(), 1e-5);
  EXPECT_TRUE(at::allclose(rotate(query, table).norm(2, -1), query.norm(2, -1)));
}

TEST(Decoder, NormsOfQueriesAndKeysMakeTheirScaleIrrelevant) {
  for (QkNorm norm : {QkNorm::head, QkNorm::full}) {
    ModelConfig config = tinyConfig();
    config.attention.qkNorm = norm;
    config.normEpsilon = 0;
    Decoder decoder = made(config);
    const at::Tensor before = decoder.forward(idsOf(1, 8, 32)).logits.detach().clone();
    const at::NoGradGuard guard;
    for (const NamedTensor& tensor : decoder.parameters())
      if (tensor.name.ends_with(".query") || tensor.name.ends_with(".key")) tensor.value.mul_(3);
    EXPECT_TRUE(at::allclose(before, decoder.forward(idsOf(1, 8, 32)).logits, 1e-4, 1e-5));
  }
}

TEST(Decoder, WithoutExpertsItIsADenseModel) {
  ModelConfig config = tinyConfig();
  config.moe = {};
  config.tiedHead = true;
  Decoder decoder = made(config);
  const Forward result = decoder.forward(idsOf(2, 6, 32), {.training = true});
  EXPECT_TRUE(result.routing.empty() && result.losses.empty() && decoder.routers().empty());
  result.logits.square().mean().backward();
  for (const NamedTensor& tensor : decoder.parameters()) {
    EXPECT_TRUE(tensor.value.grad().defined()) << tensor.name;
    EXPECT_EQ(tensor.group, Group::dense);
  }
}

TEST(Decoder, OneExpertIsTheDenseModelOfItsWidth) {
  ModelConfig one = tinyConfig(), dense = tinyConfig();
  one.moe.experts = one.moe.topK = 1;
  dense.moe = {};
  dense.denseWidth = one.moe.expertWidth;
  Decoder sparse = made(one), plain = made(dense);
  std::map<std::string, at::Tensor> from;
  for (const NamedTensor& tensor : sparse.parameters()) from[tensor.name] = tensor.value.detach();
  {
    const at::NoGradGuard guard;
    for (const NamedTensor& tensor : plain.parameters()) {
      std::string name = tensor.name;
      if (const auto at = name.find("dense."); at != std::string::npos) name.replace(at, 6, "experts.");
      tensor.value.copy_(from.at(name).view_as(tensor.value));
    }
  }
  EXPECT_TRUE(at::allclose(sparse.forward(idsOf(2, 6, 32)).logits, plain.forward(idsOf(2, 6, 32)).logits, 1e-5, 1e-6));
}

TEST(Decoder, EveryParameterOfEverySwitchGetsAGradient) {
  ModelConfig config = tinyConfig();
  config.moe.denseLayers = {0};
  config.moe.sharedExperts = 2;
  config.moe.sharedWidth = 14;
  config.moe.sharedGate = true;
  config.attention.inputBias = config.attention.outputBias = true;
  config.attention.qkNorm = QkNorm::full;
  config.moe.router.kind = "sigmoid_bias";
  Decoder decoder = made(config);
  decoder.forward(idsOf(4, 16, 32)).logits.square().mean().backward();
  for (const NamedTensor& tensor : decoder.parameters()) {
    ASSERT_TRUE(tensor.value.grad().defined()) << tensor.name;
    EXPECT_GT(tensor.value.grad().abs().max().item<float>(), 0) << tensor.name;
  }
  ASSERT_EQ(decoder.buffers().size(), 1u);
  EXPECT_FALSE(decoder.buffers()[0].value.requires_grad());
}

TEST(Decoder, RefusesWhatNoModelCanBe) {
  const auto refuses = [](auto change) {
    ModelConfig config = tinyConfig();
    change(config);
    const auto decoder = Decoder::make(config, 1);
    EXPECT_FALSE(decoder);
    if (!decoder) {
      EXPECT_EQ(decoder.error().kind, ErrorKind::usage) << decoder.error().message;
    }
  };
  refuses([](ModelConfig& config) { config.layers = 0; });
  refuses([](ModelConfig& config) { config.moe.topK = 7; });
  refuses([](ModelConfig& config) { config.moe.topK = 0; });
  refuses([](ModelConfig& config) { config.attention.keyHeads = 3; });
  refuses([](ModelConfig& config) { config.attention.headWidth = 5; });
  refuses([](ModelConfig& config) { config.moe.expertWidth = 0; });
  refuses([](ModelConfig& config) { config.moe.router.kind = "softmx"; });
  refuses([](ModelConfig& config) { config.moe.router.balance = NAN; });
  refuses([](ModelConfig& config) { config.moe.denseLayers = {2}; });
  refuses([](ModelConfig& config) { config.moe.sharedGate = true; });
  ModelConfig single = tinyConfig();
  single.moe.topK = 1;
  EXPECT_TRUE(checkConfig(single));
  EXPECT_FALSE(checkTraining(single)) << "renormalising one choice leaves the router without gradient";
}

}  // namespace
}  // namespace moescope
