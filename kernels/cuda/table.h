// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

// What the CUDA sources give the table: plain pointers, because nvcc reads this in C++17. Host memory; false when the device failed.
namespace moescope::kernels::cuda {

bool countAssignments(const std::uint16_t* expert, std::int64_t assignments, std::int64_t experts, std::int64_t* counts);
bool countByRank(const std::uint16_t* expert, std::int64_t assignments, std::int64_t k, std::int64_t experts, std::int64_t* rank);
bool countByGroup(const std::uint16_t* expert, std::int64_t tokens, std::int64_t k, std::int64_t experts, const std::uint32_t* group,
                  std::int64_t outputs, std::int64_t* grouped);
bool countPairs(const std::uint16_t* expert, std::int64_t tokens, std::int64_t k, std::int64_t experts, const std::uint16_t* next,
                std::int64_t nextK, std::int64_t nextExperts, std::int64_t* pairs);
bool sumWeights(const std::uint16_t* expert, const float* weight, std::int64_t assignments, std::int64_t experts, std::int64_t* sumThenNonfinite);
bool deviceName(char* text, std::size_t capacity);

}  // namespace moescope::kernels::cuda
