// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/base/expected.h"
#include "core/model/named_tensor.h"

namespace moescope {

// Where a run can go on: tensors by name (weights, moments, buffers, what the probe saw) and small facts as JSON.
struct ResumeState {
  std::int64_t step = 0;                      // the next step to make
  Json facts;                                 // live values of the schedule, and what else a step depends on
  std::map<std::string, at::Tensor> tensors;  // fp32 or int64, on the CPU
};

// One HDF5 file, written beside and renamed: after a kill there is this state or the one before, never half of one.
Expected<void> saveState(const ResumeState& state, const std::filesystem::path& folder);
// Nothing when there is none.
Expected<std::optional<ResumeState>> loadState(const std::filesystem::path& folder);

// Copies the tensors of `from` into those of `into` of the same name. Input error for one that is missing or of another
// shape.
Expected<void> restore(const ResumeState& from, std::vector<NamedTensor> into);

}  // namespace moescope
