// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/result/marks.h"
#include "core/result/scale.h"
#include "core/result/slice.h"
#include "core/result/wording.h"

namespace moescope {

namespace {

constexpr double treeShare = 0.2, treeGap = 0.01;  // of the matrix's height

// Merges as scipy.cluster.hierarchy has them: leaves 0 .. n-1, merge i makes node n + i.
struct Merges {
  std::vector<std::size_t> left, right;
  std::vector<double> height;
  std::size_t leaves() const { return left.size() + 1; }
};

Error input(const Figure& figure, const std::string& what) {
  return inputError(fmt::format("The figure \"{}\" cannot be drawn: {}.", figure.name, what));
}

// Rows of (left, right, height, ...); the padding of smaller layers is NaN.
Expected<Merges> mergesOf(const Figure& figure, const Slice& linkage) {
  const std::size_t parts = linkage.extent(1);
  if (parts < 3)
    return input(figure, fmt::format("\"{}\" has {} columns, not left, right, height", linkage.name, parts));
  Merges merges;
  std::size_t count = 0;
  while (count < linkage.extent(0) && std::isfinite(linkage.values[count * parts])) ++count;
  std::vector<bool> used(2 * count + 1);
  for (std::size_t i = 0; i < count; ++i) {
    const double left = linkage.values[i * parts], right = linkage.values[i * parts + 1];
    const auto known = static_cast<double>(count + 1 + i);
    for (double node : {left, right}) {
      const bool there = node >= 0 && node < known && node == std::floor(node);
      if (!there || used[static_cast<std::size_t>(node)])
        return input(figure, fmt::format("merge {} of \"{}\" joins {}, which is no node or was joined before", i,
                                         linkage.name, number(node)));
      used[static_cast<std::size_t>(node)] = true;
    }
    merges.left.push_back(static_cast<std::size_t>(left));
    merges.right.push_back(static_cast<std::size_t>(right));
    merges.height.push_back(linkage.values[i * parts + 2]);
  }
  return merges;
}

// Leaves from left to right.
std::vector<std::int64_t> leafOrder(const Merges& merges) {
  const std::size_t leaves = merges.leaves();
  std::vector<std::int64_t> order;
  std::vector<std::size_t> open{2 * leaves - 2};
  while (!open.empty()) {
    const std::size_t node = open.back();
    open.pop_back();
    if (node < leaves) {
      order.push_back(static_cast<std::int64_t>(node));
      continue;
    }
    open.push_back(merges.right[node - leaves]);
    open.push_back(merges.left[node - leaves]);
  }
  return order;
}

// One bracket a merge, in the room above the matrix.
Polyline brackets(const Merges& merges, const std::vector<std::int64_t>& order) {
  const std::size_t leaves = merges.leaves();
  const auto count = static_cast<double>(leaves);
  const double foot = -0.5 - treeGap * count;
  const double tallest = std::max(1e-300, *std::ranges::max_element(merges.height));
  std::vector<double> x(2 * leaves - 1), y(2 * leaves - 1, foot);
  for (std::size_t at = 0; at < order.size(); ++at) x[static_cast<std::size_t>(order[at])] = static_cast<double>(at);
  Polyline tree{.x = {}, .y = {}, .label = "", .ink = Ink::muted, .thin = true};
  for (std::size_t i = 0; i < merges.left.size(); ++i) {
    const std::size_t a = merges.left[i], b = merges.right[i];
    const double top = foot - treeShare * count * std::max(0.0, merges.height[i]) / tallest;
    tree.x.insert(tree.x.end(), {x[a], x[a], x[b], x[b], x[b]});
    tree.y.insert(tree.y.end(), {y[a], top, top, y[b], std::nan("")});
    x[leaves + i] = 0.5 * (x[a] + x[b]);
    y[leaves + i] = top;
  }
  return tree;
}

template <class T>
void rearrange(std::vector<T>& cells, std::int64_t columns, const std::vector<std::int64_t>& order) {
  if (cells.empty()) return;
  std::vector<T> moved;
  moved.reserve(order.size() * order.size());
  for (std::int64_t row : order)
    for (std::int64_t column : order) moved.push_back(cells[static_cast<std::size_t>(row * columns + column)]);
  cells = std::move(moved);
}

Axis reordered(const Axis& axis, const std::vector<std::int64_t>& order) {
  Axis moved{.name = axis.name};
  for (std::int64_t index : order) moved.labels.push_back(axis.labels[static_cast<std::size_t>(index)]);
  return moved;
}

// Rows of the heat map's table, in the order of the drawing.
void rearrangeData(DrawnData& data, std::int64_t columns, const std::vector<std::int64_t>& order) {
  auto rows = std::move(data.rows);
  data.rows.clear();
  for (std::int64_t row : order)
    for (std::int64_t column : order)
      data.rows.push_back(std::move(rows[static_cast<std::size_t>(row * columns + column)]));
}

// Frames round neighbours of one group, and round the rows and columns of the selection.
void addFrames(Drawing& drawing, const std::vector<std::int64_t>& order, const std::vector<double>& group,
               const std::string& axis, const ViewState& view) {
  const auto count = static_cast<double>(order.size());
  const auto groupAt = [&](std::size_t at) { return group.empty() ? -1 : group[static_cast<std::size_t>(order[at])]; };
  for (std::size_t from = 0, to; from < order.size() && !group.empty(); from = to) {
    for (to = from + 1; to < order.size() && groupAt(to) == groupAt(from); ++to) {
    }
    if (to - from < 2 || to - from == order.size() || !(groupAt(from) >= 0)) continue;
    const double low = static_cast<double>(from) - 0.5, high = static_cast<double>(to) - 0.5;
    drawing.items.emplace_back(Outline{low, low, high, high, Ink::text});
  }
  const auto chosen = view.selected.find(axis);
  if (chosen == view.selected.end()) return;
  for (std::size_t at = 0; at < order.size(); ++at) {
    if (std::ranges::count(chosen->second, order[at]) == 0) continue;
    const double low = static_cast<double>(at) - 0.5, high = low + 1;
    drawing.items.emplace_back(Outline{-0.5, low, count - 0.5, high});
    drawing.items.emplace_back(Outline{low, -0.5, high, count - 0.5});
  }
}

}  // namespace

Expected<Drawing> drawMatrixWithTree(const Result& result, const Figure& figure, const ViewState& view) {
  const Json name = figure.options.value("linkage", Json());
  if (!name.is_string())
    return usageError(fmt::format("The matrix \"{}\" names no \"linkage\" to order it by.", figure.name));
  TRY(drawing, drawHeatMap(result, figure, view));
  if (!drawing.empty.empty()) return drawing;
  if (figure.axes[0] != figure.axes[1])
    return usageError(fmt::format("The matrix \"{}\" is over {} and {}; it needs one axis twice.", figure.name,
                                  figure.axes[0], figure.axes[1]));
  const Array* array = result.array(name.get<std::string>());
  if (!array || array->axes.size() < 2)
    return input(figure, fmt::format("the result has no linkage \"{}\"", name.get<std::string>()));
  TRY(linkage, slice(result, figure, name.get<std::string>(), view, {array->axes.end()[-2], array->axes.end()[-1]}));
  TRY(merges, mergesOf(figure, linkage));
  auto& cells = std::get<Cells>(drawing.items.front());
  if (merges.leaves() > static_cast<std::size_t>(cells.rows))
    return input(figure,
                 fmt::format("\"{}\" joins {} leaves, the matrix has {}", linkage.name, merges.leaves(), cells.rows));
  const std::vector<std::int64_t> order = leafOrder(merges);
  const Axis axis = reordered(*result.axis(figure.axes[0]), order);
  rearrange(cells.colour, cells.columns, order);
  rearrange(cells.text, cells.columns, order);
  rearrange(cells.readOut, cells.columns, order);
  rearrange(cells.grey, cells.columns, order);
  rearrangeData(drawing.data, cells.columns, order);
  cells.rows = cells.columns = static_cast<std::int64_t>(order.size());
  cells.rowIndex = cells.columnIndex = order;
  std::vector<double> group;
  if (const Json groups = figure.options.value("groups", Json()); groups.is_string()) {
    TRY(known, slice(result, figure, groups.get<std::string>(), view, {figure.axes[0]}));
    group = known.values;
  }
  drawing.items.resize(1);  // the heat map's frames lie in the axis's order
  drawing.x.ticks = drawing.y.ticks = labelTicks(axis);
  drawing.x.high = drawing.y.high = static_cast<double>(order.size()) - 0.5;
  if (!merges.left.empty()) {
    drawing.items.emplace_back(brackets(merges, order));
    drawing.y.low = -0.5 - (treeShare + 2 * treeGap) * static_cast<double>(order.size());
  }
  addFrames(drawing, order, group, figure.axes[0], view);
  if (!group.empty()) drawing.caption = captioned({drawing.caption, "framed: communities"});
  return drawing;
}

}  // namespace moescope
