// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/device.h"

#include <ATen/Context.h>
#include <dlfcn.h>
#include <fmt/core.h>

#include <charconv>
#include <filesystem>

namespace moescope {
namespace {

// The number behind "cuda:"; nothing for a name that is none.
std::optional<int> cudaIndex(const std::string& name) {
  if (name == "auto" || name == "cuda") return 0;
  if (!name.starts_with("cuda:")) return std::nullopt;
  int index = 0;
  const char* end = name.data() + name.size();
  const auto [stop, failure] = std::from_chars(name.data() + 5, end, index);
  if (failure != std::errc() || stop != end || index < 0 || index > 127) return std::nullopt;
  return index;
}

// Registers LibTorch's CUDA half with the CPU half; costs a second and a gigabyte, so only for who asks and has a
// device.
Expected<void> openCuda() {
  std::error_code failure;
  if (!std::filesystem::exists("/dev/nvidia0", failure))
    return environmentError("this machine has no NVIDIA device (/dev/nvidia0 is not there): use --device cpu");
  static void* const library = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL);
  if (!library) {
    const char* reason = dlerror();
    return environmentError(fmt::format("the CUDA half of LibTorch cannot be opened: {}; use --device cpu",
                                        reason ? reason : "libtorch_cuda.so is not among its libraries"));
  }
  if (!at::hasCUDA())
    return environmentError("the CUDA half of LibTorch is open and finds no usable device: use --device cpu");
  return {};
}

}  // namespace

Expected<c10::Device> pickDevice(const std::string& name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  const std::optional<int> index = cudaIndex(name);
  if (!index) return usageError(fmt::format("there is no device \"{}\": use cpu, cuda, cuda:N or auto", name));
  const Expected<void> opened = openCuda();
  if (!opened) {
    if (name == "auto") return c10::Device(c10::kCPU);
    return opened.error();
  }
  const int devices = static_cast<int>(at::getNumGPUs());
  if (*index >= devices)
    return environmentError(fmt::format("there is no device cuda:{}: this machine has {} of them", *index, devices));
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(*index));
}

}  // namespace moescope
