// SPDX-License-Identifier: GPL-3.0-or-later
// Names as released checkpoints have them, family by family.
#include "core/checkpoint/tensor_role.h"

#include <gtest/gtest.h>

#include "core/checkpoint/model_config.h"
#include "core/checkpoint/unused_tensor.h"

namespace moescope {
namespace {

struct Case {
  const char* name;
  Part part;
  std::int32_t block = -1, expert = -1;
};

constexpr Case cases[] = {
    {"model.embed_tokens.weight", Part::embedding},
    {"lm_head.weight", Part::head},
    {"model.norm.weight", Part::norm},
    {"model.layers.7.input_layernorm.weight", Part::norm, 7},
    {"model.layers.7.self_attn.q_proj.weight", Part::attention, 7},
    {"model.layers.7.self_attn.q_norm.weight", Part::norm, 7},
    {"model.layers.7.self_attn.kv_a_proj_with_mqa.weight_scale_inv", Part::attention, 7},
    {"model.layers.7.mlp.gate_proj.weight", Part::dense, 7},
    {"model.layers.7.mlp.gate.weight", Part::router, 7},
    {"model.layers.7.mlp.gate.e_score_correction_bias", Part::router, 7},
    {"model.layers.7.mlp.experts.255.up_proj.weight", Part::expert, 7, 255},
    {"model.layers.7.mlp.experts.gate_up_proj", Part::expert, 7},
    {"model.layers.7.mlp.shared_experts.down_proj.weight", Part::shared, 7},
    {"model.layers.7.mlp.shared_expert_gate.weight", Part::shared, 7},
    {"model.layers.0.block_sparse_moe.experts.3.w1.weight", Part::expert, 0, 3},           // Mixtral
    {"model.layers.0.block_sparse_moe.gate.weight", Part::router, 0},                      //
    {"model.layers.0.block_sparse_moe.input_linear.weight", Part::expert, 0},              // Granite
    {"model.layers.0.block_sparse_moe.router.layer.weight", Part::router, 0},              //
    {"model.layers.0.shared_mlp.input_linear.weight", Part::shared, 0},                    //
    {"transformer.blocks.39.ffn.experts.mlp.w1", Part::expert, 39},                        // DBRX
    {"transformer.blocks.39.ffn.router.layer.weight", Part::router, 39},                   //
    {"transformer.blocks.39.norm_attn_norm.attn.Wqkv.weight", Part::norm, 39},             //
    {"transformer.wte.weight", Part::embedding},                                           //
    {"language_model.model.layers.5.feed_forward.experts.gate_up_proj", Part::expert, 5},  // Llama 4
    {"language_model.model.layers.5.feed_forward.router.weight", Part::router, 5},         //
    {"language_model.model.layers.5.feed_forward.shared_expert.up_proj.weight", Part::shared, 5},
    {"backbone.layers.1.mixer.experts.9.up_proj.weight", Part::expert, 1, 9},        // Nemotron-H
    {"backbone.layers.1.mixer.gate.weight", Part::router, 1},                        //
    {"model.layers.1.moe.gate_proj.weight", Part::expert, 1},                        // Step 3.5
    {"model.layers.1.moe.router_bias", Part::router, 1},                             //
    {"model.layers.1.share_expert.gate_proj.weight", Part::shared, 1},               //
    {"model.layers.1.mlp.moe_statics.e_score_correction_bias", Part::router, 1},     // ERNIE
    {"model.layers.1.mlp.gate.wg.weight", Part::router, 1},                          // Hunyuan
    {"model.layers.1.mlp.experts.e_score_correction_bias", Part::router, 1},         // Laguna
    {"encoder.block.1.layer.1.mlp.experts.expert_5.wi.weight", Part::expert, 1, 5},  // Switch
    {"encoder.block.1.layer.1.mlp.router.classifier.weight", Part::router, 1},       //
    {"shared.weight", Part::embedding},                                              //
    {"layers.2.ffn.gate.tid2eid", Part::router, 2},                                  // DeepSeek-V4
    {"layers.2.ffn.experts.0.w2.weight", Part::expert, 2, 0},                        //
    {"model.layers.3.linear_attn.conv1d.weight", Part::attention, 3},                // Qwen3-Next
    {"model.visual.blocks.3.attn.qkv.weight", Part::other},
    {"vision_tower.encoder.layers.3.mlp.fc1.weight", Part::other},
    {"model.layers.99999999999.mlp.gate.weight", Part::other},
    {"", Part::other},
    {"...", Part::other},
};

TEST(TensorRole, IsToldByTheNameInEveryFamily) {
  for (const Case& one : cases) {
    const TensorRole role = roleByName(one.name);
    EXPECT_STREQ(partNames[static_cast<std::size_t>(role.part)], partNames[static_cast<std::size_t>(one.part)])
        << one.name;
    EXPECT_EQ(role.block, one.block) << one.name;
    EXPECT_EQ(role.expert, one.expert) << one.name;
  }
}

TEST(TensorRole, WhatLiesInALayerThatIsRunChangesAForward) {
  ModelConfig config;
  config.layers = 4;
  EXPECT_TRUE(changesForward("model.layers.3.mlp.extra.weight", config));
  EXPECT_FALSE(changesForward("model.layers.4.mlp.gate.weight", config));
  EXPECT_NE(unusedReason("model.layers.4.mlp.gate.weight", config).find("layer 4"), std::string::npos);
  EXPECT_FALSE(changesForward("model.layers.3.self_attn.rotary_emb.inv_freq", config));
  EXPECT_FALSE(changesForward("model.layers.3.mlp.gate_proj.weight_scale_inv", config));
  EXPECT_FALSE(changesForward("model.visual.blocks.0.attn.qkv.weight", config));
  EXPECT_NE(unusedReason("model.visual.blocks.0.attn.qkv.weight", config).find("images"), std::string::npos);
  EXPECT_FALSE(changesForward("mtp.layers.0.mlp.gate.weight", config))
      << "it only looks like one of the model's layers";
}

}  // namespace
}  // namespace moescope
