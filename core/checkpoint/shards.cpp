// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/shards.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/checked.h"
#include "core/base/json_reading.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

constexpr const char* indexName = "model.safetensors.index.json";

// A name in a foreign index must stay in its folder.
bool isPlainName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

// Tensor name to file name, as the index says.
Expected<std::map<std::string, std::string>> readIndex(const fs::path& path) {
  const std::string file = path.string();
  TRY(json, readJson(path));
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
    return inputError(fmt::format("{} has no weight_map: it is not an index of safetensors files", file), file);
  std::map<std::string, std::string> files;
  for (const auto& [tensor, value] : json["weight_map"].items()) {
    if (!value.is_string() || !isPlainName(value.get_ref<const std::string&>()))
      return inputError(fmt::format("{}: tensor \"{}\" is said to lie in {}, which is not the name of a file beside it",
                                    file, tensor, value.dump(-1, ' ', true, Json::error_handler_t::replace)),
                        file);
    files[tensor] = value.get<std::string>();
  }
  return files;
}

Expected<std::string> onlyFile(const fs::path& folder) {
  std::error_code failure;
  if (fs::exists(folder / "model.safetensors", failure)) return std::string("model.safetensors");
  std::vector<std::string> found;
  for (fs::directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure))
    if (at->path().extension() == ".safetensors") found.push_back(at->path().filename().string());
  if (failure)
    return inputError(fmt::format("cannot read the folder {}: {}", folder.string(), failure.message()),
                      folder.string());
  if (found.size() == 1) return found.front();
  return inputError(fmt::format("{} has {} safetensors files and no {}", folder.string(), found.size(), indexName),
                    folder.string());
}

}  // namespace

Expected<Shards> Shards::open(const fs::path& folder) {
  Shards shards;
  shards.folder_ = folder;
  std::map<std::string, std::string> fileOfTensor;
  std::vector<std::string> names;
  std::error_code failure;
  const bool indexed = fs::exists(folder / indexName, failure);
  if (indexed) {
    TRY_ASSIGN(fileOfTensor, readIndex(folder / indexName));
    for (const auto& [tensor, name] : fileOfTensor) names.push_back(name);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
  } else {
    TRY(name, onlyFile(folder));
    names.push_back(std::move(name));
  }
  for (const std::string& name : names) {
    TRY(file, SafetensorsFile::open(folder / name));
    shards.files_.push_back(std::make_unique<SafetensorsFile>(std::move(file)));
    for (const auto& [tensorName, tensor] : shards.files_.back()->tensors()) {
      // A tensor that the index gives to another file, or does not list, is not part of the model.
      const auto listed = fileOfTensor.find(tensorName);
      if (indexed && (listed == fileOfTensor.end() || listed->second != name)) continue;
      shards.tensors_[tensorName] = {shards.files_.back().get(), &tensor};
    }
  }
  for (const auto& [tensor, name] : fileOfTensor)
    if (!shards.find(tensor))
      return inputError(
          fmt::format("{}: tensor \"{}\" is not in {}, where the index says it is", folder.string(), tensor, name),
          (folder / name).string());
  return shards;
}

const Shards::Place* Shards::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

Expected<void> writeShards(const fs::path& folder, std::vector<TensorSource> tensors, std::uint64_t largest) {
  std::vector<std::vector<TensorSource>> parts(1);
  std::uint64_t total = 0, inPart = 0;
  for (TensorSource& tensor : tensors) {
    const Dtype* dtype = findDtype(tensor.dtype);
    const std::optional<std::int64_t> elements = checkedProduct(std::span<const std::int64_t>(tensor.shape));
    if (!dtype || !elements)
      return bugError(fmt::format("tensor \"{}\" has a type or shape that cannot be written", tensor.name));
    const std::uint64_t bytes = static_cast<std::uint64_t>(*elements) * dtype->bytes;
    if (inPart > 0 && inPart + bytes > largest) {
      parts.emplace_back();
      inPart = 0;
    }
    inPart += bytes;
    total += bytes;
    parts.back().push_back(std::move(tensor));
  }
  Json map = Json::object();
  for (std::size_t part = 0; part < parts.size(); ++part) {
    const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", part + 1, parts.size());
    for (const TensorSource& tensor : parts[part]) map[tensor.name] = name;
    TRY_DO(writeSafetensors(folder / name, std::move(parts[part])));
  }
  return writeFileSafely(folder / indexName,
                         Json{{"metadata", {{"total_size", total}}}, {"weight_map", map}}.dump(2) + "\n");
}

}  // namespace moescope
