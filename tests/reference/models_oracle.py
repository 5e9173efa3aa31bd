# SPDX-License-Identifier: GPL-3.0-or-later
"""Expected logits, experts and weights of tiny models of each family, computed by `transformers`.

    models_oracle.py            makes tests/reference/tiny_NAME.json for every entry below
    models_oracle.py NAME ...   makes those
    models_oracle.py FOLDER     compares the models that test_model saved in FOLDER/FAMILY (MOESCOPE_KEEP_MODELS=FOLDER) with them

An entry is a family's config.json without what all have in common; a name ending in _fused is the family's model with its experts
as transformers 5 keeps them in memory and saves with save_original_format=False.
Weights come from a counter (tests/model/tiny_model.h has the same), so the files hold no weights. Run with torch 2.11 and
transformers 5.23; the tests need neither.
"""
import json
import pathlib
import sys
import tempfile

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from attention_families import attention_families
from layout_families import layout_families

here = pathlib.Path(__file__).parent
MASK = (1 << 64) - 1


def mixed(z: int) -> int:
    """splitmix64."""
    z = (z + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def uniform(name: str, count: int) -> np.ndarray:
    """count values in [-1, 1), multiples of 2^-23."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & MASK
    return np.array([(mixed((seed + i) & MASK) >> 40) / 2.0**23 - 1 for i in range(count)], dtype=np.float64)


def weights(name: str, shape: tuple) -> torch.Tensor:
    value = uniform(name, int(np.prod(shape)))
    if name.endswith("norm.weight") or (name.endswith(".weight") and len(shape) == 1):
        value = 1 + 0.25 * value
    elif name.endswith("bias"):
        value = 0.25 * value
    elif "embed_tokens" not in name:
        value = value * (2 / np.sqrt(shape[-1]))
    return torch.tensor(value.astype(np.float32).reshape(shape))


common = {
    "vocab_size": 32, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "hidden_act": "silu", "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}, "tie_word_embeddings": False,
    "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
}
families = {
    "mixtral": {"architectures": ["MixtralForCausalLM"], "head_dim": 8, "intermediate_size": 12, "num_local_experts": 4,
                "num_experts_per_tok": 2, "sliding_window": None},
    "olmoe": {"architectures": ["OlmoeForCausalLM"], "intermediate_size": 10, "num_experts": 6, "num_experts_per_tok": 3,
              "norm_topk_prob": False, "clip_qkv": None, "tie_word_embeddings": True},
    "qwen3_moe": {"architectures": ["Qwen3MoeForCausalLM"], "head_dim": 6, "intermediate_size": 20, "moe_intermediate_size": 8,
                  "num_experts": 8, "num_experts_per_tok": 2, "norm_topk_prob": True, "mlp_only_layers": [0],
                  "decoder_sparse_step": 1, "attention_bias": False, "use_sliding_window": False, "num_hidden_layers": 3},
    "qwen2_moe": {"architectures": ["Qwen2MoeForCausalLM"], "intermediate_size": 20, "moe_intermediate_size": 8,
                  "shared_expert_intermediate_size": 14, "num_experts": 5, "num_experts_per_tok": 2, "norm_topk_prob": False,
                  "mlp_only_layers": [], "decoder_sparse_step": 1, "qkv_bias": True, "use_sliding_window": False},
    "dots1": {"architectures": ["Dots1ForCausalLM"], "head_dim": 8, "intermediate_size": 20, "moe_intermediate_size": 8,
              "n_routed_experts": 6, "n_shared_experts": 2, "num_experts_per_tok": 3, "first_k_dense_replace": 1,
              "num_hidden_layers": 3, "n_group": 1, "topk_group": 1, "norm_topk_prob": True, "routed_scaling_factor": 2.5,
              "attention_bias": False, "sliding_window": None, "layer_types": ["full_attention"] * 3},
    "llama": {"architectures": ["LlamaForCausalLM"], "head_dim": 4, "intermediate_size": 24, "attention_bias": False,
              "mlp_bias": False},
    **attention_families,
    **layout_families,
}
fused = ["mixtral", "olmoe", "qwen3_moe", "qwen2_moe", "dots1", "deepseek_v2", "deepseek_v3", "glm4_moe", "minimax_m2", "phimoe",
         "flex_olmo", "ernie4_5_moe", "granitemoe", "granitemoeshared", "hunyuan_v1_moe"]
families |= {f"{name}_fused": {"model_type": name, **families[name], "_fused": True} for name in fused}


def run(folder: pathlib.Path, ids: torch.Tensor, dtype: torch.dtype = torch.float32) -> dict:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager",
                                                 experts_implementation="eager").eval()
    routed = []

    def keep(index, weight):  # by weight, ties by expert
        index, order = index.sort(dim=1)
        weight, order = weight.gather(1, order).sort(dim=1, descending=True, stable=True)
        routed.append((index.gather(1, order), weight))

    def see(_module, arguments):
        keep(*arguments[1:3])

    def see_router(module, _arguments, output):  # llama4: [T,E], 0 where not chosen
        weight, index = output[0].topk(module.top_k, dim=1)
        keep(index, weight)

    for name, module in model.named_modules():
        if name.endswith("feed_forward.router"):
            module.register_forward_hook(see_router)
        if name.endswith("mlp.experts") or name.endswith(("block_sparse_moe.experts", "ffn.experts")):
            module.register_forward_pre_hook(see)
    with torch.no_grad():
        logits = model(ids).logits
    losses = -logits[:, :-1].log_softmax(-1).gather(2, ids[:, 1:, None])
    return {"logits": logits, "routed": routed, "losses": losses}


def run_bf16(folder: pathlib.Path, tensors: dict, ids: torch.Tensor) -> dict:
    """What becomes of the last position when the file is BF16 (but for correction biases, which no release rounds): computed in
    fp32, and how far transformers' own bf16 goes from that over all positions."""
    rounded = {key: value if key.endswith("correction_bias") else value.to(torch.bfloat16) for key, value in tensors.items()}
    save_file(rounded, folder / "model.safetensors", {"format": "pt"})
    exact, low = run(folder, ids)["logits"], run(folder, ids, torch.bfloat16)["logits"].float()
    return {"logits": exact[:, -1], "spread": float((exact - low).abs().max())}


def tensor_names(config: dict, folder: pathlib.Path, fused: bool) -> dict:
    """Names and shapes on disk: what `transformers` itself saves for such a model."""
    from transformers import AutoConfig
    from safetensors import safe_open

    (folder / "config.json").write_text(json.dumps(config))
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder)).to(torch.float32).save_pretrained(
        folder / "names", save_original_format=not fused)
    with safe_open(folder / "names" / "model.safetensors", "pt") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}


