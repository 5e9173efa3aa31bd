// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/decoder_slots.h"

#include <fmt/core.h>

#include <algorithm>

namespace moescope {
namespace {

// Collects slots, their names as they are on disk.
class Collector {
 public:
  Collector(const ModelConfig& config, const TensorNames& names, const StoredNames& stored)
      : config_(config), names_(names), stored_(stored) {}

  std::vector<Slot> all() && {
    const std::vector<std::int64_t> table{config_.vocabulary, config_.hidden};
    add(names_.embedding, table, "embedding");
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) addLayer(layer);
    addNorm(names_.norm, "norm");
    if (!config_.tiedHead) add(names_.head + ".weight", table, "head");
    if (config_.headBias) add(names_.head + ".bias", {config_.vocabulary}, "head_bias");
    return std::move(slots_);
  }

 private:
  Slot& add(const std::string& name, std::vector<std::int64_t> shape, const std::string& parameter) {
    slots_.push_back({stored_.find(name), std::move(shape), parameter});
    return slots_.back();
  }
  void addNorm(const std::string& name, const std::string& parameter) {
    add(name + ".weight", {config_.hidden}, parameter);
    if (config_.normBias) add(name + ".bias", {config_.hidden}, parameter + "_bias");
  }
  void addLayer(std::int64_t layer);
  void addAttention(const std::string& onDisk, const std::string& role, const AttentionConfig& attention);
  void addLatent(const std::string& path, const std::string& role, const AttentionConfig& attention);
  void addFusedQueries(const std::string& name, const std::string& role, const AttentionConfig& attention);
  void addMlp(const std::string& onDisk, const std::string& parameter, std::int64_t width, bool fused);
  void addSparse(const std::string& onDisk, const std::string& role);
  void addExperts(const std::string& onDisk, const std::string& role);

