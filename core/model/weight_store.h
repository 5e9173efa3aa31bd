// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/checkpoint/inventory.h"

namespace moescope {

// A parameter as it was read, in the decoder's orientation and in the type that it is stored in (fp32 where that is
// none of F32, BF16 and F16); of a stacked one, one expert's.
struct StoredParameter {
  std::string name;  // role: "layers.3.query"
  at::Tensor value;  // [rows, columns]; a vector has one column
};

// A checkpoint's weights by role, where they lie on disk, in the parts that a forward needs together. Nothing is
// resident. Reading: any thread.
class WeightStore {
 public:
  struct Part {
    std::vector<const Slot*> slots;
    std::int64_t expert = -1;                 // which of a stack; -1: no experts
    std::uint64_t bytes = 0, parameters = 0;  // on disk; numbers
    std::uint64_t resident = 0;               // bytes in memory as read
  };

  // Checks the tensors against config.json (readInventory) and takes no memory for them.
  static Expected<WeightStore> open(const std::filesystem::path& folder);
  WeightStore(WeightStore&&) noexcept;
  WeightStore& operator=(WeightStore&&) noexcept;
  ~WeightStore();

  const ModelConfig& config() const;
  const Inventory& inventory() const;
  std::uint64_t bytes() const;  // of all parts

  const Part& embedding() const;
  const Part& head() const;                     // the embedding when tied
  const Part& ends() const;                     // what else belongs to no layer: the last norm
  const Part& layer(std::int64_t index) const;  // norms, attention, router, shared experts or dense MLP
  const Part& expert(std::int64_t layer, std::int64_t expert) const;
  std::vector<const Part*> parts() const;  // all of them, from the embedding to the head

  // Past the page cache when `once`. Input errors as the files give them.
  Expected<std::vector<StoredParameter>> read(const Part& part, bool once) const;
  // Rows of the matrix of embedding() or head(), in their stored type.
  Expected<at::Tensor> readRows(const Part& part, std::int64_t first, std::int64_t count, bool once) const;

 private:
  struct State;
  explicit WeightStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moescope
