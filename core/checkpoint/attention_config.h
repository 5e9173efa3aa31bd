// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/checkpoint/hugging_face.h"

namespace moescope {

// Rotary positions in both spellings: rope_theta with rope_scaling and partial_rotary_factor (transformers 4), or all
// of it in rope_parameters (transformers 5). `length` is max_position_embeddings. Fails for kinds that this version
// does not compute.
void readRotary(ConfigReader& read, std::int64_t length, const RotaryDefaults& defaults, AttentionConfig& into);
// The same, in both spellings.
void writeRotary(const AttentionConfig& attention, Json& json);

// Latent attention in DeepSeek's words: q_lora_rank (null: none), kv_lora_rank, the widths of a head's parts,
// attention_bias. Rotary pairs are interleaved unless the family changes that.
void readLatent(ConfigReader& read, AttentionConfig& into);
void writeLatent(const AttentionConfig& attention, Json& json);

// The span of every layer's attention by layer_types ("full_attention", "sliding_attention", "chunked_attention"), or,
// where that is missing, by `sliding`(layer); `window` is in tokens. Call it last: layers differ from config.attention
// in their span alone.
void readSpans(ConfigReader& read, std::int64_t window, bool (*sliding)(std::int64_t layer, ConfigReader& read),
               ModelConfig& config);
// Every layer's span is the same sliding window, unless that is 0.
void slideEverywhere(std::int64_t window, ModelConfig& config);

std::vector<std::string> layerTypes(const ModelConfig& config);
// The window of the layers that have one, or null.
Json slidingWindow(const ModelConfig& config);

}  // namespace moescope
