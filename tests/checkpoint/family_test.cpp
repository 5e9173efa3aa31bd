// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/family.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "core/checkpoint/unrun_families.h"

namespace moescope {
namespace {

ModelConfig small() {
  ModelConfig config;
  config.layers = 3;
  config.moe.experts = 4;
  config.moe.topK = 2;
  config.moe.expertWidth = 24;
  config.denseWidth = 40;
  return config;
}

// The switches of each family of the contract, and a few that none has.
std::vector<std::pair<std::string, ModelConfig>> examples() {
  std::vector<std::pair<std::string, ModelConfig>> all;
  const auto add = [&](const char* family, auto change) {
    ModelConfig config = small();
    change(config);
    all.emplace_back(family, config);
  };
  add("mixtral", [](ModelConfig&) {});
  add("olmoe", [](ModelConfig& c) { c.moe.router.kind = "softmax_raw", c.attention.qkNorm = QkNorm::full; });
  add("olmoe", [](ModelConfig& c) { c.moe.router.kind = "switch", c.moe.topK = 1, c.attention.qkNorm = QkNorm::full; });
  add("qwen3_moe", [](ModelConfig& c) { c.attention.qkNorm = QkNorm::head, c.moe.denseLayers = {1}; });
  add("qwen2_moe", [](ModelConfig& c) {
    c.moe.sharedExperts = 1, c.moe.sharedWidth = 48, c.moe.sharedGate = true, c.attention.inputBias = true;
  });
  add("dots1", [](ModelConfig& c) {
    c.moe.router.kind = "sigmoid_bias", c.attention.qkNorm = QkNorm::head, c.moe.denseLayers = {0};
    c.moe.sharedExperts = 2, c.moe.sharedWidth = 48,
    c.moe.router.options = {{"sigmoid_bias.scale", 2.5}, {"sigmoid_bias.renormalise", 1}};
  });
  add("llama", [](ModelConfig& c) { c.moe = {}; });
  add("qwen2", [](ModelConfig& c) { c.moe = {}, c.attention.inputBias = true; });
  add("qwen2", [](ModelConfig& c) {
    c.moe = {}, c.attention.inputBias = true, c.otherAttention[2] = c.attention;
    c.otherAttention[2].span = AttentionSpan::sliding, c.otherAttention[2].window = 7;
  });
  add("qwen3", [](ModelConfig& c) { c.moe = {}, c.attention.qkNorm = QkNorm::head; });
  add("olmoe", [](ModelConfig& c) {
    c.moe.router.kind = "softmax_raw", c.attention.qkNorm = QkNorm::full, c.attention.clip = 8;
  });
  add("flex_olmo", [](ModelConfig& c) { c.block = BlockKind::post, c.attention.qkNorm = QkNorm::full; });
  add("ernie4_5_moe", [](ModelConfig& c) {
    c.moe.router.kind = "softmax_bias", c.attention.rope = RopeKind::interleaved, c.moe.denseLayers = {0, 2};
    c.moe.sharedExperts = 2, c.moe.sharedWidth = 48;
  });
  add("granitemoe", [](ModelConfig& c) { c.embeddingFactor = 12, c.logitDivisor = 6, c.attention.scoreScale = 0.02; });
  add("granitemoeshared", [](ModelConfig& c) {
    c.residualFactor = 0.22, c.attention.scoreScale = 0.02, c.moe.sharedExperts = 1, c.moe.sharedWidth = 17;
  });
  add("hunyuan_v1_moe", [](ModelConfig& c) {
    c.attention.qkNorm = QkNorm::turned, c.moe.sharedExperts = 1, c.moe.sharedWidth = 24;
    c.attention.scaling = {.kind = RopeScaling::ntk, .factor = 1000};
  });
  add("dbrx", [](ModelConfig& c) {
    c.norm = NormKind::layer, c.normEpsilon = 1e-5, c.attention.clip = 8, c.moe.router.options = {{"softmax.power", 2}};
  });
  add("moescope", [](ModelConfig& c) { c.norm = NormKind::layer; });
  add("moescope", [](ModelConfig& c) { c.residualFactor = 0.5, c.block = BlockKind::post; });
  add("moescope", [](ModelConfig& c) { c.moe.router.capacity = 1.25; });
  add("moescope", [](ModelConfig& c) { c.moe.router.kind = "noisy", c.moe.router.options = {{"noisy.load", 0.2}}; });
  add("moescope", [](ModelConfig& c) { c.moe.denseLayers = {2}; });
  add("moescope", [](ModelConfig& c) { c.moe.router.kind = "softmax_raw"; });
  // What OLMoE computes, but for one thing that its config.json has no word for.
  add("moescope", [](ModelConfig& c) {
    c.moe.router = {"softmax_raw"}, c.attention.qkNorm = QkNorm::full;
    c.moe.router.options["softmax_raw.scale"] = 2;
  });
  add("moescope", [](ModelConfig& c) {
    c.moe.router = {"softmax_raw"}, c.attention.qkNorm = QkNorm::full;
    c.moe.router.options = {{"softmax_raw.groups", 2}, {"softmax_raw.kept_groups", 1}};
  });
  add("moescope", [](ModelConfig& c) { c.attention.sinks = true; });
  add("moescope", [](ModelConfig& c) { c.attention.rope = RopeKind::interleaved; });
  add("moescope", [](ModelConfig& c) { c.attention.span = AttentionSpan::chunked, c.attention.window = 8; });
  add("moescope", [](ModelConfig& c) { c.moe.router.bias = true; });
  add("mixtral", [](ModelConfig& c) { c.attention.span = AttentionSpan::sliding, c.attention.window = 8; });
  return all;
}

TEST(Family, IsTheOneThatComputesTheSame) {
  for (const auto& [family, config] : examples()) EXPECT_EQ(familyOf(config), family) << toJson(config);
}

TEST(Family, ConfigIsReadBackAsTheSameSwitches) {
  for (const auto& [name, config] : examples()) {
    const Family& family = familyFor(config);
    const auto again = family.read(family.write(config), "config.json");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(family.write(*again), family.write(config)) << name;
    std::vector<std::string> names, readNames;
    for (const Slot& slot : family.slots(config)) names.push_back(slot.name);
    for (const Slot& slot : family.slots(*again)) readNames.push_back(slot.name);
    EXPECT_EQ(names, readNames);
  }
}

TEST(Family, EveryNumberOnDiskHasOnePlaceAndEveryPlaceOneNumber) {
  for (const auto& [name, config] : examples()) {
    std::map<std::string, std::int64_t> stored, kept;
    std::set<std::tuple<std::string, std::int64_t, std::int64_t>> rows;
    for (const Slot& slot : familyFor(config).slots(config)) {
      stored[slot.name] = std::accumulate(slot.shape.begin(), slot.shape.end(), std::int64_t{1}, std::multiplies<>());
      kept[slot.name] += slot.size() * std::max<std::int64_t>(slot.experts, 1);
      for (std::int64_t expert = std::max<std::int64_t>(slot.expert, 0);
           expert < std::max<std::int64_t>({slot.experts, slot.expert + 1, 1}); ++expert)
        for (std::int64_t row = 0; row < slot.rows(); ++row)
          EXPECT_TRUE(rows.insert({slot.parameter, expert, slot.firstRow + row}).second) << slot.name;
    }
    EXPECT_EQ(stored, kept) << name;
  }
}

TEST(Family, SwitchesSurviveJson) {
  for (const auto& [name, config] : examples()) {
    const auto again = modelConfigFromJson(toJson(config), "f");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(toJson(*again), toJson(config));
  }
}

// What is said of a config.json: nothing where it is read.
std::string refusal(const Json& json) {
  const auto family = findFamily(json, "config.json");
  if (!family) return family.error().message;
  const auto config = (*family)->read(textConfig(json), "config.json");
  return config ? "" : config.error().message;
}

TEST(Family, EveryNameOfANumberIsReadAndTwoThatDifferAreNamed) {
  ModelConfig config = small();
  Json json = familyFor(config).write(config);
  for (const char* name : {"num_experts", "n_routed_experts", "moe_num_experts", "num_routed_experts"}) {
    Json renamed = json;
    renamed.erase("num_local_experts");
    renamed[name] = 4;
    EXPECT_EQ(refusal(renamed), "") << name;
  }
  for (const char* name : {"num_experts_per_token", "moe_topk", "moe_top_k", "moe_k", "top_k_experts"}) {
    Json renamed = json;
    renamed.erase("num_experts_per_tok");
    renamed[name] = 3;
    EXPECT_EQ((*findFamily(renamed, "f"))->read(renamed, "f")->moe.topK, 3) << name;
    renamed["num_experts_per_tok"] = 2;
    EXPECT_NE(refusal(renamed).find(name), std::string::npos) << refusal(renamed);
    EXPECT_NE(refusal(renamed).find("num_experts_per_tok"), std::string::npos) << refusal(renamed);
  }
  json["num_local_experts"] = 0;
  json["num_experts_per_tok"] = 0;
  const auto none = (*findFamily(json, "f"))->read(json, "f");
  EXPECT_FALSE(none) << "a model of experts without any";
}

TEST(Family, AModelOfTextWithinAnotherIsRead) {
  ModelConfig config = small();
  config.tiedHead = true;
  Json text = familyFor(config).write(config);
  text.erase("tie_word_embeddings");
  const Json whole = {{"model_type", "llava"}, {"tie_word_embeddings", true}, {"text_config", text}};
  EXPECT_EQ(refusal(whole), "");
  EXPECT_TRUE((*findFamily(whole, "f"))->read(textConfig(whole), "f")->tiedHead);
  EXPECT_EQ(refusal({{"thinker_config", {{"text_config", text}}}}), "");
}

TEST(Family, WhatIsKnownButNotComputedSaysWhy) {
  for (const UnrunFamily& family : unrunFamilies()) {
    const std::string said = refusal({{"model_type", family.modelType}});
    EXPECT_NE(said.find(std::string(family.why) + "."), std::string::npos) << said;
    for (const Family& run : families()) {
      EXPECT_NE(run.modelType, family.modelType) << "it is computed";
      for (const std::string& alias : run.aliases) EXPECT_NE(alias, family.modelType);
    }
  }
  EXPECT_EQ(findUnrunFamily("bert"), nullptr);
  EXPECT_EQ(findUnrunFamily("mixtral"), nullptr);
}

TEST(Family, LayersByListOfOneValueAreReadOthersNot) {
  ModelConfig config = small();
  config.attention.qkNorm = QkNorm::turned;
  config.moe.sharedExperts = 1, config.moe.sharedWidth = config.moe.expertWidth;
  Json json = familyFor(config).write(config);
  ASSERT_EQ(json["model_type"], "hunyuan_v1_moe");
  json["moe_topk"] = {2, 2, 2};
  EXPECT_EQ(refusal(json), "");
  json["moe_topk"] = {2, 1, 2};
  EXPECT_NE(refusal(json).find("moe_topk"), std::string::npos);
}

TEST(Family, ForeignConfigsAreReadStrictly) {
  const ModelConfig config = small();
  const Json sound = familyFor(config).write(config);
  const auto read = [&](auto change) {
    Json json = sound;
    change(json);
    const auto family = findFamily(json, "config.json");
    if (!family) {
      EXPECT_EQ(family.error().kind, ErrorKind::input);
      return false;
    }
    const auto result = (*family)->read(json, "config.json");
    if (!result) {
      EXPECT_EQ(result.error().kind, ErrorKind::input) << result.error().message;
    }
    return result.has_value();
  };
  EXPECT_TRUE(read([](Json&) {}));
  EXPECT_TRUE(read([](Json& json) { json["unknown"] = {1, 2}; }));
  EXPECT_TRUE(read([](Json& json) { json.erase("rope_parameters"); }));
  EXPECT_TRUE(read([](Json& json) { json["num_experts"] = 4; })) << "an alias that agrees";
  EXPECT_FALSE(read([](Json& json) { json["num_experts"] = 8; })) << "an alias that contradicts";
  EXPECT_FALSE(read([](Json& json) { json["model_type"] = "mamba"; }));
  EXPECT_FALSE(read([](Json& json) { json["model_type"] = 3; }));
  EXPECT_FALSE(read([](Json& json) { json = Json::array(); }));
  EXPECT_FALSE(read([](Json& json) { json.erase("hidden_size"); }));
  EXPECT_FALSE(read([](Json& json) { json["hidden_size"] = "128"; }));
  EXPECT_FALSE(read([](Json& json) { json["hidden_size"] = 1e3; }));
  EXPECT_FALSE(read([](Json& json) { json["hidden_size"] = -128; }));
  EXPECT_FALSE(read([](Json& json) { json["num_hidden_layers"] = 1000000000; }));
  EXPECT_FALSE(read([](Json& json) { json["num_attention_heads"] = 0; }));
  EXPECT_FALSE(read([](Json& json) { json["num_experts_per_tok"] = 5; }));
  EXPECT_FALSE(read([](Json& json) { json["num_local_experts"] = std::uint64_t{1} << 63; }));
  EXPECT_TRUE(read([](Json& json) { json["sliding_window"] = 16; }));
  EXPECT_FALSE(read([](Json& json) { json["hidden_act"] = "gelu"; }));
  EXPECT_FALSE(read([](Json& json) { json["sliding_window"] = -1; }));
  const auto rope = [&](const Json& scaling) {
    return read([&](Json& json) {
      json.erase("rope_parameters");
      json["rope_scaling"] = scaling;
    });
  };
  EXPECT_TRUE(rope({{"type", "linear"}, {"factor", 4}}));
  EXPECT_TRUE(rope({{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 64}}));
  EXPECT_FALSE(rope({{"rope_type", "ntk"}, {"factor", 4}})) << "a kind that is not known";
  EXPECT_FALSE(rope({{"rope_type", "linear"}, {"factor", 0}}));
  EXPECT_FALSE(rope({{"rope_type", "linear"}}));
  EXPECT_FALSE(rope({{"rope_type", "llama3"}, {"factor", 8}}));
  EXPECT_TRUE(rope({{"rope_type", "yarn"}, {"original_max_position_embeddings", 64}})) << "by both lengths";
  EXPECT_FALSE(rope({{"rope_type", "linear"}, {"factor", "4"}}));
  EXPECT_FALSE(rope({{"rope_type", "yarn"}, {"factor", 4}, {"original_max_position_embeddings", 0}}));
  EXPECT_FALSE(rope({{"rope_type", "longrope"}, {"short_factor", {1.0}}, {"long_factor", {1.0}}})) << "too few factors";
  EXPECT_FALSE(rope({{"rope_type", "longrope"}, {"short_factor", 1.0}}));
  EXPECT_FALSE(rope({{"rope_type", "llama3"}, {"low_freq_factor", 4}, {"high_freq_factor", 1}, {"factor", 2}}));
  EXPECT_FALSE(rope({{"full_attention", {{"rope_type", "default"}}}}));
  EXPECT_FALSE(rope({{"partial_rotary_factor", 0.5}})) << "not in this family";
  EXPECT_FALSE(rope(Json::array({1})));
  EXPECT_FALSE(read([](Json& json) {
    json["rope_scaling"] = {{"type", "linear"}, {"factor", 4}};
    json["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 2}};
  })) << "two spellings that contradict each other";
  EXPECT_FALSE(read([](Json& json) { json["tie_word_embeddings"] = 1; }));
}

}  // namespace
}  // namespace moescope
