// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/shard_index.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "core/base/json_cursor.h"
#include "core/base/sorted_runs.h"

namespace moescope {
namespace {

constexpr std::uint64_t longestIndex = 100'000'000;
constexpr std::size_t mostFiles = 100'000;

// A total_size that is no number is as good as none.
bool readMetadata(JsonCursor& cursor, ShardIndex& index) {
  std::string_view key;
  if (!cursor.atObject()) return cursor.skip();
  cursor.beginObject();
  while (cursor.nextKey(key)) {
    double total = 0;
    const bool wanted = key == "total_size" && cursor.atNumber();
    if (!(wanted ? cursor.number(total) : cursor.skip())) return false;
    if (wanted) index.totalSize = total;
  }
  return !cursor.failed();
}

bool readMap(JsonCursor& cursor, ShardIndex& index) {
  std::map<std::string, std::uint32_t, std::less<>> numbers;
  auto last = numbers.end();  // neighbours mostly lie in the same file
  std::string_view tensor, file;
  if (!cursor.beginObject()) return false;
  while (cursor.nextKey(tensor)) {
    const std::uint64_t at = cursor.offset();
    if (!cursor.string(file)) return false;
    if (last == numbers.end() || last->first != file) last = numbers.find(file);
    if (last == numbers.end()) {
      if (!CheckpointFolder::isPlainName(file))
        return cursor.fail("a tensor is said to lie in what is not the name of a file beside the index", at);
      if (numbers.size() == mostFiles)
        return cursor.fail(fmt::format("the index names more than {} files", mostFiles), at);
      last = numbers.emplace(file, static_cast<std::uint32_t>(numbers.size())).first;
    }
    index.tensors.push_back({tensor, last->second});
  }
  // Numbered as they came; sorted by name they get their places.
  std::vector<std::uint32_t> places(numbers.size());
  for (const auto& [name, number] : numbers) {
    places[number] = static_cast<std::uint32_t>(index.files.size());
    index.files.push_back(name);
  }
  for (ShardIndex::Entry& entry : index.tensors) entry.file = places[entry.file];
  return !cursor.failed();
}

}  // namespace

Expected<ShardIndex> ShardIndex::read(const CheckpointFolder& folder) {
  TRY(file, folder.file(shardIndexName));
  const std::string name = file.path().string();
  if (file.size() > longestIndex)
    return inputError(
        fmt::format("{} has {} bytes; an index of more than {} is not read", name, file.size(), longestIndex), name);
  ShardIndex index;
  index.text = std::make_unique_for_overwrite<char[]>(file.size());
  const std::span<char> text(index.text.get(), file.size());
  TRY_DO(file.read(0, std::as_writable_bytes(text)));
  JsonCursor cursor(text, name);
  std::string_view key;
  bool mapSeen = false;
  if (cursor.beginObject()) {
    while (cursor.nextKey(key)) {
      if (key == "weight_map" && mapSeen) cursor.fail("the index has two weight_maps");
      if (cursor.failed()) break;
      if (!(key == "weight_map" ? readMap(cursor, index)
            : key == "metadata" ? readMetadata(cursor, index)
                                : cursor.skip()))
        break;
      mapSeen = mapSeen || key == "weight_map";
    }
    if (!cursor.failed()) cursor.end();
  }
  if (cursor.failed())
    return inputError(cursor.error().message + "; the index is damaged: fetch it again", name, cursor.error().offset);
  if (!mapSeen)
    return inputError(fmt::format("{} has no weight_map: it is not an index of safetensors files", name), name);
  sortRuns(index.tensors, [](const Entry& a, const Entry& b) { return a.tensor < b.tensor; });
  const auto twice = std::adjacent_find(index.tensors.begin(), index.tensors.end(),
                                        [](const Entry& a, const Entry& b) { return a.tensor == b.tensor; });
  if (twice != index.tensors.end()) {
    const auto at = static_cast<std::uint64_t>(twice->tensor.data() - index.text.get());
    return inputError(fmt::format("{}, byte {}: tensor \"{}\" is listed twice, in {} and in {}", name, at,
                                  twice->tensor.substr(0, 256), index.files[twice[0].file], index.files[twice[1].file]),
                      name, at);
  }
  return index;
}

}  // namespace moescope
