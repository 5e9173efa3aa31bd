// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/unrun_families.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace moescope {
namespace {

constexpr std::string_view separate = "mlp.experts.E.{gate,up,down}_proj.weight";
constexpr std::string_view numbered = "block_sparse_moe.experts.E.{w1,w2,w3}.weight";
constexpr std::string_view fused = "mlp.experts.{gate_up,down}_proj";
constexpr std::string_view parallel = "block_sparse_moe.{input,output}_linear.weight";

constexpr std::string_view delta = "most of its layers mix tokens by gated delta rules instead of attention";
constexpr std::string_view stateSpace = "most of its layers are state-space models instead of attention";
constexpr std::string_view indexer = "an indexer chooses which tokens attention sees";
constexpr std::string_view twoSides = "it has an encoder and a decoder";
constexpr std::string_view router = "its router is of a kind that has no recipe here";
constexpr std::string_view block = "its blocks are put together in a way of their own";
constexpr std::string_view spans = "its layers differ in their heads, gates or positions";
constexpr std::string_view checked = "it has not been checked against another implementation";

constexpr std::array families{
    UnrunFamily{"afmoe", separate, block},
    UnrunFamily{"arctic", numbered, block},
    UnrunFamily{"aria_text", "mlp.experts.{fc1,fc2}.weight", checked},
    UnrunFamily{"axk1", separate, checked},
    UnrunFamily{"axk2", separate, checked},
    UnrunFamily{"bailing_hybrid", separate, delta},
    UnrunFamily{"bailing_moe", separate, checked},
    UnrunFamily{"bailing_moe_linear", separate, "most of its layers have linear attention"},
    UnrunFamily{"bailing_moe_v2", separate, checked},
    UnrunFamily{"cohere2_moe", fused, block},
    UnrunFamily{"deepseek", separate, checked},
    UnrunFamily{"deepseek_ocr2", separate, checked},
    UnrunFamily{"deepseek_v32", separate, indexer},
    UnrunFamily{"deepseek_v4", "ffn.experts.E.{w1,w2,w3}.weight", block},
    UnrunFamily{"deepseek_v41", "ffn.experts.E.{w1,w2,w3}.weight", block},
    UnrunFamily{"diffusion_gemma", "experts.{gate_up,down}_proj", "it does not predict one token after another"},
    UnrunFamily{"doge", separate, router},
    UnrunFamily{"ernie4_5_vl_moe", separate, "text and images have experts of their own"},
    UnrunFamily{"ernie4_5_vl_moe_text", separate, "text and images have experts of their own"},
    UnrunFamily{"exaone_moe", separate, spans},
    UnrunFamily{"gemma4", "experts.{gate_up,down}_proj", block},
    UnrunFamily{"gemma4_text", "experts.{gate_up,down}_proj", block},
    UnrunFamily{"glm4_moe_lite", separate, checked},
    UnrunFamily{"glm4v_moe", separate, checked},
    UnrunFamily{"glm4v_moe_text", separate, checked},
    UnrunFamily{"glm5_next", separate, delta},
    UnrunFamily{"glm5_next_text", separate, delta},
    UnrunFamily{"glm_moe_dsa", separate, indexer},
    UnrunFamily{"granitemoe_swa", parallel, checked},
    UnrunFamily{"granitemoehybrid", parallel, stateSpace},
    UnrunFamily{"grok-1", "moe_block.experts.E.{linear,linear_v,linear_1}.weight", router},
    UnrunFamily{"grok-2", numbered, router},
    UnrunFamily{"hy_v3", separate, checked},
    UnrunFamily{"hy_v4", separate, checked},
    UnrunFamily{"inkling", "mlp.experts.{w13,w2}_weight", block},
    UnrunFamily{"inkling_mm_model", "mlp.experts.{w13,w2}_weight", block},
    UnrunFamily{"inkling_text", "mlp.experts.{w13,w2}_weight", block},
    UnrunFamily{"jamba", "feed_forward.experts.E.{gate,up,down}_proj.weight", stateSpace},
    UnrunFamily{"jetmoe", "mlp.{input,output}_linear.weight", "its attention has experts, too"},
    UnrunFamily{"kimi_k3", numbered, delta},
    UnrunFamily{"kimi_linear", numbered, delta},
    UnrunFamily{"klear", separate, router},
    UnrunFamily{"laguna", separate, spans},
    UnrunFamily{"lfm2_moe", "feed_forward.experts.E.{w1,w2,w3}.weight", "most of its layers are short convolutions"},
    UnrunFamily{"longcat_flash", separate, block},
    UnrunFamily{"mellum", separate, checked},
    UnrunFamily{"mimo_v2_flash", separate, spans},
    UnrunFamily{"minimax", numbered, "most of its layers have lightning attention"},
    UnrunFamily{"minimax_m3", numbered, indexer},
    UnrunFamily{"minimax_m3_vl", numbered, indexer},
    UnrunFamily{"minimax_m3_vl_text", numbered, indexer},
    UnrunFamily{"mistral4", fused, checked},
    UnrunFamily{"nemotron_h", "mixer.experts.E.{up,down}_proj.weight", stateSpace},
    UnrunFamily{"nllb-moe", "ffn.experts.expert_E.{fc1,fc2}", twoSides},
    UnrunFamily{"openai_privacy_filter", fused, "it does not predict one token after another"},
    UnrunFamily{"qwen3_5_moe", fused, delta},
    UnrunFamily{"qwen3_5_moe_text", fused, delta},
    UnrunFamily{"qwen3_next", separate, delta},
    UnrunFamily{"qwen3_omni_moe", separate, checked},
    UnrunFamily{"qwen3_omni_moe_text", separate, checked},
    UnrunFamily{"qwen3_omni_moe_thinker", separate, checked},
    UnrunFamily{"qwen3_vl_moe", fused, checked},
    UnrunFamily{"qwen3_vl_moe_text", fused, checked},
    UnrunFamily{"qwen4_exp", fused, delta},
    UnrunFamily{"qwen4_exp_text", fused, delta},
    UnrunFamily{"sarvam_moe", separate, checked},
    UnrunFamily{"solar_open", separate, checked},
    UnrunFamily{"solar_open2", separate, checked},
    UnrunFamily{"step3p5", "moe.{gate,up,down}_proj.weight", spans},
    UnrunFamily{"step3p7", "moe.{gate,up,down}_proj.weight", spans},
    UnrunFamily{"switch_transformers", "mlp.experts.expert_E.{wi,wo}.weight", twoSides},
    UnrunFamily{"zaya", separate, router},
};

static_assert(std::ranges::is_sorted(families, {}, &UnrunFamily::modelType));

}  // namespace

std::span<const UnrunFamily> unrunFamilies() {
  return families;
}

const UnrunFamily* findUnrunFamily(std::string_view modelType) {
  const auto found = std::ranges::lower_bound(families, modelType, {}, &UnrunFamily::modelType);
  return found != families.end() && found->modelType == modelType ? &*found : nullptr;
}

std::string whyNotRun(std::string_view modelType) {
  const UnrunFamily* family = findUnrunFamily(modelType);
  return fmt::format(
      "Routing is not available for models of type \"{}\": {}. What is in their files can be looked at, and "
      "their weights compared.",
      modelType, family ? family->why : "this version does not know how they are computed");
}

}  // namespace moescope
