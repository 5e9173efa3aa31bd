// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result/result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/checked.h"

namespace moescope {

std::string_view Value::kind() const {
  static constexpr std::string_view names[] = {"array", "table", "tree", "graph", "points", "token text"};
  return names[content.index()];
}

Array& Result::add(std::string name, std::string unit, std::vector<std::string> over, std::vector<double> numbers) {
  values.push_back(
      {std::move(name), Array{.unit = std::move(unit), .axes = std::move(over), .values = std::move(numbers)}});
  return std::get<Array>(values.back().content);
}

Array& Result::addWhole(std::string name, std::string unit, std::vector<std::string> over,
                        std::vector<double> numbers) {
  Array& array = add(std::move(name), std::move(unit), std::move(over), std::move(numbers));
  array.whole = true;
  return array;
}

void Result::add(std::string name, std::variant<Array, Table, Tree, Graph, Points, TokenText> content) {
  values.push_back({std::move(name), std::move(content)});
}

const Value* Result::find(std::string_view name) const {
  const auto found = std::ranges::find(values, name, &Value::name);
  return found == values.end() ? nullptr : &*found;
}

const Array* Result::array(std::string_view name) const {
  const Value* value = find(name);
  return value ? std::get_if<Array>(&value->content) : nullptr;
}

const Axis* Result::axis(std::string_view name) const {
  const auto found = std::ranges::find(axes, name, &Axis::name);
  return found == axes.end() ? nullptr : &*found;
}

namespace {

// Names become paths inside the HDF5 file, and "NAME.low" is the interval of NAME.
bool goodName(std::string_view name, bool dots) {
  if (name.empty() || name.size() > 200 || name == "." || name == "..") return false;
  return std::ranges::none_of(name, [dots](char c) {
    return c == '/' || c == ',' || static_cast<unsigned char>(c) < 32 || (c == '.' && !dots);
  });
}

// HDF5 strings end at the first zero byte.
bool storable(std::span<const std::string> strings) {
  return std::ranges::none_of(strings, [](const std::string& text) { return text.find('\0') != std::string::npos; });
}

Error wrong(const Value& value, std::string_view what) {
  return bugError(fmt::format("The {} \"{}\" of this result {}.", value.kind(), value.name, what));
}

Expected<void> check(const Result& result, const Value& value, const Array& array) {
  if (array.axes.size() > 4) return wrong(value, fmt::format("has {} axes, more than 4", array.axes.size()));
  std::size_t count = 1;
  for (const std::string& name : array.axes) {
    const Axis* axis = result.axis(name);
    if (!axis) return wrong(value, fmt::format("is over the axis \"{}\", which the result does not have", name));
    const auto product = checkedMultiply(count, axis->labels.size());
    if (!product) return wrong(value, "has more cells than memory can address");
    count = *product;
  }
  const auto fits = [&](const std::vector<double>& numbers) { return numbers.empty() || numbers.size() == count; };
  if (array.values.size() != count)
    return wrong(value, fmt::format("has {} numbers where its axes have {} cells", array.values.size(), count));
  if (!fits(array.baseline) || !fits(array.low) || !fits(array.high) || array.low.empty() != array.high.empty())
    return wrong(value, "has a baseline or an interval that is not as long as its values");
  const auto isWhole = [](double number) { return std::abs(number) <= 0x1p53 && number == std::floor(number); };
  if (array.whole && !std::ranges::all_of(array.values, isWhole))
    return wrong(value, "is declared whole and holds a number that is not");
  return {};
}

Expected<void> check(const Result&, const Value& value, const Table& table) {
  const auto length = [](const Column& column) {
    return std::visit([](const auto& cells) { return cells.size(); }, column.cells);
  };
  std::set<std::string> seen;
  for (const Column& column : table.columns) {
    if (!goodName(column.name, true) || !seen.insert(column.name).second)
      return wrong(value, fmt::format("has a column \"{}\" whose name is no path or is there twice", column.name));
    if (length(column) != length(table.columns.front())) return wrong(value, "has columns of different lengths");
    if (const auto* words = std::get_if<std::vector<std::string>>(&column.cells); words && !storable(*words))
      return wrong(value, fmt::format("has a zero byte in column \"{}\"", column.name));
  }
  return {};
}

Expected<void> check(const Result&, const Value& value, const Tree& tree) {
  if (!storable(tree.leaves)) return wrong(value, "has a zero byte in a label");
  if (tree.merges.size() >= std::max<std::size_t>(tree.leaves.size(), 1))
    return wrong(value, fmt::format("has {} merges of {} leaves", tree.merges.size(), tree.leaves.size()));
  std::int64_t known = static_cast<std::int64_t>(tree.leaves.size());
  for (const Tree::Merge& merge : tree.merges) {
    if (merge.left < 0 || merge.right < 0 || merge.left >= known || merge.right >= known || merge.left == merge.right)
      return wrong(value, fmt::format("merges nodes {} and {} when there are {}", merge.left, merge.right, known));
    ++known;
  }
  return {};
}

Expected<void> check(const Result&, const Value& value, const Graph& graph) {
  if (!storable(graph.nodes)) return wrong(value, "has a zero byte in a label");
  const auto nodes = static_cast<std::int64_t>(graph.nodes.size());
  for (const Graph::Edge& edge : graph.edges)
    if (edge.from < 0 || edge.to < 0 || edge.from >= nodes || edge.to >= nodes)
      return wrong(value, fmt::format("has an edge from {} to {} among {} nodes", edge.from, edge.to, nodes));
  return {};
}

Expected<void> check(const Result&, const Value& value, const Points& points) {
  const std::size_t count = points.x.size();
  const auto fits = [&](std::size_t size) { return size == 0 || size == count; };
  if (points.y.size() != count || !fits(points.labels.size()) || !fits(points.group.size()))
    return wrong(value, "has coordinates, labels or groups of different lengths");
  if (!storable(points.labels)) return wrong(value, "has a zero byte in a label");
  return {};
}

Expected<void> check(const Result&, const Value& value, const TokenText& text) {
  const auto tokens = static_cast<std::int64_t>(text.text.size());
  const std::int64_t extents[] = {tokens, text.layers, text.k};
  const auto cells = checkedProduct<std::int64_t>(extents);
  const auto fits = [&](std::size_t size) { return size == 0 || size == text.text.size(); };
  if (!cells || text.expert.size() != static_cast<std::size_t>(*cells) || text.weight.size() != text.expert.size())
    return wrong(value, "has experts or weights that are not tokens x layers x k");
  if (text.id.size() != text.text.size() || !fits(text.loss.size()) || !fits(text.position.size()))
    return wrong(value, "has ids, losses or positions that are not one a token");
  return {};
}

}  // namespace

Expected<void> checkResult(const Result& result) {
  std::set<std::string> seen;
  for (const Axis& axis : result.axes) {
    if (!goodName(axis.name, false) || !seen.insert(axis.name).second)
      return bugError(
          fmt::format("The axis name \"{}\" of this result is empty, there twice, or holds one of / , .", axis.name));
    if (!storable(axis.labels))
      return bugError(fmt::format("The axis \"{}\" of this result has a label with a zero byte.", axis.name));
  }
  seen.clear();
  for (const Value& value : result.values) {
    if (!goodName(value.name, false) || !seen.insert(value.name).second)
      return bugError(
          fmt::format("The value name \"{}\" of this result is empty, there twice, or holds one of / , .", value.name));
    TRY_DO(std::visit([&](const auto& content) { return check(result, value, content); }, value.content));
  }
  return {};
}

}  // namespace moescope
