// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace moescope {

// How the matrices of a layer's experts lie on disk. Names follow the path of the experts ("mlp.experts"); "#" stands
// for an expert's number. Biases, where a model has them, likewise.
struct ExpertLayout {
  enum class Pieces {
    separate,  // one expert a tensor
    stacked,   // [E,...]
    rows       // [E*rows,columns]
  };
  Pieces pieces = Pieces::separate;
  std::string gateUp = {};         // both in one, gate first; else empty and
  std::string gate = {}, up = {};  // apart
  std::string down;
  std::string gateUpBias = {}, gateBias = {}, upBias = {}, downBias = {};
  bool gateUpTransposed = false, downTransposed = false;  // y = x W instead of y = x W^T
  bool interleaved = false;  // gate and up alternate row by row (column by column where transposed)
};

// ".0.gate_proj.weight" ...
ExpertLayout separateExperts(const std::string& gate, const std::string& up, const std::string& down);
ExpertLayout fusedExperts();                            // gate_up_proj [E,2I,H], down_proj [E,H,I]: transformers 5
ExpertLayout transposedExperts(bool interleaved);       // the same as [E,H,2I] and [E,I,H]: Llama 4, gpt-oss
ExpertLayout parallelExperts(const std::string& path);  // PATHinput_linear [E,2I,H], output_linear [E,H,I]: Granite
ExpertLayout rowsOfExperts();                           // w1, v1, w2, each [E*I,H]: DBRX

// Those that a folder's experts are looked for in, whatever its family. A family's own goes before; gate and up
// alternate where the family says so.
std::span<const ExpertLayout> expertLayouts();

// The names of a family's tensors, those of a layer below "model.layers.N.".
struct TensorNames {
  std::string embedding = "model.embed_tokens.weight", head = "lm_head";
  std::string norm = "model.norm";  // this and what follows + ".weight", ".bias"
  std::string layers = "model.layers.";
  std::string attentionNorm = "input_layernorm", feedForwardNorm = "post_attention_layernorm";
  std::string attention = "self_attn.";
  std::string query = "q_proj", key = "k_proj", value = "v_proj", output = "o_proj";
  std::string queryKeyValue = {};  // all three in one, rows one after another, instead of the first three
  std::string queryNorm = "q_norm", keyNorm = "k_norm";
  std::string sinks = "sinks";
  std::string dense = "mlp";
  std::string experts = "mlp.experts";
  ExpertLayout layout = separateExperts("gate_proj", "up_proj", "down_proj");
  std::string router = "mlp.gate.weight";
  std::string routerBias = "mlp.gate.e_score_correction_bias";
  bool routerBiasIsRow = false;  // [1,E]
  std::string routerLogitBias = "mlp.router.bias";
  std::string routerNoise = "mlp.gate_noise.weight";
  std::string shared = "mlp.shared_experts";  // an MLP with the names gate_proj, up_proj, down_proj; or else
  bool sharedFused = false;                   // input_linear [2I,H] and output_linear [H,I]
  std::string sharedGate = "mlp.shared_expert_gate.weight";
  // Parts of names that transformers 5 writes differently with save_original_format=False.
  std::vector<std::pair<std::string, std::string>> renames = {};
};

}  // namespace moescope
