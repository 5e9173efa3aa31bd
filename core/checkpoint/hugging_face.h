// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <initializer_list>

#include "core/checkpoint/family.h"

namespace moescope {

// The keys that every family writes: sizes, heads, norm, positions, no special tokens.
Json commonConfig(const ModelConfig& config, const char* modelType, const char* architecture);

// Typed reading of a config.json; the first failure stays and is given by error().
class ConfigReader {
 public:
  ConfigReader(const Json& json, std::string file) : json_(json), file_(std::move(file)) {}
  // The value under any of several aliases; those present must agree. Without a fallback one must be there.
  std::int64_t integer(std::initializer_list<const char*> keys, std::optional<std::int64_t> fallback = {});
  double real(const char* key, double fallback);
  std::vector<double> reals(const char* key);  // none without the key
  std::string text(const char* key, const char* fallback);
  bool flag(const char* key, bool fallback);
  bool has(const char* key) const;  // present and not null
  const Json& at(const char* key) const;
  ConfigReader inner(const char* key) const;  // of an object that is there
  void fail(const std::string& reason);
  const std::optional<Error>& error() const { return error_; }

 private:
  const Json& json_;
  std::string file_;
  std::optional<Error> error_;
};

// What a family takes for granted where config.json is silent.
struct RotaryDefaults {
  double theta = 10000;
  std::optional<double> part = {};  // of a head that turns; without one the family turns whole heads only
  bool tied = false;                // tie_word_embeddings
};

// What commonConfig wrote, in a released checkpoint's spelling too; spans of attention are the family's to read. What
// this version does not compute (other activations, rotary positions over a part of a head unless allowed) fails and
// says so.
ModelConfig readCommon(ConfigReader& read, const RotaryDefaults& rotary = {});
// Which layers are dense, in Qwen's words: mlp_only_layers and decoder_sparse_step.
std::set<std::int64_t> readDenseLayers(ConfigReader& read, std::int64_t layers);
// The same in DeepSeek's words, first_k_dense_replace, or layer by layer in mlp_layer_types.
std::set<std::int64_t> readLeadingDense(ConfigReader& read, std::int64_t layers);
// Whether the dense layers are the first ones, so that first_k_dense_replace can say it.
bool leadingDense(const MoeConfig& moe);
// How many experts there are, and how many a token gets, under any name that a family has for them. Those that are
// there must agree.
void readExperts(ConfigReader& read, MoeConfig& moe, std::optional<std::int64_t> usualTopK = {});
// n_group and topk_group, options of the router that `moe` names.
void readGroups(ConfigReader& read, MoeConfig& moe);
void writeGroups(const MoeConfig& moe, Json& json);
// n_shared_experts of moe_intermediate_size each, one MLP.
void readShared(ConfigReader& read, MoeConfig& moe);
// The finished reading: the first failure, or what checkConfig finds, or the switches.
Expected<ModelConfig> finished(const ConfigReader& read, const ModelConfig& config, const std::string& file);

}  // namespace moescope
