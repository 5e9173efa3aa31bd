// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace moescope {

Machine Machine::look() {
  Machine machine;
  cpu_set_t allowed;
  machine.threads = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
  machine.memory =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) machine.processor = line.substr(colon + 2);
    break;
  }
  for (int index = 0; index < 64; ++index) {
    const std::string node = "/dev/nvidia" + std::to_string(index);
    if (std::filesystem::exists(node)) machine.devices.push_back(node);
  }
  return machine;
}

Json devicesJson(const Machine& machine) {
  Json devices = Json::array();
  devices.push_back(
      {{"name", "cpu"}, {"title", machine.processor}, {"threads", machine.threads}, {"memory", machine.memory}});
  for (std::size_t index = 0; index < machine.devices.size(); ++index)
    devices.push_back({{"name", "cuda:" + std::to_string(index)}, {"title", "NVIDIA GPU " + std::to_string(index)}});
  return devices;
}

}  // namespace moescope
