// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/folder_export.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/base/part_file.h"
#include "core/checkpoint/shard_index.h"
#include "core/checkpoint/shards.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

// The folder that is being written; it gets its name once it is whole.
class PartFolder {
 public:
  static Expected<PartFolder> create(const fs::path& out) {
    const fs::path plain = out.has_filename() ? out : out.parent_path();
    std::error_code failure;
    if (fs::exists(plain, failure) && !(fs::is_directory(plain, failure) && fs::is_empty(plain, failure)))
      return usageError(fmt::format("{} is there already: give a new folder", plain.string()));
    PartFolder folder(plain);
    fs::remove_all(folder.part_, failure);  // of an export that was killed
    TRY_DO(makeFolders(folder.part_));
    return folder;
  }
  PartFolder(PartFolder&& other) noexcept : out_(std::move(other.out_)), part_(std::exchange(other.part_, {})) {}
  PartFolder& operator=(PartFolder&&) = delete;
  ~PartFolder() {
    std::error_code ignored;
    if (!part_.empty()) fs::remove_all(part_, ignored);
  }
  const fs::path& path() const { return part_; }
  Expected<void> finish() {
    TRY_DO(syncFolder(part_));
    std::error_code failure;
    fs::rename(part_, out_, failure);
    if (failure) return systemError("rename", out_.string(), failure.value());
    part_.clear();
    return syncFolder(out_.has_parent_path() ? out_.parent_path() : fs::path("."));
  }

 private:
  explicit PartFolder(const fs::path& out) : out_(out), part_(out) {
    part_.replace_filename("." + out.filename().string() + ".part");
  }
  fs::path out_, part_;
};

class Exporter {
 public:
  Exporter(const Shards& shards, const CheckpointFolder& from, const fs::path& to, const CopyProgress& progress)
      : shards_(shards), from_(from), to_(to), progress_(progress) {}

  Expected<void> run() {
    TRY(others, otherFiles());
    for (const std::string& name : others) {
      TRY(file, from_.file(name));
      total_ += file.size();
    }
    for (const auto& file : shards_.files()) total_ += file->file().size();
    TRY_DO(checkSpace());
    for (const std::string& name : others) {
      TRY(input, from_.file(name));
      TRY(output, PartFile::create(to_ / name));
      TRY_DO(copy(output, input, 0));
      TRY_DO(output.finish());
    }
    for (const auto& file : shards_.files()) TRY_DO(copyShard(*file));
    return shards_.files().size() > 1 && !keepsIndex() ? writeIndex() : Expected<void>();
  }

 private:
  // One file of any name is what transformers looks for under one.
  std::string nameOf(const SafetensorsFile& file) const {
    return shards_.files().size() == 1 && !keepsIndex() ? "model.safetensors" : file.path().filename().string();
  }
  bool keepsIndex() const {
    return from_.has(shardIndexName) && !from_.has("model.safetensors") && shards_.warnings().empty();
  }

  // All but weights: of those only the files that were read are the model's. Other forms of the same weights stay.
  Expected<std::vector<std::string>> otherFiles() const {
    TRY(names, from_.names(""));
    std::erase_if(names, [&](const std::string& name) {
      if (name == shardIndexName) return !keepsIndex();
      constexpr std::array endings{".safetensors", ".gguf", ".h5", ".msgpack", ".onnx", ".onnx_data", ".ckpt", ".pth"};
      const auto ends = [&](const char* ending) { return name.ends_with(ending); };
      return std::any_of(endings.begin(), endings.end(), ends) || name.starts_with("pytorch_model");
    });
    return names;
  }

  Expected<void> checkSpace() const {
    std::error_code failure;
    const fs::space_info space = fs::space(to_, failure);
    if (failure || space.available >= total_) return {};
    return environmentError(fmt::format("{} has {} bytes free, but the model has {}: free some space or choose another "
                                        "place",
                                        to_.parent_path().string(), space.available, total_),
                            to_.parent_path().string());
  }

  Expected<void> copy(PartFile& output, const InputFile& input, std::uint64_t from) {
    constexpr std::uint64_t block = 64 << 20;
    for (std::uint64_t at = from; at < input.size(); at += block) {
      const std::uint64_t here = std::min(block, input.size() - at);
      TRY_DO(output.copy(input, at, here));
      done_ += here;
      if (progress_ && !progress_(done_, total_)) return cancelledError();
    }
    return {};
  }

  Expected<void> copyShard(const SafetensorsFile& file) {
    TRY(output, PartFile::create(to_ / nameOf(file)));
    TRY(metadata, file.metadata());
    constexpr std::array formats{"pt", "tf", "flax", "mlx"};  // what transformers takes
    const auto format = metadata.find("format");
    const bool said = format != metadata.end() && std::ranges::find(formats, format->second) != formats.end();
    if (said) {
      TRY_DO(copy(output, file.file(), 0));
    } else {
      metadata["format"] = "pt";
      TRY_DO(writeHeader(output, file, metadata));
      done_ += file.dataStart();
      TRY_DO(copy(output, file.file(), file.dataStart()));
    }
    return output.finish();
  }

  // The same tensors at the same places of the data.
  static Expected<void> writeHeader(PartFile& output, const SafetensorsFile& file,
                                    const std::map<std::string, std::string>& metadata) {
    Json header{{"__metadata__", metadata}};
    for (const StoredTensor& tensor : file.tensors()) {
      const std::uint64_t first = tensor.offset - file.dataStart();
      header[std::string(tensor.name)] = {{"dtype", tensor.dtype->name},
                                          {"shape", std::vector<std::int64_t>(tensor.shape)},
                                          {"data_offsets", {first, first + tensor.bytes}}};
    }
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    std::array<std::byte, 8> length{};
    for (std::size_t i = 0; i < length.size(); ++i) length[i] = static_cast<std::byte>(text.size() >> (8 * i) & 0xff);
    TRY_DO(output.write(length));
    return output.write(std::as_bytes(std::span(text)));
  }

  Expected<void> writeIndex() const {
    Json map = Json::object();
    for (const auto& [name, place] : shards_.tensors()) map[std::string(name)] = place.file->path().filename().string();
    return writeFileSafely(
        to_ / shardIndexName,
        Json{{"metadata", {{"total_size", shards_.bytes()}}}, {"weight_map", std::move(map)}}.dump(2) + "\n");
  }

  const Shards& shards_;
  const CheckpointFolder& from_;
  const fs::path& to_;
  const CopyProgress& progress_;
  std::uint64_t done_ = 0, total_ = 0;
};

}  // namespace

Expected<void> exportFolder(const fs::path& from, const fs::path& out, const CopyProgress& progress) {
  TRY(folder, CheckpointFolder::open(from));
  TRY(shards, Shards::open(from));
  TRY(part, PartFolder::create(out));
  TRY_DO(Exporter(shards, folder, part.path(), progress).run());
  return part.finish();
}

}  // namespace moescope
