# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a stand-in of DeepSeek-V3: its config.json, index and 163 safetensors files with the real names, types and shapes
(61 layers of which 58 with 256 experts, FP8 with block scales, and one layer of multi-token prediction: 685 billion
parameters, 688 GB). The data are a hole, so that it takes 15 MB of disk on a file system with sparse files.

    python3 deepseek_v3_shapes.py FOLDER
"""
import json
import struct
import sys
from pathlib import Path

HIDDEN, HEADS, VOCABULARY, LAYERS, DENSE_LAYERS, EXPERTS, SHARDS = 7168, 128, 129280, 61, 3, 256, 163
WIDTH, DENSE_WIDTH, QUERY_RANK, KEY_RANK, NOPE, ROPE, VALUE = 2048, 18432, 1536, 512, 128, 64, 128
SIZES = {"F8_E4M3": 1, "BF16": 2, "F32": 4}

CONFIG = {
    "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "attention_bias": False, "attention_dropout": 0.0,
    "bos_token_id": 0, "eos_token_id": 1, "ep_size": 1, "first_k_dense_replace": DENSE_LAYERS, "hidden_act": "silu",
    "hidden_size": HIDDEN, "initializer_range": 0.02, "intermediate_size": DENSE_WIDTH, "kv_lora_rank": KEY_RANK,
    "max_position_embeddings": 163840, "moe_intermediate_size": WIDTH, "moe_layer_freq": 1, "n_group": 8, "n_routed_experts": EXPERTS,
    "n_shared_experts": 1, "norm_topk_prob": True, "num_attention_heads": HEADS, "num_experts_per_tok": 8,
    "num_hidden_layers": LAYERS, "num_key_value_heads": HEADS, "num_nextn_predict_layers": 1, "q_lora_rank": QUERY_RANK,
    "qk_nope_head_dim": NOPE, "qk_rope_head_dim": ROPE, "rms_norm_eps": 1e-06,
    "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128]},
    "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0,
                     "original_max_position_embeddings": 4096, "type": "yarn"},
    "rope_theta": 10000, "routed_scaling_factor": 2.5, "scoring_func": "sigmoid", "tie_word_embeddings": False, "topk_group": 4,
    "topk_method": "noaux_tc", "torch_dtype": "bfloat16", "use_cache": True, "v_head_dim": VALUE, "vocab_size": VOCABULARY,
}


def quantised(name, rows, columns):
    yield f"{name}.weight", "F8_E4M3", [rows, columns]
    yield f"{name}.weight_scale_inv", "F32", [-(-rows // 128), -(-columns // 128)]


def mlp(name, width):
    yield from quantised(f"{name}.gate_proj", width, HIDDEN)
    yield from quantised(f"{name}.up_proj", width, HIDDEN)
    yield from quantised(f"{name}.down_proj", HIDDEN, width)


def layer(number):
    at = f"model.layers.{number}"
    yield f"{at}.input_layernorm.weight", "BF16", [HIDDEN]
    yield from quantised(f"{at}.self_attn.q_a_proj", QUERY_RANK, HIDDEN)
    yield f"{at}.self_attn.q_a_layernorm.weight", "BF16", [QUERY_RANK]
    yield from quantised(f"{at}.self_attn.q_b_proj", HEADS * (NOPE + ROPE), QUERY_RANK)
    yield from quantised(f"{at}.self_attn.kv_a_proj_with_mqa", KEY_RANK + ROPE, HIDDEN)
    yield f"{at}.self_attn.kv_a_layernorm.weight", "BF16", [KEY_RANK]
    yield from quantised(f"{at}.self_attn.kv_b_proj", HEADS * (NOPE + VALUE), KEY_RANK)
    yield from quantised(f"{at}.self_attn.o_proj", HIDDEN, HEADS * VALUE)
    yield f"{at}.post_attention_layernorm.weight", "BF16", [HIDDEN]
    if number < DENSE_LAYERS:
        yield from mlp(f"{at}.mlp", DENSE_WIDTH)
        return
    yield f"{at}.mlp.gate.weight", "BF16", [EXPERTS, HIDDEN]
    yield f"{at}.mlp.gate.e_score_correction_bias", "F32", [EXPERTS]
    for expert in range(EXPERTS):
        yield from mlp(f"{at}.mlp.experts.{expert}", WIDTH)
    yield from mlp(f"{at}.mlp.shared_experts", WIDTH)


def tensors():
    yield "model.embed_tokens.weight", "BF16", [VOCABULARY, HIDDEN]
    for number in range(LAYERS):
        yield from layer(number)
    yield "model.norm.weight", "BF16", [HIDDEN]
    yield "lm_head.weight", "BF16", [VOCABULARY, HIDDEN]
    at = f"model.layers.{LAYERS}"  # multi-token prediction
    yield f"{at}.embed_tokens.weight", "BF16", [VOCABULARY, HIDDEN]
    yield f"{at}.enorm.weight", "BF16", [HIDDEN]
    yield f"{at}.hnorm.weight", "BF16", [HIDDEN]
    yield f"{at}.eh_proj.weight", "BF16", [HIDDEN, 2 * HIDDEN]
    yield from layer(LAYERS)
    yield f"{at}.shared_head.norm.weight", "BF16", [HIDDEN]
    yield f"{at}.shared_head.head.weight", "BF16", [VOCABULARY, HIDDEN]


def size(dtype, shape):
    count = SIZES[dtype]
    for extent in shape:
        count *= extent
    return count


def write_shard(path, rows):
    """Sorted as the reference writer does: wide types first, then by name, so that all data are aligned."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, dtype, shape in sorted(rows, key=lambda row: (-SIZES[row[1]], row[0])):
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size(dtype, shape)]}
        offset += size(dtype, shape)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + offset)


def write(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(tensors())
    total = sum(size(dtype, shape) for _, dtype, shape in rows)
    shards, before = [[] for _ in range(SHARDS)], 0
    for row in rows:
        shards[min(SHARDS - 1, before * SHARDS // total)].append(row)
        before += size(row[1], row[2])
    index = {}
    for number, shard in enumerate(shards, 1):
        name = f"model-{number:05}-of-{SHARDS:06}.safetensors"
        write_shard(folder / name, shard)
        index.update({row[0]: name for row in shard})
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": total}, "weight_map": index}, indent=2))
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2))
    return {"tensors": len(rows), "bytes": total, "shards": SHARDS}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    made = write(sys.argv[1])
    print(f"{made['tensors']} tensors, {made['bytes'] / 1e9:.1f} GB in {made['shards']} files")