  const ModelConfig& config_;
  const TensorNames& names_;
  const StoredNames& stored_;
  std::vector<Slot> slots_;
};

void Collector::addFusedQueries(const std::string& name, const std::string& role, const AttentionConfig& attention) {
  const std::int64_t width = attention.heads * attention.headWidth, keyWidth = attention.keyHeads * attention.headWidth;
  std::int64_t row = 0;
  for (const auto& [parameter, rows] : {std::pair{"query", width}, {"key", keyWidth}, {"value", keyWidth}}) {
    Slot& slot = add(name + ".weight", {width + 2 * keyWidth, config_.hidden}, role + parameter);
    slot.storedRow = row;
    slot.storedRows = rows;
    row += rows;
  }
}

// The names of DeepSeek-V2, which all families with latent attention keep.
void Collector::addLatent(const std::string& path, const std::string& role, const AttentionConfig& attention) {
  const LatentConfig& latent = attention.latent;
  const std::int64_t hidden = config_.hidden, width = attention.heads * attention.headWidth,
                     shared = latent.rank + latent.rotary;
  if (latent.queryRank > 0) {
    add(path + "q_a_proj.weight", {latent.queryRank, hidden}, role + "query_down");
    if (attention.inputBias) add(path + "q_a_proj.bias", {latent.queryRank}, role + "query_down_bias");
    add(path + "q_a_layernorm.weight", {latent.queryRank}, role + "query_down_norm");
    add(path + "q_b_proj.weight", {width, latent.queryRank}, role + "query");
  } else {
    add(path + "q_proj.weight", {width, hidden}, role + "query");
  }
  add(path + "kv_a_proj_with_mqa.weight", {shared, hidden}, role + "key_value_down");
  if (attention.inputBias) add(path + "kv_a_proj_with_mqa.bias", {shared}, role + "key_value_down_bias");
  add(path + "kv_a_layernorm.weight", {latent.rank}, role + "key_value_down_norm");
  add(path + "kv_b_proj.weight", {attention.heads * (latent.plain + latent.value), latent.rank}, role + "key_value");
  add(path + "o_proj.weight", {hidden, attention.heads * latent.value}, role + "output");
  if (attention.outputBias) add(path + "o_proj.bias", {hidden}, role + "output_bias");
}

void Collector::addAttention(const std::string& onDisk, const std::string& role, const AttentionConfig& attention) {
  const std::int64_t hidden = config_.hidden, width = attention.heads * attention.headWidth,
                     keyWidth = attention.keyHeads * attention.headWidth;
  const std::string path = onDisk + names_.attention;
  if (attention.kind == AttentionKind::latent) return addLatent(path, role, attention);
  if (!names_.queryKeyValue.empty()) {
    addFusedQueries(path + names_.queryKeyValue, role, attention);
  } else {
    add(path + names_.query + ".weight", {width, hidden}, role + "query");
    add(path + names_.key + ".weight", {keyWidth, hidden}, role + "key");
    add(path + names_.value + ".weight", {keyWidth, hidden}, role + "value");
  }
  add(path + names_.output + ".weight", {hidden, width}, role + "output");
  if (attention.inputBias) {
    add(path + names_.query + ".bias", {width}, role + "query_bias");
    add(path + names_.key + ".bias", {keyWidth}, role + "key_bias");
    add(path + names_.value + ".bias", {keyWidth}, role + "value_bias");
  }
  if (attention.outputBias) add(path + names_.output + ".bias", {hidden}, role + "output_bias");
  if (attention.sinks) add(path + names_.sinks, {attention.heads}, role + "sinks");
  if (!hasWeights(attention.qkNorm)) return;
  const bool full = attention.qkNorm == QkNorm::full;
  add(path + names_.queryNorm + ".weight", {full ? width : attention.headWidth}, role + "query_norm");
  add(path + names_.keyNorm + ".weight", {full ? keyWidth : attention.headWidth}, role + "key_norm");
}

void Collector::addMlp(const std::string& onDisk, const std::string& parameter, std::int64_t width, bool fused) {
  if (fused) {
    add(onDisk + ".input_linear.weight", {2 * width, config_.hidden}, parameter + ".gate_up");
    add(onDisk + ".output_linear.weight", {config_.hidden, width}, parameter + ".down");
    return;
  }
  add(onDisk + ".gate_proj.weight", {width, config_.hidden}, parameter + ".gate_up");
  add(onDisk + ".up_proj.weight", {width, config_.hidden}, parameter + ".gate_up").firstRow = width;
  add(onDisk + ".down_proj.weight", {config_.hidden, width}, parameter + ".down");
}

void Collector::addSparse(const std::string& onDisk, const std::string& role) {
  const MoeConfig& moe = config_.moe;
  add(onDisk + names_.router, {moe.experts, config_.hidden}, role + "router");
  if (moe.router.kind == "sigmoid_bias" || moe.router.kind == "softmax_bias") {
    Slot& slot = add(onDisk + names_.routerBias, {moe.experts}, role + "router_bias");
    if (names_.routerBiasIsRow) {
      slot.shape = {1, moe.experts};
      slot.matrix = {moe.experts};
    }
  }
  if (moe.router.bias) add(onDisk + names_.routerLogitBias, {moe.experts}, role + "router_logit_bias");
  if (moe.router.kind == "noisy")
    add(onDisk + names_.routerNoise, {moe.experts, config_.hidden}, role + "router_noise");
  addExperts(onDisk, role);
  if (moe.sharedWidth > 0) addMlp(onDisk + names_.shared, role + "shared", moe.sharedWidth, names_.sharedFused);
  if (moe.sharedGate) add(onDisk + names_.sharedGate, {1, config_.hidden}, role + "shared.gate");
}

// One tensor of one expert, or of all of them.
struct Piece {
  const std::string& name;
  std::vector<std::int64_t> shape;  // of one expert in the decoder
  const char* parameter;
  std::int64_t firstRow = 0;
  bool transposed = false, interleaved = false;
};

std::vector<Piece> piecesOf(const ModelConfig& config, const ExpertLayout& layout) {
  const std::int64_t width = config.moe.expertWidth, hidden = config.hidden;
  std::vector<Piece> pieces;
  const bool turned = layout.gateUpTransposed;
  if (!layout.gateUp.empty()) {
    pieces.push_back({layout.gateUp, {2 * width, hidden}, "experts.gate_up", 0, turned, layout.interleaved});
  } else {
    pieces.push_back({layout.gate, {width, hidden}, "experts.gate_up", 0, turned});
    pieces.push_back({layout.up, {width, hidden}, "experts.gate_up", width, turned});
  }
  pieces.push_back({layout.down, {hidden, width}, "experts.down", 0, layout.downTransposed});
  if (!config.moe.expertBias) return pieces;
  if (!layout.gateUp.empty()) {
    pieces.push_back({layout.gateUpBias, {2 * width}, "experts.gate_up_bias", 0, false, layout.interleaved});
  } else {
    pieces.push_back({layout.gateBias, {width}, "experts.gate_up_bias"});
    pieces.push_back({layout.upBias, {width}, "experts.gate_up_bias", width});
  }
  pieces.push_back({layout.downBias, {hidden}, "experts.down_bias"});
  return pieces;
}

// The experts of one layer; `path` is "model.layers.3.mlp.experts".
class Experts {
 public:
  Experts(const ModelConfig& config, std::string path, std::string role, const StoredNames& stored)
      : config_(config), path_(std::move(path)), role_(std::move(role)), stored_(stored) {}
  std::int64_t count() const { return config_.moe.experts; }

