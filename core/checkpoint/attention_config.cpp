// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/attention_config.h"

#include <fmt/core.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace moescope {
namespace {

constexpr std::array<std::pair<const char*, RopeScaling>, 7> scalings{{{"default", RopeScaling::none},
                                                                       {"linear", RopeScaling::linear},
                                                                       {"dynamic", RopeScaling::dynamic},
                                                                       {"yarn", RopeScaling::yarn},
                                                                       {"llama3", RopeScaling::llama3},
                                                                       {"longrope", RopeScaling::longrope},
                                                                       {"su", RopeScaling::longrope}}};

std::string shown(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

RopeScaling kindOf(ConfigReader& rope) {
  const char* key = rope.has("rope_type") ? "rope_type" : "type";
  if (!rope.has(key)) return RopeScaling::none;
  const Json& given = rope.at(key);
  for (const auto& [name, kind] : scalings)
    if (given == name) return kind;
  rope.fail(fmt::format("rotary positions of type {} are not computed by this version", shown(given)));
  return RopeScaling::none;
}

RotaryScaling readScaling(ConfigReader& rope, RopeScaling kind, std::int64_t length, std::int64_t original) {
  RotaryScaling scaling;
  scaling.kind = kind;
  if (kind == RopeScaling::dynamic && rope.has("alpha")) {  // Hunyuan: the base has grown for good
    scaling.kind = RopeScaling::ntk;
    scaling.factor = rope.real("alpha", 1);
    return scaling;
  }
  // The others follow from two lengths where their factor is not given.
  const bool needs = kind == RopeScaling::linear || kind == RopeScaling::dynamic || kind == RopeScaling::llama3;
  if (needs && !rope.has("factor")) rope.fail("\"factor\" is missing");
  if (kind == RopeScaling::llama3 && !(rope.has("low_freq_factor") && rope.has("high_freq_factor")))
    rope.fail("\"low_freq_factor\" or \"high_freq_factor\" is missing");
  // What was trained goes before what the whole sequence may be.
  scaling.original = kind == RopeScaling::dynamic ? length
                     : original > 0               ? original
                                                  : rope.integer({"original_max_position_embeddings"}, length);
  if (kind == RopeScaling::linear) scaling.original = 0;
  const double longer = scaling.original > 0 ? static_cast<double>(length) / static_cast<double>(scaling.original) : 1;
  scaling.factor = rope.real("factor", longer);
  scaling.amplitude = rope.real("attention_factor", 0);
  scaling.fast = rope.real("beta_fast", scaling.fast);
  scaling.slow = rope.real("beta_slow", scaling.slow);
  scaling.truncate = rope.flag("truncate", scaling.truncate);
  scaling.mscale = rope.real("mscale", 0);
  scaling.mscaleAll = rope.real("mscale_all_dim", 0);
  scaling.low = rope.real("low_freq_factor", scaling.low);
  scaling.high = rope.real("high_freq_factor", scaling.high);
  scaling.shortFactor = rope.reals("short_factor");
  scaling.longFactor = rope.reals("long_factor");
  scaling.shortScale = rope.real("short_mscale", 0);
  scaling.longScale = rope.real("long_mscale", 0);
  return scaling;
}

// One of the two objects; what it does not give stays.
void readRope(ConfigReader& read, const char* key, std::int64_t length, double& theta, double& part,
              RotaryScaling& scaling) {
  if (!read.at(key).is_object()) return read.fail(fmt::format("\"{}\" must be an object", key));
  for (const char* type : {"full_attention", "sliding_attention", "chunked_attention"})
    if (read.at(key).contains(type))
      return read.fail(
          fmt::format("\"{}\" gives rotary positions by type of layer, which this version does not compute", key));
  ConfigReader rope = read.inner(key);
  theta = rope.real("rope_theta", theta);
  part = rope.real("partial_rotary_factor", part);
  const RopeScaling kind = kindOf(rope);
  if (kind != RopeScaling::none)
    scaling = readScaling(rope, kind, length, read.integer({"original_max_position_embeddings"}, 0));
  if (rope.error()) read.fail(rope.error()->message);
}

}  // namespace

void readRotary(ConfigReader& read, std::int64_t length, const RotaryDefaults& defaults, AttentionConfig& into) {
  into.ropeTheta = read.real("rope_theta", defaults.theta);
  double part = read.real("partial_rotary_factor", defaults.part.value_or(1));
  RotaryScaling older;
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!read.has(key)) continue;
    older = into.scaling;
    readRope(read, key, length, into.ropeTheta, part, into.scaling);
  }
  if (older.kind != RopeScaling::none && older != into.scaling)
    read.fail("\"rope_scaling\" and \"rope_parameters\" contradict each other");
  if (part == 1) return;
  if (!defaults.part) return read.fail("rotary positions over a part of a head are not known in this family");
  if (!(part > 0) || part > 1) return read.fail("\"partial_rotary_factor\" must lie between 0 and 1");
  into.rotaryWidth = static_cast<std::int64_t>(static_cast<double>(into.headWidth) * part);
}

