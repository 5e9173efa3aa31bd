// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>

// The kernels as a table, so that a device is a table more. A null slot falls back to the CPU, operation by operation.
namespace moescope::kernels {

inline constexpr std::uint32_t moduleVersion = 1;

// Same meaning as the functions of kernels.h; spans are host memory, and a slot returns false when its device failed.
struct Table {
  std::uint32_t version = moduleVersion;  // read before anything else
  std::uint32_t bytes = sizeof(Table);
  bool (*countAssignments)(std::span<const std::uint16_t> expert, std::span<std::int64_t> count) = nullptr;
  bool (*countByRank)(std::span<const std::uint16_t> expert, std::int64_t k, std::int64_t experts, std::span<std::int64_t> rank) = nullptr;
  bool (*countByGroup)(std::span<const std::uint16_t> expert, std::int64_t k, std::int64_t experts, std::span<const std::uint32_t> group,
                       std::span<std::int64_t> grouped) = nullptr;
  bool (*countCoactivation)(std::span<const std::uint16_t> expert, std::int64_t k, std::int64_t experts, std::span<std::int64_t> joint) = nullptr;
  bool (*countTransitions)(std::span<const std::uint16_t> expert, std::int64_t k, std::int64_t experts, std::span<const std::uint16_t> next,
                           std::int64_t nextK, std::int64_t nextExperts, std::span<std::int64_t> transition) = nullptr;
  bool (*sumWeights)(std::span<const std::uint16_t> expert, std::span<const float> weight, std::span<std::int64_t> sum,
                     std::span<std::int64_t> nonfinite) = nullptr;
  bool (*sortByExpert)(std::span<const std::uint16_t> expert, std::int64_t experts, std::span<std::int64_t> order,
                       std::span<std::int64_t> offset) = nullptr;
};

// The definition: every slot is there.
const Table& cpuTable();

// The CUDA module: a library opened at run time, only when a device is there. `table` is null otherwise, and `why` says why:
// "not built", "no device on this machine", "cannot be opened: ...". Opened once; never unloaded.
struct Module {
  const Table* table = nullptr;
  std::string device;  // its name, when there is one
  std::string why;
};
const Module& cudaModule();

}  // namespace moescope::kernels

// What the module's library exports: fills `device` (a name of at most `capacity` bytes) and gives the table, or null with the reason.
extern "C" {
using MoescopeKernelModule = const moescope::kernels::Table* (*)(char* text, std::size_t capacity);
}
