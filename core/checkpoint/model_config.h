// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "core/base/expected.h"

namespace moescope {

enum class NormKind { rms };
enum class BlockKind { pre };            // norm before attention and before the feed-forward part
enum class AttentionKind { grouped };    // q, k, v, o; heads share keys and values in groups
enum class QkNorm { none, head, full };  // RMSNorm before RoPE: over one head's width, or over the whole projection
enum class RopeKind { none, half };      // half: dimension i turns with i + d/2
enum class ActivationKind { silu };      // silu(gate) * up

struct AttentionConfig {
  AttentionKind kind = AttentionKind::grouped;
  std::int64_t heads = 4, keyHeads = 4, headWidth = 32;
  bool inputBias = false;  // of q, k and v
  bool outputBias = false;
  QkNorm qkNorm = QkNorm::none;
  RopeKind rope = RopeKind::half;
  double ropeTheta = 10000;
};

// How tokens are given to experts; `kind` is a router's name, `options` hold that router's own parameters (OPTION.KEY).
struct RouterConfig {
  std::string kind = "softmax";
  double balance = 0;   // coefficient of (E/k) sum f P
  double zLoss = 0;     // coefficient of mean logsumexp(logits)^2
  double capacity = 0;  // factor of T k / E; 0 = no limit
  std::map<std::string, double> options = {};
  double option(const std::string& name, double fallback) const;
};

struct MoeConfig {
  std::int64_t experts = 0;  // 0: every layer is dense
  std::int64_t topK = 0;
  std::int64_t expertWidth = 0;
  std::int64_t sharedExperts = 0;  // how many; one MLP of sharedWidth does their work
  std::int64_t sharedWidth = 0;
  bool sharedGate = false;  // times sigmoid(x w), Qwen2-MoE
  RouterConfig router = {};
  std::set<std::int64_t> denseLayers = {};  // blocks without experts
};

// The switches of the one decoder. A family of checkpoints is a choice of values; a new family adds values, not code
// paths.
struct ModelConfig {
  std::int64_t vocabulary = 256, hidden = 128, layers = 4;
  std::int64_t length = 2048;   // longest sequence, tokens (max_position_embeddings)
  std::int64_t denseWidth = 0;  // of the MLP in dense layers
  BlockKind block = BlockKind::pre;
  NormKind norm = NormKind::rms;
  double normEpsilon = 1e-6;
  ActivationKind activation = ActivationKind::silu;
  bool tiedHead = false;
  AttentionConfig attention = {};
  MoeConfig moe = {};

  bool isSparse(std::int64_t layer) const { return moe.experts > 0 && !moe.denseLayers.contains(layer); }
  std::int64_t sparseLayers() const;
};

// Usage errors for what no model can have: layers 0, k > E, heads that do not divide, an odd head width under RoPE,
// widths 0.
Expected<void> checkConfig(const ModelConfig& config);
// Also refuses what cannot be trained: a renormalised single choice among several experts leaves its router without
// gradient.
Expected<void> checkTraining(const ModelConfig& config);

// Every switch by name; reading refuses unknown kinds and checks the whole. `file` is named in errors.
Json toJson(const ModelConfig& config);
Expected<ModelConfig> modelConfigFromJson(const Json& json, const std::string& file = {});

}  // namespace moescope