void writeRotary(const AttentionConfig& attention, Json& json) {
  const RotaryScaling& scaling = attention.scaling;
  Json rope = {{"rope_type", "default"}, {"rope_theta", attention.ropeTheta}};
  for (const auto& [name, kind] : scalings)
    if (kind == scaling.kind) {
      rope["rope_type"] = name;
      break;
    }
  const auto optional = [&](const char* key, double value) {
    if (value > 0) rope[key] = value;
  };
  const RopeScaling kind = scaling.kind;
  if (kind != RopeScaling::none) rope["factor"] = scaling.factor;
  if (kind == RopeScaling::ntk) rope.update({{"rope_type", "dynamic"}, {"alpha", scaling.factor}, {"factor", 1.0}});
  if (kind == RopeScaling::yarn || kind == RopeScaling::llama3 || kind == RopeScaling::longrope)
    rope["original_max_position_embeddings"] = scaling.original;
  if (kind == RopeScaling::yarn || kind == RopeScaling::longrope) optional("attention_factor", scaling.amplitude);
  if (kind == RopeScaling::yarn) {
    rope["beta_fast"] = scaling.fast;
    rope["beta_slow"] = scaling.slow;
    if (!scaling.truncate) rope["truncate"] = false;
    optional("mscale", scaling.mscale);
    optional("mscale_all_dim", scaling.mscaleAll);
  }
  if (kind == RopeScaling::llama3) {
    rope["low_freq_factor"] = scaling.low;
    rope["high_freq_factor"] = scaling.high;
  }
  if (kind == RopeScaling::longrope) {
    rope["short_factor"] = scaling.shortFactor;
    rope["long_factor"] = scaling.longFactor;
    optional("short_mscale", scaling.shortScale);
    optional("long_mscale", scaling.longScale);
  }
  if (attention.rotaryWidth > 0) {
    const auto whole = static_cast<double>(attention.headWidth);
    double part = static_cast<double>(attention.rotaryWidth) / whole;
    while (static_cast<std::int64_t>(whole * part) < attention.rotaryWidth) part = std::nextafter(part, 2);
    rope["partial_rotary_factor"] = part;
    json["partial_rotary_factor"] = part;
  }
  // The first two are read by transformers 4 and by serving engines, the last by transformers 5.
  json["rope_theta"] = attention.ropeTheta;
  if (kind != RopeScaling::none) json["rope_scaling"] = rope;
  json["rope_parameters"] = std::move(rope);
}

void readLatent(ConfigReader& read, AttentionConfig& into) {
  LatentConfig& latent = into.latent;
  into.kind = AttentionKind::latent;
  into.rope = RopeKind::interleaved;
  into.inputBias = into.outputBias = read.flag("attention_bias", false);
  latent.queryRank = read.integer({"q_lora_rank"}, 0);
  latent.rank = read.integer({"kv_lora_rank"});
  latent.plain = read.integer({"qk_nope_head_dim"});
  latent.rotary = read.integer({"qk_rope_head_dim"});
  latent.value = read.integer({"v_head_dim"});
  into.headWidth = latent.plain + latent.rotary;
  // The key heads that config.json may speak of are those of the shared vector, which is one.
  into.keyHeads = into.heads;
}

void writeLatent(const AttentionConfig& attention, Json& json) {
  const LatentConfig& latent = attention.latent;
  json["q_lora_rank"] = latent.queryRank > 0 ? Json(latent.queryRank) : Json();
  json["kv_lora_rank"] = latent.rank;
  json["qk_nope_head_dim"] = latent.plain;
  json["qk_rope_head_dim"] = latent.rotary;
  json["v_head_dim"] = latent.value;
  json["head_dim"] = latent.rotary;
  json["attention_bias"] = attention.inputBias;
}

void readSpans(ConfigReader& read, std::int64_t window, bool (*sliding)(std::int64_t layer, ConfigReader& read),
               ModelConfig& config) {
  const bool listed = read.has("layer_types");
  if (listed && !read.at("layer_types").is_array()) return read.fail("\"layer_types\" must be a list");
  if (listed && static_cast<std::int64_t>(read.at("layer_types").size()) < config.layers)
    return read.fail("\"layer_types\" is shorter than there are layers");
  for (std::int64_t layer = 0; layer < std::min<std::int64_t>(config.layers, 4096); ++layer) {
    AttentionSpan span = AttentionSpan::full;
    if (listed) {
      const Json& type = read.at("layer_types")[static_cast<std::size_t>(layer)];
      if (type == "sliding_attention")
        span = AttentionSpan::sliding;
      else if (type == "chunked_attention")
        span = AttentionSpan::chunked;
      else if (type != "full_attention")
        return read.fail(fmt::format("\"layer_types\" holds {}, which this version does not compute", shown(type)));
    } else if (sliding && sliding(layer, read)) {
      span = AttentionSpan::sliding;
    }
    if (span == AttentionSpan::full) continue;
    if (window < 1) return read.fail("layers with a window need its length");
    AttentionConfig& other = config.otherAttention.try_emplace(layer, config.attentionOf(layer)).first->second;
    other.span = span;
    other.window = window;
  }
}

void slideEverywhere(std::int64_t window, ModelConfig& config) {
  if (window == 0) return;
  config.attention.span = AttentionSpan::sliding;
  config.attention.window = window;
}

std::vector<std::string> layerTypes(const ModelConfig& config) {
  std::vector<std::string> types;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const AttentionSpan span = config.attentionOf(layer).span;
    types.emplace_back(span == AttentionSpan::sliding   ? "sliding_attention"
                       : span == AttentionSpan::chunked ? "chunked_attention"
                                                        : "full_attention");
  }
  return types;
}

Json slidingWindow(const ModelConfig& config) {
  for (std::int64_t layer = 0; layer < config.layers; ++layer)
    if (config.attentionOf(layer).span == AttentionSpan::sliding) return config.attentionOf(layer).window;
  return nullptr;
}

}  // namespace moescope
