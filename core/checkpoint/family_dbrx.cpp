// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

constexpr double epsilon = 1e-5;  // of layer norms that config.json does not speak of

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  const AttentionConfig& attention = config.attention;
  return moe.experts > 0 && moe.denseLayers.empty() && moe.sharedWidth == 0 && moe.router.capacity == 0 &&
         (moe.router.kind == "softmax" || moe.router.kind == "softmax_raw") && config.norm == NormKind::layer &&
         !config.normBias && config.normEpsilon == epsilon && attention.clip > 0 && attention.qkNorm == QkNorm::none &&
         attention.rope == RopeKind::half && !attention.inputBias && !attention.outputBias &&
         attention.headWidth * attention.heads == config.hidden && !config.tiedHead;
}

Json write(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  const bool divided = moe.router.kind == "softmax";
  Json json = {{"architectures", {"DbrxForCausalLM"}},
               {"model_type", "dbrx"},
               {"vocab_size", config.vocabulary},
               {"d_model", config.hidden},
               {"n_layers", config.layers},
               {"n_heads", config.attention.heads},
               {"max_seq_len", config.length},
               {"attn_config",
                {{"kv_n_heads", config.attention.keyHeads},
                 {"clip_qkv", config.attention.clip},
                 {"rope_theta", config.attention.ropeTheta}}},
               {"ffn_config",
                {{"ffn_hidden_size", moe.expertWidth},
                 {"hidden_size", config.hidden},
                 {"ffn_act_fn", {{"name", "silu"}}},
                 {"moe_num_experts", moe.experts},
                 {"moe_top_k", moe.topK},
                 {"moe_loss_weight", moe.router.balance},
                 {"moe_normalize_expert_weights", divided ? Json(moe.router.option("softmax.power", 1)) : Json()}}},
               {"tie_word_embeddings", false},
               {"initializer_range", 0.02},
               {"use_cache", true},
               {"dtype", "float32"},
               {"torch_dtype", "float32"},
               {"bos_token_id", nullptr},
               {"eos_token_id", nullptr},
               {"pad_token_id", nullptr}};
  writeRotary(config.attention, json);
  return json;
}

void readExpertConfig(ConfigReader& read, MoeConfig& moe) {
  if (!read.has("ffn_config") || !read.at("ffn_config").is_object()) return read.fail("\"ffn_config\" is missing");
  ConfigReader inner = read.inner("ffn_config");
  readExperts(inner, moe);
  moe.expertWidth = inner.integer({"ffn_hidden_size"});
  // A null is written where the weights stay as they are; without the key they are divided by their sum.
  const bool raw =
      read.at("ffn_config").contains("moe_normalize_expert_weights") && !inner.has("moe_normalize_expert_weights");
  moe.router.kind = raw ? "softmax_raw" : "softmax";
  if (!raw) moe.router.options["softmax.power"] = inner.real("moe_normalize_expert_weights", 1);
  const Json activation = inner.has("ffn_act_fn") ? inner.at("ffn_act_fn") : Json::object();
  if (!activation.is_object() || activation.value("name", Json("silu")) != "silu")
    inner.fail("\"ffn_act_fn\" is not silu, and this version computes no other activation");
  if (inner.error()) read.fail(inner.error()->message);
}

void readAttentionConfig(ConfigReader& read, AttentionConfig& attention) {
  if (!read.has("attn_config") || !read.at("attn_config").is_object()) return read.fail("\"attn_config\" is missing");
  ConfigReader inner = read.inner("attn_config");
  attention.keyHeads = inner.integer({"kv_n_heads"}, 1);
  attention.clip = inner.real("clip_qkv", 0);
  // The released weights were trained with this base; transformers 5 looks for it in rope_parameters alone.
  attention.ropeTheta = inner.real("rope_theta", attention.ropeTheta);
  if (inner.error()) read.fail(inner.error()->message);
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config;
  config.vocabulary = reader.integer({"vocab_size"});
  config.hidden = reader.integer({"d_model", "hidden_size"});
  config.layers = reader.integer({"n_layers", "num_hidden_layers"});
  config.length = reader.integer({"max_seq_len", "max_position_embeddings"}, 2048);
  config.norm = NormKind::layer;
  config.normEpsilon = epsilon;
  AttentionConfig& attention = config.attention;
  attention.heads = reader.integer({"n_heads", "num_attention_heads"});
  attention.headWidth = attention.heads > 0 ? config.hidden / attention.heads : 0;
  readRotary(reader, config.length, {}, attention);
  readAttentionConfig(reader, attention);
  readExpertConfig(reader, config.moe);
  if (reader.flag("tie_word_embeddings", false)) reader.fail("\"tie_word_embeddings\" is true in no DBRX");
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  TensorNames names;
  names.embedding = "transformer.wte.weight";
  names.norm = "transformer.norm_f";
  names.layers = "transformer.blocks.";
  names.attentionNorm = "norm_attn_norm.norm_1";
  names.feedForwardNorm = "norm_attn_norm.norm_2";
  names.attention = "norm_attn_norm.attn.";
  names.queryKeyValue = "Wqkv";
  names.output = "out_proj";
  names.experts = "ffn.experts";
  names.layout = rowsOfExperts();
  names.router = "ffn.router.layer.weight";
  return names;
}

}  // namespace

Family dbrxFamily() {
  return {"dbrx", "DbrxForCausalLM", matches, write, read, names};
}

}  // namespace moescope
