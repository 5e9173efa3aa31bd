// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/model_config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/json_reading.h"
#include "core/checkpoint/family.h"

namespace moescope {
namespace {

ModelConfig latentModel() {
  ModelConfig config;
  config.hidden = 24;
  config.denseWidth = 40;
  AttentionConfig& attention = config.attention;
  attention.kind = AttentionKind::latent;
  attention.rope = RopeKind::interleaved;
  attention.latent = {.queryRank = 10, .rank = 12, .plain = 8, .rotary = 4, .value = 6};
  attention.headWidth = 12;
  config.moe = {.experts = 12, .topK = 3, .expertWidth = 14};
  config.moe.router.kind = "sigmoid_bias";
  config.moe.router.options = {{"sigmoid_bias.groups", 3}, {"sigmoid_bias.kept_groups", 2}};
  return config;
}

// Every switch that any oracle's family turns comes back from JSON.
TEST(ModelConfig, ComesBackFromJson) {
  const auto folder = std::filesystem::path(MOESCOPE_SOURCE_DIR) / "tests/reference";
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("tiny_")) continue;
    const Json oracle = *readJson(entry.path());
    const auto family = findFamily(oracle["config"], "config.json");
    ASSERT_TRUE(family) << entry.path();
    const auto config = (*family)->read(oracle["config"], "config.json");
    ASSERT_TRUE(config) << entry.path() << config.error().message;
    const auto again = modelConfigFromJson(Json::parse(toJson(*config).dump()));
    ASSERT_TRUE(again) << entry.path() << again.error().message;
    EXPECT_EQ(toJson(*again), toJson(*config)) << entry.path();
    ++seen;
  }
  EXPECT_GE(seen, 25);
}

// Files of earlier versions lack the switches that came later, which then have their defaults.
TEST(ModelConfig, FilesWithoutLaterSwitchesAreRead) {
  ModelConfig config;
  config.denseWidth = 40;
  Json json = toJson(config);
  for (const char* key : {"activation_alpha", "activation_limit", "head_bias", "other_attention"}) json.erase(key);
  for (const char* key : {"rotary_width", "scaling", "latent", "span", "window", "sinks", "score_scale", "temperature",
                          "temperature_floor"})
    json["attention"].erase(key);
  for (const char* key : {"expert_bias", "weight_input"}) json["moe"].erase(key);
  json["moe"]["router"].erase("bias");
  const auto read = modelConfigFromJson(json);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(toJson(*read), toJson(config));
}

TEST(ModelConfig, WhatCannotBeTrainedIsRefused) {
  ModelConfig config = latentModel();
  EXPECT_TRUE(checkTraining(config));
  config.moe.router = {"sparsemixer"};
  EXPECT_TRUE(checkConfig(config));
  EXPECT_FALSE(checkTraining(config));
}

TEST(ModelConfig, LayersMayDifferInTheirAttention) {
  ModelConfig config = latentModel();
  AttentionConfig other = config.attention;
  other.span = AttentionSpan::sliding;
  other.window = 7;
  config.otherAttention[2] = other;
  const auto read = modelConfigFromJson(toJson(config));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->attentionOf(1).span, AttentionSpan::full);
  EXPECT_EQ(read->attentionOf(2).window, 7);
  config.otherAttention[4] = other;
  EXPECT_FALSE(checkConfig(config)) << "there is no layer 4";
}

TEST(ModelConfig, RefusesWhatAttentionAndGroupsCannotBe) {
  const auto refuses = [](auto change) {
    ModelConfig config = latentModel();
    change(config);
    const auto sound = checkConfig(config);
    EXPECT_FALSE(sound);
    if (!sound) {
      EXPECT_EQ(sound.error().kind, ErrorKind::usage) << sound.error().message;
    }
  };
  EXPECT_TRUE(checkConfig(latentModel()));
  refuses([](ModelConfig& c) { c.attention.latent.rank = 0; });
  refuses([](ModelConfig& c) { c.attention.latent.queryRank = -1; });
  refuses([](ModelConfig& c) { c.attention.latent.rotary = 3, c.attention.headWidth = 11; });
  refuses([](ModelConfig& c) { c.attention.headWidth = 16; });
  refuses([](ModelConfig& c) { c.attention.sinks = true; });
  refuses([](ModelConfig& c) { c.attention.rope = RopeKind::none; });
  refuses([](ModelConfig& c) { c.attention.span = AttentionSpan::sliding; });
  refuses([](ModelConfig& c) { c.attention.scoreScale = -1; });
  refuses([](ModelConfig& c) { c.attention.temperature = 0.1, c.attention.temperatureFloor = 0; });
  refuses([](ModelConfig& c) { c.attention.scaling.kind = RopeScaling::yarn; });
  refuses([](ModelConfig& c) { c.attention.scaling = {.kind = RopeScaling::linear, .factor = -2}; });
  refuses([](ModelConfig& c) {
    c.attention.scaling = {.kind = RopeScaling::longrope, .original = 8, .shortFactor = {1}, .longFactor = {1, 2}};
  });
  refuses([](ModelConfig& c) { c.moe.router.options["sigmoid_bias.groups"] = 5; });
  refuses([](ModelConfig& c) { c.moe.router.options["sigmoid_bias.groups"] = 12; });
  refuses([](ModelConfig& c) { c.moe.router.options["sigmoid_bias.kept_groups"] = 4; });
  refuses([](ModelConfig& c) { c.moe.router.options["sigmoid_bias.kept_groups"] = 0.5; });
  refuses([](ModelConfig& c) { c.moe.topK = 9; });
  refuses([](ModelConfig& c) { c.activation = ActivationKind::clamped, c.activationLimit = 0; });
  ModelConfig part;
  part.denseWidth = 40;
  part.attention.rotaryWidth = 34;
  EXPECT_FALSE(checkConfig(part)) << "more dimensions turn than a head has";
}

}  // namespace
}  // namespace moescope
