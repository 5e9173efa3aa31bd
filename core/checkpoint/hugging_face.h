// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <initializer_list>

#include "core/checkpoint/family.h"

namespace moescope {

// What the families of `transformers` here have in common: the keys of config.json and the names of a Llama-like
// decoder. Where they differ, a family's file says so.
struct TensorNames {
  std::string experts = "mlp.experts";  // + ".E." + gate + ".weight"
  std::string gate = "gate_proj", up = "up_proj", down = "down_proj";
  std::string router = "mlp.gate.weight";
  std::string routerBias = "mlp.gate.e_score_correction_bias";
  std::string routerNoise = "mlp.gate_noise.weight";
  std::string shared = "mlp.shared_experts";
  std::string sharedGate = "mlp.shared_expert_gate.weight";
};

std::vector<Slot> decoderSlots(const ModelConfig& config, const TensorNames& names);

// The keys that every family writes: sizes, heads, norm, positions, no special tokens.
Json commonConfig(const ModelConfig& config, const char* modelType, const char* architecture);

// Typed reading of a config.json; the first failure stays and is given by error().
class ConfigReader {
 public:
  ConfigReader(const Json& json, std::string file) : json_(json), file_(std::move(file)) {}
  // The value under any of several aliases; those present must agree. Without a fallback one must be there.
  std::int64_t integer(std::initializer_list<const char*> keys, std::optional<std::int64_t> fallback = {});
  double real(const char* key, double fallback);
  bool flag(const char* key, bool fallback);
  bool has(const char* key) const;  // present and not null
  const Json& at(const char* key) const;
  void fail(const std::string& reason);
  const std::optional<Error>& error() const { return error_; }

 private:
  const Json& json_;
  std::string file_;
  std::optional<Error> error_;
};

// What commonConfig wrote, in a released checkpoint's spelling too. What this version does not compute (sliding
// windows, scaled rotary positions, other activations) fails and says so.
ModelConfig readCommon(ConfigReader& read);
// Which layers are dense, in Qwen's words: mlp_only_layers and decoder_sparse_step.
std::set<std::int64_t> readDenseLayers(ConfigReader& read, std::int64_t layers);
// The finished reading: the first failure, or what checkConfig finds, or the switches.
Expected<ModelConfig> finished(const ConfigReader& read, const ModelConfig& config, const std::string& file);

}  // namespace moescope
