// SPDX-License-Identifier: GPL-3.0-or-later
// Reading a result treats every byte as foreign: nothing is allocated on the word of an extent, and what was read
// passes checkResult before anybody sees it.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/checked.h"
#include "core/base/json_reading.h"
#include "core/result/result.h"
#include "core/study/hdf5.h"

namespace moescope {

namespace {

using hdf5::File;
using Extent = std::vector<std::uint64_t>;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

struct Reader {
  const File& file;
  const std::vector<Axis>& axes;
  std::uint64_t most;  // items that a file of this size can hold: deflate shrinks at most 1032 times

  Error wrong(const std::string& path, std::string_view what) const {
    return inputError(fmt::format("{}: {} {}.", file.path().string(), path, what), file.path().string());
  }

  template <class T>
  Expected<std::vector<T>> list(const std::string& path) const {
    TRY(shape, file.shape(path));
    if (shape.extent.size() != 1) return wrong(path, fmt::format("has {} axes, not one", shape.extent.size()));
    return file.read<T>(path, most);
  }
  Expected<std::vector<std::string>> strings(const std::string& path) const { return file.readStrings(path, most); }

  template <class T>
  Expected<std::vector<T>> shaped(const std::string& path, const Extent& extent) const {
    TRY(shape, file.shape(path));
    if (shape.extent != extent)
      return wrong(path, fmt::format("has the extents [{}] where its axes say [{}]", fmt::join(shape.extent, ", "),
                                     fmt::join(extent, ", ")));
    return file.read<T>(path, most);
  }

  Expected<std::string> optionalText(const std::string& path, const std::string& name) const {
    if (!file.hasAttribute(path, name)) return std::string();
    return file.text(path, name);
  }

  Expected<Array> array(const std::string& path) const {
    Array array;
    TRY(over, file.text(path, "axes"));
    TRY_ASSIGN(array.unit, optionalText(path, "unit"));
    TRY_ASSIGN(array.help, optionalText(path, "help"));
    array.axes = split(over);
    Extent extent;
    for (const std::string& name : array.axes) {
      const auto axis = std::ranges::find(axes, name, &Axis::name);
      if (axis == axes.end()) return wrong(path, fmt::format("is over \"{}\", which is not below /axes", name));
      extent.push_back(axis->labels.size());
    }
    TRY(shape, file.shape(path));
    array.whole =
        shape.type != hdf5::Type::float16 && shape.type != hdf5::Type::float32 && shape.type != hdf5::Type::float64;
    TRY_ASSIGN(array.values, shaped<double>(path, extent));
    if (file.has(path + ".baseline")) TRY_ASSIGN(array.baseline, shaped<double>(path + ".baseline", extent));
    if (file.has(path + ".low")) TRY_ASSIGN(array.low, shaped<double>(path + ".low", extent));
    if (file.has(path + ".high")) TRY_ASSIGN(array.high, shaped<double>(path + ".high", extent));
    return array;
  }

  Expected<Table> table(const std::string& path) const {
    Table table;
    std::vector<std::string> order;
    if (file.hasAttribute(path, "columns")) {
      TRY(listed, file.text(path, "columns"));
      order = split(listed);
    } else {
      order = file.children(path);
    }
    for (const std::string& name : order) {
      const std::string at = path + "/" + name;
      TRY(shape, file.shape(at));
      Column column{.name = name};
      TRY_ASSIGN(column.unit, optionalText(at, "unit"));
      if (shape.type == hdf5::Type::other) {
        TRY_ASSIGN(column.cells, strings(at));
      } else {
        TRY_ASSIGN(column.cells, list<double>(at));
      }
      table.columns.push_back(std::move(column));
    }
    return table;
  }

  Expected<Tree> tree(const std::string& path) const {
    Tree tree;
    TRY_ASSIGN(tree.leaves, strings(path + "/leaves"));
    TRY(left, list<std::int64_t>(path + "/left"));
    TRY(right, list<std::int64_t>(path + "/right"));
    TRY(height, list<double>(path + "/height"));
    if (left.size() != right.size() || left.size() != height.size())
      return wrong(path, "has merges of different lengths");
    for (std::size_t i = 0; i < left.size(); ++i) tree.merges.push_back({left[i], right[i], height[i]});
    return tree;
  }

  Expected<Graph> graph(const std::string& path) const {
    Graph graph;
    TRY_ASSIGN(graph.nodes, strings(path + "/nodes"));
    TRY(from, list<std::int64_t>(path + "/from"));
    TRY(to, list<std::int64_t>(path + "/to"));
    TRY(weight, list<double>(path + "/weight"));
    if (from.size() != to.size() || from.size() != weight.size()) return wrong(path, "has edges of different lengths");
    for (std::size_t i = 0; i < from.size(); ++i) graph.edges.push_back({from[i], to[i], weight[i]});
    return graph;
  }

  Expected<Points> points(const std::string& path) const {
    Points points;
    TRY_ASSIGN(points.x, list<double>(path + "/x"));
    TRY_ASSIGN(points.y, list<double>(path + "/y"));
    TRY_ASSIGN(points.xUnit, optionalText(path + "/x", "unit"));
    TRY_ASSIGN(points.yUnit, optionalText(path + "/y", "unit"));
    if (file.has(path + "/labels")) TRY_ASSIGN(points.labels, strings(path + "/labels"));
    if (file.has(path + "/group")) TRY_ASSIGN(points.group, list<std::int64_t>(path + "/group"));
    return points;
  }

