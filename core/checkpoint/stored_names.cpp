// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/stored_names.h"

#include <array>

namespace moescope {
namespace {

struct Prefix {
  const char *from, *to;
};
// Of text models within models of images and speech, of training wrappers, and of a decoder saved without its head.
constexpr std::array prefixes{Prefix{"", ""},
                              Prefix{"model.", "model.language_model."},
                              Prefix{"", "language_model."},
                              Prefix{"model.", "language_model."},
                              Prefix{"model.", "model.text_model."},
                              Prefix{"", "thinker."},
                              Prefix{"", "model."},
                              Prefix{"", "module."},
                              Prefix{"", "_orig_mod."},
                              Prefix{"", "base_model.model."},
                              Prefix{"model.", ""},
                              Prefix{"transformer.", ""}};

std::string renamed(std::string name, const std::pair<std::string, std::string>& rule) {
  const std::size_t at = name.find(rule.first);
  return at == std::string::npos ? name : name.replace(at, rule.first.size(), rule.second);
}

}  // namespace

StoredNames::StoredNames(const Shards& shards, const TensorNames& names) : shards_(&shards), renames_(names.renames) {
  for (const Prefix& prefix : prefixes) {
    from_ = prefix.from;
    to_ = prefix.to;
    if (names.embedding.starts_with(from_) && shards.find(prefixed(names.embedding))) return;
  }
  from_ = to_ = {};
}

std::string StoredNames::prefixed(const std::string& name) const {
  return name.starts_with(from_) ? to_ + name.substr(from_.size()) : name;
}

std::string StoredNames::find(const std::string& name) const {
  const std::string own = prefixed(name);
  if (!shards_ || renames_.empty() || shards_->find(own)) return own;
  std::string all = own;
  for (const auto& rule : renames_) {
    const std::string one = renamed(own, rule);
    if (shards_->find(one)) return one;
    all = renamed(all, rule);
    if (shards_->find(all)) return all;
  }
  return own;
}

}  // namespace moescope
