// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include "core/checkpoint/model_config.h"

namespace moescope {

// Whether attention over these takes kernels/cpu/attention.h: fp32 on a processor that has it, no gradient asked for.
bool takesAttentionPass(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                        const at::Tensor& sinks);

// softmax(scale query key^T) value of causal attention by the spans of `config`: query [B,heads,S,d], key
// [B,keyHeads,S,d], value [B,keyHeads,S,v] to [B,S,heads*v]; heads a multiple of keyHeads, neighbours share a key.
// sinks [heads] or undefined. Each sequence's values depend on nothing but the sequence.
at::Tensor attentionPass(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                         const at::Tensor& sinks, double scale, const AttentionConfig& config);

}  // namespace moescope
