// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/module.h"

#include <dlfcn.h>

#include <filesystem>

#include "kernels/kernels.h"

namespace moescope::kernels {

const Table& cpuTable() {
  // The definitions return nothing, slots say whether the device worked: on a CPU it always does.
  static const Table table{
      .countAssignments = [](auto expert, auto count) { return countAssignments(expert, count), true; },
      .countByRank = [](auto expert, auto k, auto experts, auto rank) { return countByRank(expert, k, experts, rank), true; },
      .countByGroup = [](auto expert, auto k, auto experts, auto group,
                         auto grouped) { return countByGroup(expert, k, experts, group, grouped), true; },
      .countCoactivation = [](auto expert, auto k, auto experts, auto joint) { return countCoactivation(expert, k, experts, joint), true; },
      .countTransitions = [](auto expert, auto k, auto experts, auto next, auto nextK, auto nextExperts,
                             auto transition) { return countTransitions(expert, k, experts, next, nextK, nextExperts, transition), true; },
      .sumWeights = [](auto expert, auto weight, auto sum, auto nonfinite) { return sumWeights(expert, weight, sum, nonfinite), true; },
      .sortByExpert = [](auto expert, auto experts, auto order, auto offset) { return sortByExpert(expert, experts, order, offset), true; },
  };
  return table;
}

namespace {

constexpr const char* libraryName = "libmoescope_cuda.so";

// Beside the program, or in the library folder of the install tree.
std::filesystem::path findLibrary() {
  std::error_code code;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", code).parent_path();
  for (const char* place : {"", "../lib", "../lib/moescope", "../lib/x86_64-linux-gnu/moescope", "../bin"}) {
    const std::filesystem::path candidate = program / place / libraryName;
    if (std::filesystem::exists(candidate, code)) return candidate;
  }
  return {};
}

Module openModule() {
  std::error_code code;
  const std::filesystem::path library = findLibrary();
  if (library.empty()) return {.why = "not built (no nvcc when Moescope was built)"};
  if (!std::filesystem::exists("/dev/nvidiactl", code)) return {.why = "no device on this machine"};
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return {.why = std::string("cannot be opened: ") + ::dlerror()};
  const auto entry = reinterpret_cast<MoescopeKernelModule>(::dlsym(handle, "moescopeKernelModule"));
  if (entry == nullptr) return {.why = "cannot be opened: it is no kernel module"};
  char text[256] = {};
  const Table* table = entry(text, sizeof(text));
  if (table == nullptr) return {.why = text};
  if (table->version != moduleVersion || table->bytes < sizeof(Table))
    return {.why = "module version " + std::to_string(table->version) + ", this program needs " + std::to_string(moduleVersion)};
  return {.table = table, .device = text};
}

}  // namespace

const Module& cudaModule() {
  static const Module module = openModule();
  return module;
}

}  // namespace moescope::kernels