def make(family: str) -> None:
    entry = dict(families[family])
    kept, fused, inside = entry.pop("_common", common), entry.pop("_fused", False), entry.pop("_inside", "")
    config = {**{key: common[key] for key in common if key in kept}, "model_type": family, **entry}
    released_as = config.pop("released_as", config["model_type"])  # a type that transformers knows under another name
    ids = torch.tensor((uniform("ids", 24) * 16 + 16).astype(np.int64).reshape(2, 12))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shapes = tensor_names(config, folder, fused)
        tensors = {key: weights(inside + key, shape) for key, shape in shapes.items()}
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        found = run(folder, ids)
        bf16 = run_bf16(folder, tensors, ids)
    number = lambda tensor: [float(f"{x:.7g}") for x in tensor.flatten().tolist()]  # noqa: E731
    written = {"model_type": released_as, "text_config": config} if inside else {**config, "model_type": released_as}
    expected = {"config": written, "tensors": {inside + key: list(shape) for key, shape in sorted(shapes.items())}, "ids": ids.tolist(),
                "logits": number(found["logits"]), "losses": number(found["losses"]),
                "bf16": {"logits": number(bf16["logits"]), "spread": round(bf16["spread"], 6)},
                "layers": [{"expert": index.flatten().tolist(), "weight": number(weight)} for index, weight in found["routed"]]}
    path = here / f"tiny_{family}.json"
    path.write_text(json.dumps(expected, separators=(",", ":")).replace('],"', '],\n"') + "\n")
    print(family, len(shapes), "tensors, largest logit", float(found["logits"].abs().max()), path.stat().st_size, "bytes")


def compare(family: str, folder: pathlib.Path) -> float:
    expected = json.loads((here / f"tiny_{family}.json").read_text())
    found = run(folder / family, torch.tensor(expected["ids"]))
    error = float((found["logits"].flatten() - torch.tensor(expected["logits"])).abs().max())
    weight, others = 0.0, 0
    for layer, (index, weights_) in zip(expected["layers"], found["routed"], strict=True):
        others += int((index.flatten() != torch.tensor(layer["expert"])).sum())
        weight = max(weight, float((weights_.flatten() - torch.tensor(layer["weight"])).abs().max()))
    print(f"{family} saved here, loaded by transformers: largest difference of a logit {error:.2g}, of a weight {weight:.2g}; "
          f"{others} choices differ")
    return max(error, 10 * weight, others)


if __name__ == "__main__":
    if len(sys.argv) > 1 and pathlib.Path(sys.argv[1]).is_dir():
        kept = [path.name for path in sorted(pathlib.Path(sys.argv[1]).iterdir())]
        sys.exit(max(compare(family, pathlib.Path(sys.argv[1])) for family in kept) > 1e-4)
    for each in sys.argv[1:] or families:
        make(each)
