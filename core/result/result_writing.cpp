// SPDX-License-Identifier: GPL-3.0-or-later
// The result file of contract section 3. Values keep their order in an attribute, because HDF5 lists names sorted.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/result/result.h"
#include "core/study/hdf5.h"

namespace moescope {

namespace {

using hdf5::File;
using Extent = std::vector<std::uint64_t>;

std::string joined(std::span<const std::string> names) {
  return fmt::format("{}", fmt::join(names, ","));
}

struct Writer {
  File& file;
  const Result& result;

  Expected<void> reals(const std::string& path, const std::vector<double>& values, const Extent& extent) {
    return file.write<double>(path, values, extent);
  }
  template <class T>
  Expected<void> list(const std::string& path, const std::vector<T>& values) {
    return file.write<T>(path, values, {values.size()});
  }

  Expected<void> write(const std::string& path, const Array& array) {
    Extent extent;
    for (const std::string& name : array.axes) extent.push_back(result.axis(name)->labels.size());
    if (array.whole) {
      std::vector<std::int64_t> whole(array.values.begin(), array.values.end());
      TRY_DO(file.write<std::int64_t>(path, whole, extent));
    } else {
      TRY_DO(reals(path, array.values, extent));
    }
    TRY_DO(file.setAttribute(path, "unit", array.unit));
    TRY_DO(file.setAttribute(path, "axes", joined(array.axes)));
    if (!array.help.empty()) TRY_DO(file.setAttribute(path, "help", array.help));
    if (!array.baseline.empty()) TRY_DO(reals(path + ".baseline", array.baseline, extent));
    if (array.low.empty()) return {};
    TRY_DO(reals(path + ".low", array.low, extent));
    return reals(path + ".high", array.high, extent);
  }

  Expected<void> write(const std::string& path, const Table& table) {
    std::vector<std::string> order;
    for (const Column& column : table.columns) {
      const std::string at = path + "/" + column.name;
      if (const auto* words = std::get_if<std::vector<std::string>>(&column.cells)) {
        TRY_DO(file.writeStrings(at, *words));
      } else {
        TRY_DO(list(at, std::get<std::vector<double>>(column.cells)));
      }
      TRY_DO(file.setAttribute(at, "unit", column.unit));
      order.push_back(column.name);
    }
    if (order.empty()) TRY_DO(file.writeStrings(path + "/.none", {}));  // so that the group is there
    return file.setAttribute(path, "columns", joined(order));
  }

  Expected<void> write(const std::string& path, const Tree& tree) {
    std::vector<std::int64_t> left, right;
    std::vector<double> height;
    for (const Tree::Merge& merge : tree.merges) {
      left.push_back(merge.left);
      right.push_back(merge.right);
      height.push_back(merge.height);
    }
    TRY_DO(file.writeStrings(path + "/leaves", tree.leaves));
    TRY_DO(list(path + "/left", left));
    TRY_DO(list(path + "/right", right));
    return list(path + "/height", height);
  }

  Expected<void> write(const std::string& path, const Graph& graph) {
    std::vector<std::int64_t> from, to;
    std::vector<double> weight;
    for (const Graph::Edge& edge : graph.edges) {
      from.push_back(edge.from);
      to.push_back(edge.to);
      weight.push_back(edge.weight);
    }
    TRY_DO(file.writeStrings(path + "/nodes", graph.nodes));
    TRY_DO(list(path + "/from", from));
    TRY_DO(list(path + "/to", to));
    return list(path + "/weight", weight);
  }

  Expected<void> write(const std::string& path, const Points& points) {
    TRY_DO(list(path + "/x", points.x));
    TRY_DO(list(path + "/y", points.y));
    TRY_DO(file.setAttribute(path + "/x", "unit", points.xUnit));
    TRY_DO(file.setAttribute(path + "/y", "unit", points.yUnit));
    if (!points.labels.empty()) TRY_DO(file.writeStrings(path + "/labels", points.labels));
    if (points.group.empty()) return {};
    return list(path + "/group", points.group);
  }

  // Tokens are bytes, often half a character, so they are no HDF5 strings.
  Expected<void> write(const std::string& path, const TokenText& text) {
    std::vector<std::uint8_t> bytes;
    std::vector<std::int64_t> offset{0};
    for (const std::string& token : text.text) {
      bytes.insert(bytes.end(), token.begin(), token.end());
      offset.push_back(static_cast<std::int64_t>(bytes.size()));
    }
    const Extent extent{text.text.size(), static_cast<std::uint64_t>(text.layers), static_cast<std::uint64_t>(text.k)};
    TRY_DO(list(path + "/bytes", bytes));
    TRY_DO(list(path + "/offset", offset));
    TRY_DO(list(path + "/id", text.id));
    TRY_DO(file.write<std::int32_t>(path + "/expert", text.expert, extent));
    TRY_DO(file.write<float>(path + "/weight", text.weight, extent));
    if (!text.loss.empty()) TRY_DO(list(path + "/loss", text.loss));
    if (text.position.empty()) return {};
    return list(path + "/position", text.position);
  }
};

}  // namespace

Expected<void> writeResult(const Result& result, const std::filesystem::path& path) {
  TRY_DO(checkResult(result));
  TRY(file, File::create(path));
  Writer writer{file, result};
  TRY_DO(file.setAttribute("/", "moescope_result", std::int64_t{1}));
  std::vector<std::string> axes, values;
  for (const Axis& axis : result.axes) {
    TRY_DO(file.writeStrings("/axes/" + axis.name, axis.labels));
    axes.push_back(axis.name);
  }
  for (const Value& value : result.values) {
    const std::string at = "/values/" + value.name;
    TRY_DO(std::visit([&](const auto& content) { return writer.write(at, content); }, value.content));
    TRY_DO(file.setAttribute(at, "kind", std::string(value.kind())));
    values.push_back(value.name);
  }
  if (!axes.empty()) TRY_DO(file.setAttribute("/axes", "order", joined(axes)));
  if (!values.empty()) TRY_DO(file.setAttribute("/values", "order", joined(values)));
  Json figures = Json::array();
  for (const Figure& figure : result.figures) figures.push_back(toJson(figure));
  TRY_DO(file.writeStrings("/figures", std::vector{canonical(figures)}));
  TRY_DO(file.writeStrings("/facts", std::vector{canonical(result.facts)}));
  return file.close();
}

}  // namespace moescope