  Expected<TokenText> tokenText(const std::string& path) const {
    TokenText text;
    TRY(bytes, list<std::uint8_t>(path + "/bytes"));
    TRY(offset, list<std::int64_t>(path + "/offset"));
    const auto end = static_cast<std::int64_t>(bytes.size());
    if (offset.empty() || offset.front() != 0 || offset.back() != end || !std::ranges::is_sorted(offset))
      return wrong(path + "/offset", "does not cut the bytes into tokens");
    for (std::size_t i = 0; i + 1 < offset.size(); ++i)
      text.text.emplace_back(bytes.begin() + offset[i], bytes.begin() + offset[i + 1]);
    TRY(shape, file.shape(path + "/expert"));
    if (shape.extent.size() != 3) return wrong(path + "/expert", "is not tokens x layers x k");
    const auto layers = checkedCast<std::int64_t>(shape.extent[1]), k = checkedCast<std::int64_t>(shape.extent[2]);
    if (!layers || !k) return wrong(path + "/expert", "has extents beyond any model");
    text.layers = *layers;
    text.k = *k;
    TRY_ASSIGN(text.id, list<std::int32_t>(path + "/id"));
    TRY_ASSIGN(text.expert, shaped<std::int32_t>(path + "/expert", shape.extent));
    TRY_ASSIGN(text.weight, shaped<float>(path + "/weight", shape.extent));
    if (file.has(path + "/loss")) TRY_ASSIGN(text.loss, list<float>(path + "/loss"));
    if (file.has(path + "/position")) TRY_ASSIGN(text.position, list<std::int32_t>(path + "/position"));
    return text;
  }

  Expected<Value> value(const std::string& name) const {
    const std::string path = "/values/" + name;
    std::string kind = "array";  // a plugin may leave it out
    if (file.hasAttribute(path, "kind")) TRY_ASSIGN(kind, file.text(path, "kind"));
    Value value{.name = name, .content = Array{}};
    if (kind == "array")
      TRY_ASSIGN(value.content, array(path));
    else if (kind == "table")
      TRY_ASSIGN(value.content, table(path));
    else if (kind == "tree")
      TRY_ASSIGN(value.content, tree(path));
    else if (kind == "graph")
      TRY_ASSIGN(value.content, graph(path));
    else if (kind == "points")
      TRY_ASSIGN(value.content, points(path));
    else if (kind == "token text")
      TRY_ASSIGN(value.content, tokenText(path));
    else
      return wrong(path, fmt::format("is of the unknown kind \"{}\"", kind));
    return value;
  }

  // In the order that the writer noted; names it did not note follow, sorted.
  Expected<std::vector<std::string>> ordered(const std::string& group) const {
    std::vector<std::string> names;
    if (!file.has(group)) return names;
    std::vector<std::string> found = file.children(group);
    std::erase_if(found, [](const std::string& name) { return name.find('.') != std::string::npos; });
    if (file.hasAttribute(group, "order")) {
      TRY(noted, file.text(group, "order"));
      for (std::string& name : split(noted))
        if (const auto at = std::ranges::find(found, name); at != found.end()) {
          names.push_back(std::move(name));
          found.erase(at);
        }
    }
    names.insert(names.end(), found.begin(), found.end());
    return names;
  }

  Expected<Json> json(const std::string& path) const {
    TRY(texts, strings(path));
    if (texts.size() != 1) return wrong(path, "is not one JSON text");
    return parseJson(texts.front(), file.path().string());
  }
};

Expected<Result> readFrom(const File& file) {
  const std::filesystem::path& path = file.path();
  std::error_code code;
  const std::uintmax_t bytes = std::filesystem::file_size(path, code);
  if (code) return systemError("read", path.string(), code.value());
  Result result;
  const Reader reader{file, result.axes,
                      std::min<std::uint64_t>(1u << 27, 4096 + 1032 * std::min<std::uint64_t>(bytes, 1u << 30))};
  TRY(axes, reader.ordered("/axes"));
  for (const std::string& name : axes) {
    TRY(labels, reader.strings("/axes/" + name));
    result.axes.push_back({name, std::move(labels)});
  }
  TRY(values, reader.ordered("/values"));
  for (const std::string& name : values) {
    TRY(value, reader.value(name));
    result.values.push_back(std::move(value));
  }
  if (file.has("/figures")) {
    TRY(figures, reader.json("/figures"));
    if (!figures.is_array()) return reader.wrong("/figures", "is not a list of figures");
    for (const Json& json : figures) {
      TRY(figure, figureFromJson(json));
      result.figures.push_back(std::move(figure));
    }
  }
  if (file.has("/facts")) {
    TRY_ASSIGN(result.facts, reader.json("/facts"));
    if (!result.facts.is_object()) return reader.wrong("/facts", "is not a JSON object");
  }
  if (const auto sound = checkResult(result); !sound)
    return inputError(path.string() + ": " + sound.error().message, path.string());
  return result;
}

}  // namespace

Expected<Result> readResult(const std::filesystem::path& path) {
  TRY(file, File::open(path));
  return readFrom(file);
}

Expected<Result> readForeignResult(const std::filesystem::path& path) {
  TRY(file, File::openForeign(path));
  return readFrom(file);
}

}  // namespace moescope
