# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations for models_oracle.py whose point is the shape of a block or of its files: norms after sublayers, layer norms,
factors, clips, biases in a row, experts in one tensor, layers with and without experts.

Each key is a file tiny_KEY.json; "model_type" names the family where the key is a variant of it. "_common" are the keys that every
family has (all of them unless said).
"""

_plain = {"rope_type": "default", "rope_theta": 10000.0}
_small = {"hidden_size": 24, "vocab_size": 37, "rms_norm_eps": 1e-5}

layout_families = {
    "olmoe_clip": {"model_type": "olmoe", "architectures": ["OlmoeForCausalLM"], **_small, "intermediate_size": 10,
                   "num_experts": 7, "num_experts_per_tok": 3, "norm_topk_prob": False, "clip_qkv": 0.5},
    "flex_olmo": {"architectures": ["FlexOlmoForCausalLM"], **_small, "intermediate_size": 9, "num_experts": 7,
                  "num_experts_per_tok": 3, "norm_topk_prob": False, "attention_bias": False},
    "flex_olmo_sum": {"model_type": "flex_olmo", "architectures": ["FlexOlmoForCausalLM"], **_small, "intermediate_size": 10,
                      "num_experts": 5, "num_experts_per_tok": 2, "norm_topk_prob": True, "attention_bias": True},
    "ernie4_5_moe": {"architectures": ["Ernie4_5_MoeForCausalLM"], "vocab_size": 37, "hidden_size": 20, "head_dim": 6,
                     "num_hidden_layers": 4, "intermediate_size": 28, "moe_intermediate_size": 9, "moe_num_experts": 7,
                     "moe_k": 3, "moe_num_shared_experts": 2, "moe_layer_start_index": 1, "moe_layer_end_index": 2,
                     "moe_layer_interval": 1, "moe_norm_min": 1e-12, "use_bias": False},
    "ernie4_5_moe_tied": {"model_type": "ernie4_5_moe", "architectures": ["Ernie4_5_MoeForCausalLM"], "vocab_size": 37,
                          "hidden_size": 24, "num_hidden_layers": 4, "intermediate_size": 28, "moe_intermediate_size": 9,
                          "moe_num_experts": 6, "moe_k": 2, "moe_num_shared_experts": 0, "moe_layer_start_index": 1,
                          "moe_layer_end_index": 3, "moe_layer_interval": 2, "use_bias": False, "tie_word_embeddings": True},
    "granitemoe": {"architectures": ["GraniteMoeForCausalLM"], **_small, "intermediate_size": 9, "num_local_experts": 7,
                   "num_experts_per_tok": 3, "embedding_multiplier": 3.0, "attention_multiplier": 0.1,
                   "residual_multiplier": 0.5, "logits_scaling": 2.0, "attention_bias": False},
    "granitemoeshared": {"architectures": ["GraniteMoeSharedForCausalLM"], **_small, "intermediate_size": 9,
                         "shared_intermediate_size": 14, "num_local_experts": 5, "num_experts_per_tok": 2,
                         "embedding_multiplier": 2.5, "attention_multiplier": 0.3, "residual_multiplier": 0.75,
                         "logits_scaling": 0.5, "attention_bias": True, "tie_word_embeddings": True},
    "hunyuan_v1_moe": {"architectures": ["HunYuanMoEV1ForCausalLM"], "vocab_size": 37, "hidden_size": 20, "head_dim": 6,
                       "intermediate_size": 9, "num_experts": 7, "moe_topk": 3, "num_shared_expert": 1,
                       "moe_intermediate_size": 9, "use_qk_norm": True, "attention_bias": False,
                       "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "alpha": 1000.0, "factor": 1.0}},
    "dbrx": {"_common": ["vocab_size", "bos_token_id", "eos_token_id", "pad_token_id"], "architectures": ["DbrxForCausalLM"],
             "d_model": 24, "n_heads": 4, "n_layers": 2, "max_seq_len": 64, "tie_word_embeddings": False,
             "attn_config": {"kv_n_heads": 2, "clip_qkv": 0.7, "rope_theta": 500000.0},
             "ffn_config": {"ffn_hidden_size": 9, "hidden_size": 24, "moe_num_experts": 5, "moe_top_k": 3,
                            "moe_normalize_expert_weights": 2.0},
             "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}},
    "dbrx_sum": {"model_type": "dbrx", "_common": ["vocab_size", "bos_token_id", "eos_token_id", "pad_token_id"],
                 "architectures": ["DbrxForCausalLM"], "d_model": 24, "n_heads": 6, "n_layers": 2, "max_seq_len": 64,
                 "tie_word_embeddings": False, "attn_config": {"kv_n_heads": 3, "clip_qkv": 8.0, "rope_theta": 10000.0},
                 "ffn_config": {"ffn_hidden_size": 10, "hidden_size": 24, "moe_num_experts": 6, "moe_top_k": 2,
                                "moe_normalize_expert_weights": 1.0},
                 "rope_parameters": _plain},
    "qwen2": {"architectures": ["Qwen2ForCausalLM"], **_small, "num_hidden_layers": 3, "intermediate_size": 28,
              "use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1,
              "layer_types": ["full_attention", "sliding_attention", "sliding_attention"]},
    "qwen3": {"architectures": ["Qwen3ForCausalLM"], "vocab_size": 37, "hidden_size": 20, "head_dim": 6,
              "intermediate_size": 28, "attention_bias": False, "use_sliding_window": False, "sliding_window": None,
              "tie_word_embeddings": True},
}
