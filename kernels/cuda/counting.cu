// SPDX-License-Identifier: GPL-3.0-or-later
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>

#include "kernels/cuda/bodies.h"
#include "kernels/cuda/table.h"

namespace moescope::kernels::cuda {

namespace {

constexpr std::int64_t threadsPerBlock = 256;
constexpr std::int64_t ownOutputs = 4096;  // 32 KiB of shared memory: four blocks a multiprocessor

// Memory of the device, freed when it goes out of scope.
template <class T>
class OnDevice {
 public:
  OnDevice(const T* host, std::size_t count) : count_(count) {
    ok_ = cudaMalloc(reinterpret_cast<void**>(&device_), std::max<std::size_t>(1, count) * sizeof(T)) == cudaSuccess &&
          cudaMemcpy(device_, host, count * sizeof(T), cudaMemcpyHostToDevice) == cudaSuccess;
  }
  ~OnDevice() { cudaFree(device_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  bool ok() const { return ok_; }
  T* get() const { return device_; }
  bool back(T* host) const { return cudaMemcpy(host, device_, count_ * sizeof(T), cudaMemcpyDeviceToHost) == cudaSuccess; }

 private:
  T* device_ = nullptr;
  std::size_t count_;
  bool ok_ = false;
};

template <class Body>
__global__ void count(Body body, std::int64_t items, std::int64_t outputs, bool hasOwn, unsigned long long* total) {
  extern __shared__ unsigned long long shared[];
  unsigned long long* own = hasOwn ? shared : nullptr;
  const Block block{blockIdx.x, gridDim.x, blockDim.x, items, outputs};
  const auto addOwn = [&](std::int64_t index, std::int64_t amount) { atomicAdd(own + index, static_cast<unsigned long long>(amount)); };
  const auto addTotal = [&](std::int64_t index, std::int64_t amount) { atomicAdd(total + index, static_cast<unsigned long long>(amount)); };
  block.clear(threadIdx.x, own);
  __syncthreads();
  block.add(threadIdx.x, body, hasOwn, addOwn, addTotal);
  __syncthreads();
  block.flush(threadIdx.x, own, addTotal);
}

// Two's complement makes unsigned atomic additions right for signed amounts.
template <class Body>
bool run(const Body& body, std::int64_t items, std::int64_t* hostTotal, std::size_t outputs) {
  OnDevice<std::int64_t> total(hostTotal, outputs);
  if (!total.ok()) return false;
  if (items > 0) {
    const bool hasOwn = static_cast<std::int64_t>(outputs) <= ownOutputs;
    const std::int64_t blocks = std::min<std::int64_t>((items + threadsPerBlock - 1) / threadsPerBlock, 1024);
    count<<<static_cast<unsigned>(blocks), static_cast<unsigned>(threadsPerBlock), hasOwn ? outputs * sizeof(unsigned long long) : 0>>>(
        body, items, static_cast<std::int64_t>(outputs), hasOwn, reinterpret_cast<unsigned long long*>(total.get()));
    if (cudaGetLastError() != cudaSuccess || cudaDeviceSynchronize() != cudaSuccess) return false;
  }
  return total.back(hostTotal);
}

}  // namespace

bool countAssignments(const std::uint16_t* expert, std::int64_t assignments, std::int64_t experts, std::int64_t* counts) {
  OnDevice<std::uint16_t> ids(expert, assignments);
  return ids.ok() && run(CountAssignments{ids.get(), experts}, assignments, counts, experts);
}

bool countByRank(const std::uint16_t* expert, std::int64_t assignments, std::int64_t k, std::int64_t experts, std::int64_t* rank) {
  OnDevice<std::uint16_t> ids(expert, assignments);
  return ids.ok() && run(CountByRank{ids.get(), k, experts}, assignments, rank, k * experts);
}

bool countByGroup(const std::uint16_t* expert, std::int64_t tokens, std::int64_t k, std::int64_t experts, const std::uint32_t* group,
                  std::int64_t outputs, std::int64_t* grouped) {
  OnDevice<std::uint16_t> ids(expert, tokens * k);
  OnDevice<std::uint32_t> groups(group, tokens);
  return ids.ok() && groups.ok() && run(CountByGroup{ids.get(), k, experts, groups.get()}, tokens * k, grouped, outputs);
}

bool countPairs(const std::uint16_t* expert, std::int64_t tokens, std::int64_t k, std::int64_t experts, const std::uint16_t* next,
                std::int64_t nextK, std::int64_t nextExperts, std::int64_t* pairs) {
  OnDevice<std::uint16_t> ids(expert, tokens * k), nextIds(next, tokens * nextK);
  return ids.ok() && nextIds.ok() &&
         run(CountPairs{ids.get(), k, experts, nextIds.get(), nextK, nextExperts}, tokens * k * nextK, pairs, experts * nextExperts);
}

bool sumWeights(const std::uint16_t* expert, const float* weight, std::int64_t assignments, std::int64_t experts, std::int64_t* sumThenNonfinite) {
  OnDevice<std::uint16_t> ids(expert, assignments);
  OnDevice<float> weights(weight, assignments);
  return ids.ok() && weights.ok() && run(SumWeights{ids.get(), weights.get(), experts}, assignments, sumThenNonfinite, 2 * experts);
}

bool deviceName(char* text, std::size_t capacity) {
  int devices = 0;
  cudaDeviceProp properties{};
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess || devices == 0 || cudaGetDeviceProperties(&properties, 0) != cudaSuccess) {
    std::snprintf(text, capacity, "no usable device: %s", error == cudaSuccess ? "none found" : cudaGetErrorString(error));
    return false;
  }
  std::snprintf(text, capacity, "%s", properties.name);
  return true;
}

}  // namespace moescope::kernels::cuda