  // The tensors of experts [from, to), or those of all where a tensor holds all.
  std::vector<Slot> slots(const ExpertLayout& layout, std::int64_t from, std::int64_t to) const {
    const std::vector<Piece> pieces = piecesOf(config_, layout);
    std::vector<Slot> slots;
    for (std::int64_t expert = from; expert < to; ++expert)
      for (const Piece& piece : pieces) slots.push_back(slotOf(layout, piece, expert));
    return slots;
  }

 private:
  Slot slotOf(const ExpertLayout& layout, const Piece& piece, std::int64_t expert) const {
    std::string name = piece.name;
    if (const std::size_t at = name.find('#'); at != std::string::npos) name.replace(at, 1, std::to_string(expert));
    Slot slot{stored_.find(path_ + name), piece.shape, role_ + piece.parameter};
    if (piece.transposed) std::swap(slot.shape.front(), slot.shape.back());
    slot.firstRow = piece.firstRow;
    slot.transposed = piece.transposed;
    slot.interleaved = piece.interleaved;
    if (layout.pieces == ExpertLayout::Pieces::separate) {
      slot.expert = expert;
      return slot;
    }
    slot.experts = count();
    slot.matrix = slot.shape;
    if (layout.pieces == ExpertLayout::Pieces::stacked)
      slot.shape.insert(slot.shape.begin(), count());
    else
      slot.shape.front() *= count();
    return slot;
  }

  const ModelConfig& config_;
  std::string path_, role_;
  const StoredNames& stored_;
};

// What speaks for a layout: the share of its tensors that are there, looking at the first and the last expert; those in
// the right shape count double.
double agreement(const Experts& experts, const ExpertLayout& layout, const Shards& shards) {
  std::vector<Slot> slots = experts.slots(layout, 0, 1);
  if (layout.pieces == ExpertLayout::Pieces::separate)
    std::ranges::move(experts.slots(layout, experts.count() - 1, experts.count()), std::back_inserter(slots));
  double found = 0;
  for (const Slot& slot : slots)
    if (const Shards::Place* place = shards.find(slot.name))
      found += std::ranges::equal(place->tensor->shape, slot.shape) ? 2 : 1;
  return found / static_cast<double>(slots.size());
}

// The family's own layout wherever nothing speaks more for another; a fused one is told from its transposed twin by the
// shapes of both matrices, of which at most one is square.
ExpertLayout layoutOf(const Experts& experts, const ExpertLayout& own, const Shards& shards) {
  ExpertLayout best = own;
  double most = agreement(experts, own, shards);
  for (const ExpertLayout& layout : expertLayouts()) {
    if (most == 2) break;
    if (!layout.gateUp.empty() && layout.interleaved != own.interleaved) continue;
    const double other = agreement(experts, layout, shards);
    if (other > most) best = layout, most = other;
  }
  return best;
}

void Collector::addExperts(const std::string& onDisk, const std::string& role) {
  const Experts experts(config_, onDisk + names_.experts, role, stored_);
  const Shards* shards = stored_.shards();
  const ExpertLayout layout = shards ? layoutOf(experts, names_.layout, *shards) : names_.layout;
  const bool separate = layout.pieces == ExpertLayout::Pieces::separate;
  const std::int64_t count = separate ? experts.count() : 1;
  // On the word of config.json alone no more is listed than the files can hold: what is missing is named, and no more.
  const bool tooMany = shards && slots_.size() + static_cast<std::size_t>(count) * 3 > shards->tensors().size() + 64;
  for (std::int64_t expert = 0; expert < count; ++expert)
    for (Slot& slot : experts.slots(layout, expert, expert + 1)) {
      const bool missing = tooMany && !shards->find(slot.name);
      if (!tooMany || missing) slots_.push_back(std::move(slot));
      if (missing) return;
    }
}

void Collector::addLayer(std::int64_t layer) {
  const std::string onDisk = fmt::format("{}{}.", names_.layers, layer), role = fmt::format("layers.{}.", layer);
  addNorm(onDisk + names_.attentionNorm, role + "attention_norm");
  addAttention(onDisk, role, config_.attentionOf(layer));
  addNorm(onDisk + names_.feedForwardNorm, role + "feed_forward_norm");
  if (config_.isSparse(layer))
    addSparse(onDisk, role);
  else
    addMlp(onDisk + names_.dense, role + "dense", config_.denseWidth, false);
}

}  // namespace

std::vector<Slot> decoderSlots(const ModelConfig& config, const TensorNames& names, const StoredNames& stored) {
  return Collector(config, names, stored).all();
}

}  // namespace moescope
