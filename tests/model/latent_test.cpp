// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/model/tiny_model.h"

namespace moescope {
namespace {

ModelConfig latentModel(std::int64_t queryRank) {
  ModelConfig config = tinyConfig();
  config.attention.kind = AttentionKind::latent;
  config.attention.rope = RopeKind::interleaved;
  config.attention.latent = {.queryRank = queryRank, .rank = 6, .plain = 3, .rotary = 4, .value = 5};
  config.attention.headWidth = 7;
  config.attention.keyHeads = config.attention.heads;
  config.moe.denseLayers = {0};
  config.moe.sharedExperts = 1;
  config.moe.sharedWidth = config.moe.expertWidth;
  config.moe.router.kind = "sigmoid_bias";
  return config;
}

TEST(Latent, EveryParameterGetsAGradient) {
  for (std::int64_t queryRank : {0, 8}) {
    ModelConfig config = latentModel(queryRank);
    config.attention.inputBias = config.attention.outputBias = true;
    auto decoder = Decoder::make(config, 7);
    ASSERT_TRUE(decoder) << decoder.error().message;
    decoder->forward(idsOf(4, 16, 32)).logits.square().mean().backward();
    for (const NamedTensor& tensor : decoder->parameters()) {
      ASSERT_TRUE(tensor.value.grad().defined()) << tensor.name;
      EXPECT_GT(tensor.value.grad().abs().max().item<float>(), 0) << tensor.name;
    }
  }
}

TEST(Latent, NoTokenSeesALaterOneOrPadding) {
  auto decoder = Decoder::make(latentModel(8), 7);
  ASSERT_TRUE(decoder) << decoder.error().message;
  const at::Tensor ids = idsOf(1, 12, 32);
  const at::Tensor whole = decoder->forward(ids).logits, first = decoder->forward(ids.slice(1, 0, 8)).logits;
  EXPECT_TRUE(at::allclose(whole.slice(1, 0, 8), first, 1e-5, 1e-5));
}

// The vector of keys and values passes a norm, so that its scale is irrelevant but for the part that turns.
TEST(Latent, TheSharedVectorIsNormed) {
  auto decoder = Decoder::make(latentModel(0), 7);
  ASSERT_TRUE(decoder) << decoder.error().message;
  const at::Tensor ids = idsOf(1, 9, 32);
  const at::NoGradGuard guard;
  const at::Tensor before = decoder->forward(ids).logits.clone();
  for (const NamedTensor& tensor : decoder->parameters())
    if (tensor.name.ends_with(".key_value_down")) tensor.value.narrow(0, 0, 6).mul_(3);
  EXPECT_TRUE(at::allclose(before, decoder->forward(ids).logits, 1e-3, 1e-4));
}

TEST(Latent, ItsModelsAreWrittenAsDeepSeek) {
  EXPECT_EQ(familyOf(latentModel(8)), "deepseek_v3");
  ModelConfig raw = latentModel(0);
  raw.moe.router.kind = "softmax_raw";
  EXPECT_EQ(familyOf(raw), "deepseek_v2");
  raw.attention.qkNorm = QkNorm::head;
  EXPECT_FALSE(checkConfig(raw));
}

}  // namespace
}  // namespace moescope
