// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

enum class NormKind { rms, layer };  // layer: the mean is taken off, too
// Norms before attention and the feed-forward part, or of what they give (OLMo 2).
enum class BlockKind { pre, post };
// grouped: q, k, v, o; heads share keys and values in groups. latent: keys and values of every head come from one
// narrow vector a token (DeepSeek-V2, section 2.1).
enum class AttentionKind { grouped, latent };
// RMSNorm before RoPE over one head's width or over the whole projection; turned: over a head's width after RoPE
// (Hunyuan); length: without weights, after RoPE, only where positions turn (Llama 4).
enum class QkNorm { none, head, full, turned, length };
// Whether such a norm has weights.
constexpr bool hasWeights(QkNorm norm) {
  return norm == QkNorm::head || norm == QkNorm::full || norm == QkNorm::turned;
}
enum class RopeKind { none, half, interleaved };  // dimension i turns with i + d/2, or 2i with 2i + 1
enum class RopeScaling { none, linear, dynamic, ntk, yarn, llama3, longrope };
enum class AttentionSpan { full, sliding, chunked };  // of earlier tokens that a token sees
// silu(gate) * up; clamped: (up + 1) * gate * sigmoid(alpha gate) with both kept within a limit (gpt-oss).
enum class ActivationKind { silu, clamped };

// How rotary positions differ from angles of position * theta^(-2i/d); the formulas are in core/model/rotary.cpp. Zero
// stands for a number that config.json does not give.
struct RotaryScaling {
  RopeScaling kind = RopeScaling::none;
  double factor = 1;
  std::int64_t original = 0;         // length before the extension, tokens
  double amplitude = 0;              // on cosines and sines (attention_factor)
  double fast = 32, slow = 1;        // yarn: turns within `original` that bound the ramp (beta_fast, beta_slow)
  bool truncate = true;              // yarn: the ramp ends at whole dimensions
  double mscale = 0, mscaleAll = 0;  // yarn: parts of the amplitude; the second also enters latent attention's scores
  double low = 1, high = 4;          // llama3: low_freq_factor, high_freq_factor
  // longrope: divisors of the frequencies up to `original`, and beyond; amplitudes likewise (Phi-3.5-MoE)
  std::vector<double> shortFactor = {}, longFactor = {};
  double shortScale = 0, longScale = 0;
  bool operator==(const RotaryScaling&) const = default;
};

// Widths of latent attention; a head's query and key are `plain` + `rotary` wide.
struct LatentConfig {
  std::int64_t queryRank = 0;  // 0: queries straight from the hidden state
  std::int64_t rank = 0;       // of the vector that keys and values share
  std::int64_t plain = 0, rotary = 0, value = 0;
};

struct AttentionConfig {
  AttentionKind kind = AttentionKind::grouped;
  std::int64_t heads = 4, keyHeads = 4, headWidth = 32;
  bool inputBias = false;  // of q, k and v
  bool outputBias = false;
  double clip = 0;  // queries, keys and values are kept within it, after a norm over the whole projection; 0 = not
  QkNorm qkNorm = QkNorm::none;
  RopeKind rope = RopeKind::half;
  double ropeTheta = 10000;
  std::int64_t rotaryWidth = 0;  // of a head's dimensions, the first that turn; 0 = all
  RotaryScaling scaling = {};
  LatentConfig latent = {};
  AttentionSpan span = AttentionSpan::full;
  std::int64_t window = 0;  // sliding: a token sees itself and window - 1 before; chunked: those of its own chunk
  bool sinks = false;       // a learned logit a head takes part in the softmax and gives nothing (gpt-oss)
  double scoreScale = 0;    // on scores; 0 = width^-0.5 (times yarn's factor in latent attention)
  double temperature = 0;   // queries times 1 + temperature * log1p(floor((position + 1) / temperatureFloor))
  double temperatureFloor = 8192;
  std::int64_t turned() const {
    return kind == AttentionKind::latent ? latent.rotary : rotaryWidth ? rotaryWidth : headWidth;
  }
};

// How tokens are given to experts; `kind` is a router's name, `options` hold that router's own parameters (OPTION.KEY).
struct RouterConfig {
  std::string kind = "softmax";
  double balance = 0;   // coefficient of (E/k) sum f P
  double zLoss = 0;     // coefficient of mean logsumexp(logits)^2
  double capacity = 0;  // factor of T k / E; 0 = no limit
  std::map<std::string, double> options = {};
  bool bias = false;  // logits are x W^T + b (gpt-oss)
  double option(const std::string& name, double fallback) const;
};

struct MoeConfig {
  std::int64_t experts = 0;  // 0: every layer is dense
  std::int64_t topK = 0;
  std::int64_t expertWidth = 0;
  std::int64_t sharedExperts = 0;  // how many; one MLP of sharedWidth does their work
  std::int64_t sharedWidth = 0;
  bool sharedGate = false;   // times sigmoid(x w), Qwen2-MoE
  bool expertBias = false;   // of the experts' three matrices
  bool weightInput = false;  // weights multiply what experts read instead of what they give (Llama 4)
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
  bool normBias = false;  // of layer norms
  double normEpsilon = 1e-6;
  ActivationKind activation = ActivationKind::silu;
  double activationAlpha = 1.702, activationLimit = 7;  // of clamped
  bool tiedHead = false;
  bool headBias = false;
  // Granite: on embeddings, on what each sublayer adds to the residual stream, under the logits.
  double embeddingFactor = 1, residualFactor = 1, logitDivisor = 1;
  AttentionConfig attention = {};
  std::map<std::int64_t, AttentionConfig> otherAttention = {};  // of the layers that differ from it
  MoeConfig moe = {};

  // The switches of one layer's attention.
  const AttentionConfig& attentionOf(std::int64_t layer) const {
    const auto other = otherAttention.find(layer);
    return other == otherAttention.end() ? attention : other->second;
  }
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
