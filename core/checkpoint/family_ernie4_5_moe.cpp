// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/checkpoint/families.h"
#include "core/checkpoint/hugging_face.h"

namespace moescope {
namespace {

// The layers with experts are those of a range whose number, counted from 1, is a multiple of an interval.
struct Range {
  std::int64_t start = 0, end = 0, interval = 1;
  bool operator()(std::int64_t layer) const { return (layer + 1) % interval == 0 && layer >= start && layer <= end; }
};

// The narrowest such range with the smallest interval, or none.
std::optional<Range> rangeOf(const ModelConfig& config) {
  std::vector<std::int64_t> sparse;
  for (std::int64_t layer = 0; layer < config.layers; ++layer)
    if (config.isSparse(layer)) sparse.push_back(layer);
  if (sparse.empty()) return {};
  const std::int64_t interval = sparse.size() > 1 ? sparse[1] - sparse[0] : 1;
  const Range range{sparse.front(), sparse.back(), interval};
  for (std::int64_t layer = 0; layer < config.layers; ++layer)
    if (range(layer) != config.isSparse(layer)) return {};
  return range;
}

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  return moe.experts > 0 && rangeOf(config) && !moe.sharedGate && moe.router.kind == "softmax_bias" &&
         moe.sharedWidth == moe.sharedExperts * moe.expertWidth && moe.router.capacity == 0 &&
         config.attention.qkNorm == QkNorm::none && config.attention.rope == RopeKind::interleaved &&
         !config.attention.inputBias && !config.attention.outputBias;
}

Json write(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  const Range range = rangeOf(config).value_or(Range());
  Json json = commonConfig(config, "ernie4_5_moe", "Ernie4_5_MoeForCausalLM");
  json["intermediate_size"] = config.denseWidth > 0 ? config.denseWidth : moe.expertWidth;
  json["moe_intermediate_size"] = moe.expertWidth;
  json["moe_num_experts"] = moe.experts;
  json["moe_num_shared_experts"] = moe.sharedExperts;
  json["moe_k"] = moe.topK;
  json["moe_layer_start_index"] = range.start;
  json["moe_layer_end_index"] = range.end;
  json["moe_layer_interval"] = range.interval;
  json["moe_norm_min"] = moe.router.option("softmax_bias.least", 1e-12);
  json["router_aux_loss_coef"] = moe.router.balance;
  json["output_router_logits"] = false;
  json["use_bias"] = false;
  return json;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader, {.theta = 500000, .tied = true});
  MoeConfig& moe = config.moe;
  config.denseWidth = reader.integer({"intermediate_size"}, 0);
  config.attention.rope = RopeKind::interleaved;
  readExperts(reader, moe);
  moe.expertWidth = reader.integer({"moe_intermediate_size"});
  readShared(reader, moe);
  const Range range{reader.integer({"moe_layer_start_index"}, 1), reader.integer({"moe_layer_end_index"}, -1),
                    reader.integer({"moe_layer_interval"}, 1)};
  if (range.interval < 1 || config.layers > 4096) reader.fail("\"moe_layer_interval\" must be at least 1");
  for (std::int64_t layer = 0; !reader.error() && layer < config.layers; ++layer)
    if (!Range{range.start, range.end == -1 ? config.layers : range.end, range.interval}(layer))
      moe.denseLayers.insert(layer);
  moe.router.kind = "softmax_bias";
  moe.router.options["softmax_bias.least"] = reader.real("moe_norm_min", 1e-12);
  if (reader.flag("use_bias", false)) reader.fail("\"use_bias\" is not computed by this version");
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  TensorNames names;
  names.routerBias = "mlp.moe_statics.e_score_correction_bias";
  names.routerBiasIsRow = true;
  names.renames = {{".mlp.moe_statics", ".mlp.gate.moe_statics"}};
  return names;
}

}  // namespace

Family ernieFamily() {
  return {"ernie4_5_moe", "Ernie4_5_MoeForCausalLM", matches, write, read, names};
}

}  // namespace moescope
