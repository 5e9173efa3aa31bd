// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/shards.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/sorted_runs.h"
#include "core/checkpoint/shard_index.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

constexpr const char* onlyFile = "model.safetensors";

bool scalable(const Dtype& dtype) {
  return dtype.name == "F32" || dtype.name == "BF16" || dtype.name == "F16" || dtype.name == "F8_E8M0";
}

bool byName(const Shards::Named& a, const Shards::Named& b) {
  return a.name < b.name;
}

// Every shard stays open, so that a file replaced later cannot mix with what was checked.
void allowFiles(std::size_t count) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || count + 128 <= limit.rlim_cur) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, count + 128);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

class ShardsReader {
 public:
  explicit ShardsReader(CheckpointFolder folder) : folder_(std::move(folder)) {}

  Expected<Shards> read() {
    shards_.folder_ = folder_.path();
    TRY(names, fileNames());
    TRY_DO(openFiles(names));
    sortRuns(shards_.tensors_, byName);
    TRY_DO(index_ ? matchIndex() : refuseTwice());
    for (const Shards::Named& tensor : shards_.tensors_) shards_.bytes_ += tensor.place.tensor->bytes;
    checkTotal();
    return std::move(shards_);
  }

 private:
  void warn(std::string sentence) { shards_.warnings_.push_back(std::move(sentence)); }
  std::string shown(const std::string& name) const { return (folder_.path() / name).string(); }

  // The same choice as transformers makes.
  Expected<std::vector<std::string>> fileNames() {
    const bool indexed = folder_.has(shardIndexName);
    if (folder_.has(onlyFile)) {
      if (indexed)
        warn(fmt::format("Both {} and {} are there: the first is read and the index is not, as transformers does.",
                         onlyFile, shardIndexName));
      return std::vector<std::string>{onlyFile};
    }
    if (indexed) {
      TRY_ASSIGN(index_, ShardIndex::read(folder_));
      if (index_->files.empty())
        return inputError(fmt::format("{} lists no tensor", shown(shardIndexName)), shown(shardIndexName));
      return index_->files;
    }
    TRY(names, folder_.names(".safetensors"));
    if (names.empty())
      return inputError(fmt::format("{} has no safetensors files", folder_.path().string()), folder_.path().string());
    if (names.size() > 1)
      warn(fmt::format("There is no {}: the tensors of all {} safetensors files are taken together.", shardIndexName,
                       names.size()));
    return names;
  }

  Expected<void> openFiles(const std::vector<std::string>& names) {
    allowFiles(names.size());
    for (const std::string& name : names) {
      if (index_ && !folder_.has(name))
        return inputError(fmt::format("{} is not there, but {} says that tensors lie in it: fetch the missing file",
                                      shown(name), shardIndexName),
                          shown(name));
      TRY(input, folder_.file(name));
      TRY(file, SafetensorsFile::open(std::move(input)));
      shards_.files_.push_back(std::make_unique<SafetensorsFile>(std::move(file)));
      const SafetensorsFile* here = shards_.files_.back().get();

      if (names.size() == 1) shards_.tensors_.reserve(here->tensors().size());
      for (const StoredTensor& tensor : here->tensors()) shards_.tensors_.push_back({tensor.name, {here, &tensor}});
    }
    return {};
  }

  Expected<void> refuseTwice() const {
    const auto twice =
        std::adjacent_find(shards_.tensors_.begin(), shards_.tensors_.end(),
                           [](const Shards::Named& a, const Shards::Named& b) { return a.name == b.name; });
    return twice == shards_.tensors_.end() ? Expected<void>() : inTwoFiles(twice[0], twice[1]);
  }
  static Error inTwoFiles(const Shards::Named& first, const Shards::Named& second) {
    const std::string file = second.place.file->path().string();
    return inputError(
        fmt::format(
            "{}: tensor \"{}\" is in {} too, and no index says which of the two is meant: remove one of the files",
            file, first.name.substr(0, 256), first.place.file->path().filename().string()),
        file, second.place.tensor->offset);
  }

  // Walks the tensors of the files and those of the index together; both are sorted by name.
  Expected<void> matchIndex() {
    std::vector<Shards::Named> kept;
    kept.reserve(shards_.tensors_.size());
    std::size_t unlisted = 0, elsewhere = 0;
    std::string_view firstUnlisted, firstElsewhere;
    auto entry = index_->tensors.begin();
    const auto& all = shards_.tensors_;
    for (std::size_t at = 0, end = 0; at < all.size(); at = end) {
      while (end < all.size() && all[end].name == all[at].name) ++end;
      if (entry != index_->tensors.end() && entry->tensor < all[at].name) return isNotThere(*entry);
      if (entry == index_->tensors.end() || entry->tensor != all[at].name) {
        if (end - at > 1) return inTwoFiles(all[at], all[at + 1]);
        if (unlisted++ == 0) firstUnlisted = all[at].name;
        kept.push_back(all[at]);
        continue;
      }
      const SafetensorsFile* meant = shards_.files_[entry->file].get();
      std::size_t chosen = at;
      while (chosen < end && all[chosen].place.file != meant) ++chosen;
      if (chosen == end) return isNotThere(*entry);
      if (end - at > 1 && elsewhere++ == 0) firstElsewhere = all[at].name;
      kept.push_back(all[chosen]);
      ++entry;
    }
    if (entry != index_->tensors.end()) return isNotThere(*entry);
    shards_.tensors_ = std::move(kept);
    if (unlisted > 0)
      warn(fmt::format("{} tensors are in the files but not in {}, the first is \"{}\": they are taken all the same.",
                       unlisted, shardIndexName, firstUnlisted.substr(0, 256)));
    if (elsewhere > 0)
      warn(fmt::format("{} tensors are in two files, the first is \"{}\": those that {} names are taken.", elsewhere,
                       firstElsewhere.substr(0, 256), shardIndexName));
    return {};
  }
  Error isNotThere(const ShardIndex::Entry& entry) const {
    const std::string& name = index_->files[entry.file];
    const auto at = static_cast<std::uint64_t>(entry.tensor.data() - index_->text.get());
    return inputError(fmt::format("{}, byte {}: tensor \"{}\" is not in {}, where the index says it is",
                                  shown(shardIndexName), at, entry.tensor.substr(0, 256), name),
                      shown(shardIndexName), at);
  }

