// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "core/checkpoint/family.h"
#include "core/model/decoder.h"
#include "core/text/tokenizer.h"

namespace moescope {

// Writes a Hugging Face folder (contract section 5): config.json, model-*.safetensors and their index, the tokenizer's
// files (none for null), and moescope.json with every switch and the keys of `record` (the request, the step ...). A
// family of `transformers` that computes the same is written in its names. Equal weights give equal bytes. Environment
// errors for a disk that is full.
Expected<void> saveModel(Decoder& decoder, const Tokenizer* tokenizer, const Json& record,
                         const std::filesystem::path& folder);

// Reads such a folder, or a released checkpoint of a family that is known here (F32, BF16, F16 or F64, to fp32). The
// tensors are checked against config.json before any memory is taken. Input errors name file, tensor and what differs.
// `router` stands in for the folder's own when training goes on; tensors that only it needs start at zero.
Expected<Decoder> loadModel(const std::filesystem::path& folder, at::Device device = at::kCPU,
                            const RouterConfig* router = nullptr);

}  // namespace moescope
