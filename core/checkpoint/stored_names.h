// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/checkpoint/shards.h"
#include "core/checkpoint/tensor_names.h"

namespace moescope {

// What the tensors of a folder are called where they are not called as the family calls them: below the prefix of a
// model with other parts ("model.language_model."), of a training wrapper ("module."), or as transformers 5 renames
// them in memory and may save them.
class StoredNames {
 public:
  StoredNames() = default;  // of no folder: every name is the family's own
  StoredNames(const Shards& shards, const TensorNames& names);

  // The name on disk; where no such tensor is there, the family's own below the folder's prefix.
  std::string find(const std::string& name) const;
  const Shards* shards() const { return shards_; }

 private:
  std::string prefixed(const std::string& name) const;
  const Shards* shards_ = nullptr;
  std::vector<std::pair<std::string, std::string>> renames_;
  std::string from_, to_;  // prefixes
};

}  // namespace moescope