  void checkTotal() {
    if (!index_ || !index_->totalSize || *index_->totalSize == static_cast<double>(shards_.bytes_)) return;
    warn(fmt::format("{} says that the tensors have {:.0f} bytes in all; they have {}.", shardIndexName,
                     *index_->totalSize, shards_.bytes_));
  }

  CheckpointFolder folder_;
  std::optional<ShardIndex> index_;
  Shards shards_;
};

Expected<Shards> Shards::open(const fs::path& folder) {
  TRY(files, CheckpointFolder::open(folder));
  return ShardsReader(std::move(files)).read();
}

const Shards::Place* Shards::find(std::string_view name) const {
  const auto found = std::lower_bound(tensors_.begin(), tensors_.end(), Named{name, {}}, byName);
  return found != tensors_.end() && found->name == name ? &found->place : nullptr;
}

namespace {

std::int64_t blocksIn(std::int64_t extent, std::int64_t block) {
  return extent / block + (extent % block != 0);
}

Expected<void> checkScales(const Shards::Named& scale, const Shards::Place* weight, const ScaleBlocks& blocks) {
  const StoredTensor& tensor = *scale.place.tensor;
  const std::string file = scale.place.file->path().string();
  const auto bad = [&](const std::string& reason) {
    return inputError(
        fmt::format("{}, byte {}: tensor \"{}\" {}", file, tensor.offset, scale.name.substr(0, 256), reason), file,
        tensor.offset);
  };
  if (blocks.rows < 1)
    return bad("has block scales, but config.json has no quantization_config with their weight_block_size");
  if (!weight) return bad("has scales for a weight that is not there");
  if (weight->tensor->dtype->name != "F8_E4M3")
    return bad(
        fmt::format("has scales for a weight of type {}; those of F8_E4M3 are read", weight->tensor->dtype->name));
  if (!scalable(*tensor.dtype))
    return bad(fmt::format("is of type {}; scales are F32, BF16, F16 or F8_E8M0", tensor.dtype->name));
  std::vector<std::int64_t> due = weight->tensor->shape;
  if (due.size() < 2) return bad("has block scales for what is no matrix");
  due[due.size() - 2] = blocksIn(due[due.size() - 2], blocks.rows);
  due.back() = blocksIn(due.back(), blocks.columns);
  if (tensor.shape == due) return {};
  return bad(fmt::format("has shape [{}], but its weight of [{}] in blocks of {} by {} needs [{}]",
                         fmt::join(tensor.shape, ", "), fmt::join(weight->tensor->shape, ", "), blocks.rows,
                         blocks.columns, fmt::join(due, ", ")));
}

}  // namespace

Expected<void> Shards::useScales(const ScaleBlocks& blocks) {
  for (const Named& scale : tensors_) {
    if (!isScale(scale.name)) continue;
    const std::string_view name = scaledName(scale.name);
    const auto weight = std::lower_bound(tensors_.begin(), tensors_.end(), Named{name, {}}, byName);
    const bool there = weight != tensors_.end() && weight->name == name;
    TRY_DO(checkScales(scale, there ? &weight->place : nullptr, blocks));
    scales_.push_back(std::make_unique<Scales>(Scales{scale.place, blocks}));
    weight->place.scales = scales_.back().get();
  }
  return {};
}

Expected<void> writeShards(const fs::path& folder, std::vector<TensorSource> tensors, std::uint64_t largest) {
  std::vector<std::vector<TensorSource>> parts(1);
  std::uint64_t total = 0, inPart = 0;
  for (TensorSource& tensor : tensors) {
    const Dtype* dtype = findDtype(tensor.dtype);
    const std::optional<std::uint64_t> bytes = dtype ? bytesOf(*dtype, tensor.shape) : std::nullopt;
    if (!bytes) return bugError(fmt::format("tensor \"{}\" has a type or shape that cannot be written", tensor.name));
    if (inPart > 0 && inPart + *bytes > largest) {
      parts.emplace_back();
      inPart = 0;
    }
    inPart += *bytes;
    total += *bytes;
    parts.back().push_back(std::move(tensor));
  }
  Json map = Json::object();
  for (std::size_t part = 0; part < parts.size(); ++part) {
    const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", part + 1, parts.size());
    for (const TensorSource& tensor : parts[part]) map[tensor.name] = name;
    TRY_DO(writeSafetensors(folder / name, std::move(parts[part])));
  }
  return writeFileSafely(folder / shardIndexName,
                         Json{{"metadata", {{"total_size", total}}}, {"weight_map", map}}.dump(2) + "\n");
}

}  // namespace moescope
