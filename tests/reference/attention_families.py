# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations for models_oracle.py whose point is the attention or the router: latent attention, sinks, sliding windows shorter
than the text, chunks, scaled and partial rotary positions, groups of experts, correction biases, sparsemixer, input weighting.

Each key is a file tiny_KEY.json; "model_type" names the family where the key is a variant of it. Widths differ wherever a family
lets them, so that any confusion of two shows.
"""

_plain = {"rope_type": "default", "rope_theta": 10000.0}
_latent = {"num_key_value_heads": 4, "hidden_size": 20, "num_hidden_layers": 3, "kv_lora_rank": 12, "qk_rope_head_dim": 6,
           "qk_nope_head_dim": 10, "v_head_dim": 7, "intermediate_size": 28, "moe_intermediate_size": 9,
           "first_k_dense_replace": 1, "vocab_size": 37, "attention_bias": False, "num_experts_per_tok": 3}
_v2_yarn = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 32,
            "beta_slow": 1, "mscale": 0.707, "mscale_all_dim": 0.5}
_v3_yarn = {**_v2_yarn, "mscale": 1.0, "mscale_all_dim": 1.0, "beta_fast": 4}

attention_families = {
    "deepseek_v2": {**_latent, "architectures": ["DeepseekV2ForCausalLM"], "q_lora_rank": 14, "n_routed_experts": 12,
                    "n_shared_experts": 2, "topk_method": "group_limited_greedy", "n_group": 4, "topk_group": 2,
                    "routed_scaling_factor": 2.0, "norm_topk_prob": False, "rope_parameters": _v2_yarn},
    "deepseek_v2_lite": {**_latent, "model_type": "deepseek_v2", "architectures": ["DeepseekV2ForCausalLM"], "q_lora_rank": None,
                         "n_routed_experts": 10, "n_shared_experts": 1, "topk_method": "greedy", "n_group": 1, "topk_group": 1,
                         "routed_scaling_factor": 1.0, "norm_topk_prob": False, "rope_parameters": _plain},
    "deepseek_v3": {**_latent, "architectures": ["DeepseekV3ForCausalLM"], "q_lora_rank": 14, "n_routed_experts": 12,
                    "n_shared_experts": 1, "n_group": 3, "topk_group": 2, "num_experts_per_tok": 4, "norm_topk_prob": True,
                    "routed_scaling_factor": 2.5, "rope_interleave": True, "rope_parameters": _v3_yarn},
    "deepseek_v3_raw": {**_latent, "model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"], "q_lora_rank": None,
                        "n_routed_experts": 9, "n_shared_experts": 2, "n_group": 1, "topk_group": 1, "norm_topk_prob": False,
                        "routed_scaling_factor": 1.5, "rope_interleave": False, "attention_bias": True,
                        "rope_parameters": _plain},
    "gpt_oss": {"architectures": ["GptOssForCausalLM"], "hidden_size": 20, "num_hidden_layers": 3, "head_dim": 6,
                "intermediate_size": 14, "num_local_experts": 6, "num_experts_per_tok": 2, "vocab_size": 37,
                "sliding_window": 5, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
                "attention_bias": True, "swiglu_limit": 0.7, "rope_theta": 150000.0,
                "rope_parameters": {"rope_type": "yarn", "rope_theta": 150000.0, "factor": 4.0, "beta_fast": 32.0,
                                    "beta_slow": 1.0, "truncate": False, "original_max_position_embeddings": 16}},
    "glm4_moe": {"architectures": ["Glm4MoeForCausalLM"], "hidden_size": 20, "num_hidden_layers": 3, "num_attention_heads": 6,
                 "head_dim": 8, "intermediate_size": 28, "moe_intermediate_size": 9, "n_routed_experts": 10,
                 "n_shared_experts": 1, "num_experts_per_tok": 3, "n_group": 1, "topk_group": 1, "norm_topk_prob": True,
                 "routed_scaling_factor": 2.5, "first_k_dense_replace": 1, "attention_bias": True, "use_qk_norm": True,
                 "vocab_size": 37,
                 "rope_parameters": {**_plain, "partial_rotary_factor": 0.5}},
    "glm4_moe_air": {"model_type": "glm4_moe", "architectures": ["Glm4MoeForCausalLM"], "hidden_size": 20,
                     "num_hidden_layers": 2, "num_attention_heads": 6, "head_dim": 8, "intermediate_size": 28,
                     "moe_intermediate_size": 9, "n_routed_experts": 8, "n_shared_experts": 2, "num_experts_per_tok": 3,
                     "n_group": 4, "topk_group": 2, "norm_topk_prob": False, "routed_scaling_factor": 1.0,
                     "first_k_dense_replace": 1, "attention_bias": False, "use_qk_norm": False, "vocab_size": 37,
                     "rope_parameters": {**_plain, "partial_rotary_factor": 0.5}},
    "minimax_m2": {"architectures": ["MiniMaxM2ForCausalLM"], "hidden_size": 20, "head_dim": 10, "rotary_dim": 4,
                   "intermediate_size": 9, "num_local_experts": 8, "num_experts_per_tok": 3, "vocab_size": 37,
                   "rope_parameters": {**_plain, "partial_rotary_factor": 0.4}},
    "phimoe": {"architectures": ["PhimoeForCausalLM"], "hidden_size": 24, "intermediate_size": 9, "num_local_experts": 7,
               "num_experts_per_tok": 2, "router_jitter_noise": 0.3, "input_jitter_noise": 0.0, "attention_bias": True,
               "lm_head_bias": True, "sliding_window": 5, "vocab_size": 37, "original_max_position_embeddings": 24,
               "rope_parameters": {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0, 1.5, 2.25],
                                   "long_factor": [1.0, 3.0, 9.0], "short_mscale": 1.2, "long_mscale": 1.4,
                                   "original_max_position_embeddings": 24}},
    "llama4_text": {"architectures": ["Llama4ForCausalLM"], "hidden_size": 20, "num_hidden_layers": 4, "head_dim": 6,
                    "intermediate_size": 9, "intermediate_size_mlp": 28, "num_local_experts": 5, "num_experts_per_tok": 1,
                    "interleave_moe_layer_step": 2, "no_rope_layers": [1, 0, 1, 0], "attention_chunk_size": 5,
                    "use_qk_norm": True, "attn_temperature_tuning": True, "floor_scale": 4, "attn_scale": 0.3,
                    "attention_bias": False, "vocab_size": 37,
                    "rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
                                        "high_freq_factor": 4.0, "original_max_position_embeddings": 32}},
}
