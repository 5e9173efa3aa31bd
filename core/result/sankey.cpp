// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "core/result/marks.h"
#include "core/result/scale.h"
#include "core/result/slice.h"
#include "core/result/wording.h"

namespace moescope {

namespace {

constexpr double nodeWidth = 0.05, nodeGap = 0.012;  // in columns; in shares of the total
constexpr std::size_t mostWhole = 12;                // experts of which none is grouped
constexpr std::size_t fewestNodes = 6;               // shown however even the layer is

// A setting of the view, else an option of the figure, else `otherwise`.
double setting(const Figure& figure, const ViewState& view, const char* name, double otherwise) {
  if (const auto set = view.set.find(name); set != view.set.end()) {
    double value = 0;
    const auto read = std::from_chars(set->second.data(), set->second.data() + set->second.size(), value);
    if (read.ec == std::errc() && std::isfinite(value)) return value;
  }
  const Json option = figure.options.value(name, Json());
  return option.is_number() ? option.get<double>() : otherwise;
}

struct Node {
  std::vector<std::size_t> experts;  // several: grouped
  double share = 0, y = 0;
  bool grouped = false;
};

// Flows from one layer to the next: [from, to], with what independence would give.
struct Gap {
  std::size_t experts = 0;
  std::vector<double> flow, expected;
  double total = 0, expectedTotal = 0;
};

struct Flow {
  std::vector<Gap> gaps;
  std::vector<std::vector<double>> share;  // by column and expert, sums to 1
  std::vector<std::vector<Node>> nodes;    // by column, top to bottom
  std::vector<std::size_t> layers;         // of each column
  double height = 1;                       // of the tallest column
};

// The layers that hand on to each other, in their order: by the array that the option "to" names, else each to the
// next; rows without flow hand nothing on.
std::vector<std::size_t> chainOf(const Result& result, const Figure& figure, const Slice& all) {
  const Json name = figure.options.value("to", Json());
  const Array* to = name.is_string() ? result.array(name.get<std::string>()) : nullptr;
  const std::size_t cells = all.extent(1) * all.extent(2);
  const auto flows = [&](std::size_t layer) {
    const auto from = all.values.begin() + static_cast<std::ptrdiff_t>(layer * cells);
    return std::any_of(from, from + static_cast<std::ptrdiff_t>(cells), [](double value) { return value > 0; });
  };
  std::size_t layer = 0;
  while (layer < all.extent(0) && !flows(layer)) ++layer;
  std::vector<std::size_t> chain;
  if (layer == all.extent(0)) return chain;
  chain.push_back(layer);
  while (layer < all.extent(0) && flows(layer)) {
    const double next = to && layer < to->values.size() ? to->values[layer] : static_cast<double>(layer + 1);
    if (!(next > static_cast<double>(layer)) || next > 1e6) break;
    layer = static_cast<std::size_t>(next);
    chain.push_back(layer);
  }
  return chain;
}

// A run of the chain: pages share their border layer, and the selected layer is on the page that it does not begin.
std::vector<std::size_t> shownLayers(const std::vector<std::size_t>& chain, std::size_t columns, const Figure& figure,
                                     const ViewState& view) {
  const auto position = [&](double layer) {
    std::size_t at = 0;
    while (at + 1 < chain.size() && static_cast<double>(chain[at + 1]) <= layer) ++at;
    return at;
  };
  const auto at = view.at.find(figure.axes[0]);
  const std::size_t selected = position(static_cast<double>(at == view.at.end() ? 0 : at->second));
  const std::size_t page = selected == 0 ? 0 : (selected - 1) / (columns - 1) * (columns - 1);
  const double wanted = setting(figure, view, "from", -1);
  const std::size_t from = std::min(wanted >= 0 ? position(wanted) : page, chain.size() - columns);
  const auto first = chain.begin() + static_cast<std::ptrdiff_t>(from);
  return {first, first + static_cast<std::ptrdiff_t>(columns)};
}

Gap gapOf(const Slice& all, std::size_t layer) {
  const std::size_t experts = all.extent(1), cells = experts * all.extent(2);
  Gap gap{.experts = experts};
  for (std::size_t cell = layer * cells; cell < (layer + 1) * cells; ++cell) {
    const double flow = all.values[cell], expected = all.baseline.empty() ? std::nan("") : all.baseline[cell];
    gap.flow.push_back(std::isfinite(flow) && flow > 0 ? flow : 0);
    gap.expected.push_back(std::isfinite(expected) && expected > 0 ? expected : 0);
    gap.total += gap.flow.back();
    gap.expectedTotal += gap.expected.back();
  }
  return gap;
}

// What an expert of a column hands on; in the last column what it gets.
std::vector<double> sharesOf(const Flow& flow, std::size_t column) {
  const bool last = column == flow.gaps.size();
  const Gap& gap = flow.gaps[last ? column - 1 : column];
  std::vector<double> share(gap.experts);
  for (std::size_t from = 0; from < gap.experts; ++from)
    for (std::size_t to = 0; to < gap.experts; ++to)
      share[last ? to : from] += gap.flow[from * gap.experts + to] / std::max(gap.total, 1e-300);
  return share;
}

// Experts with at least `threshold` times the fair share, and those selected, stand alone; the others together.
std::vector<Node> nodesOf(const std::vector<double>& share, double threshold, const std::vector<std::int64_t>& kept) {
  std::vector<std::size_t> order;
  for (std::size_t e = 0; e < share.size(); ++e)
    if (share[e] > 0) order.push_back(e);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return share[a] > share[b]; });
  const double least = order.size() <= mostWhole ? 0 : threshold / static_cast<double>(share.size());
  std::vector<Node> nodes;
  Node others{.grouped = true};
  for (std::size_t at = 0; at < order.size(); ++at) {
    const std::size_t e = order[at];
    const bool alone =
        share[e] >= least || at < fewestNodes || std::ranges::count(kept, static_cast<std::int64_t>(e)) > 0;
    if (alone) {
      nodes.push_back({.experts = {e}, .share = share[e]});
      continue;
    }
    others.experts.push_back(e);
    others.share += share[e];
  }
  if (!others.experts.empty()) nodes.push_back(std::move(others));
  return nodes;
}

double between(const std::vector<double>& table, std::size_t experts, const Node& from, const Node& to) {
  double sum = 0;
  for (std::size_t i : from.experts)
    for (std::size_t j : to.experts) sum += table[i * experts + j];
  return sum;
}

// The order of a column follows where its flows come from, which keeps ribbons from crossing; the rest stays at the
// foot.
void untangle(std::vector<Node>& nodes, const std::vector<Node>& before, const Gap& gap) {
  std::vector<std::pair<double, Node>> placed;
  for (Node& node : nodes) {
    double sum = 0, weight = 0;
    for (const Node& from : before) {
      const double flow = between(gap.flow, gap.experts, from, node);
      sum += flow * (from.y + 0.5 * from.share);
      weight += flow;
    }
    placed.emplace_back(node.grouped ? 2.0 : weight > 0 ? sum / weight : 1.0, std::move(node));
  }
  std::ranges::stable_sort(placed, {}, [](const auto& pair) { return pair.first; });
  for (std::size_t i = 0; i < nodes.size(); ++i) nodes[i] = std::move(placed[i].second);
}

double stacked(std::vector<Node>& nodes) {
  double y = 0;
  for (Node& node : nodes) {
    node.y = y;
    y += node.share + nodeGap;
  }
  return y - nodeGap;
}

std::string nameOf(const Node& node, const Axis& axis) {
  return node.grouped ? fmt::format("{} others", node.experts.size()) : shortLabel(axis.labels[node.experts.front()]);
}

std::string longName(const Flow& flow, std::size_t column, const Node& node, const Slice& all) {
  const std::string layer = fmt::format("{} {}", all.axes[0]->name, flow.layers[column]);
  return layer + " · " +
         (node.grouped ? fmt::format("{} other {}s", node.experts.size(), all.axes[1]->name)
                       : place(*all.axes[1], node.experts.front()));
}

Blocks blocksOf(const Flow& flow, const Slice& all, const ViewState& view) {
  Blocks blocks{.axis = all.axes[1]->name, .placeAxis = all.axes[0]->name};
  const auto chosen = view.selected.find(blocks.axis);
  const auto at = view.at.find(blocks.placeAxis);
  for (std::size_t column = 0; column < flow.nodes.size(); ++column)
    for (const Node& node : flow.nodes[column]) {
      const auto index = node.grouped ? -1 : static_cast<std::int64_t>(node.experts.front());
      const auto layer = static_cast<std::int64_t>(flow.layers[column]);
      const bool here = at == view.at.end() || at->second == layer;
      blocks.x0.push_back(static_cast<double>(column) - 0.5 * nodeWidth);
      blocks.x1.push_back(static_cast<double>(column) + 0.5 * nodeWidth);
      blocks.y0.push_back(node.y);
      blocks.y1.push_back(node.y + node.share);
      blocks.label.push_back(nameOf(node, *all.axes[1]));
      blocks.index.push_back(index);
      blocks.place.push_back(layer);
      blocks.selected.push_back(here && index >= 0 && chosen != view.selected.end() &&
                                std::ranges::count(chosen->second, index) > 0);
      const double fair = node.share * static_cast<double>(all.extent(1)) / static_cast<double>(node.experts.size());
      blocks.readOut.push_back(fmt::format("{}\n{} % of what is routed, {} × fair", longName(flow, column, node, all),
                                           number(100 * node.share), number(fair)));
    }
  return blocks;
}

bool isSelected(const Blocks& blocks, std::size_t layer, const Node& node) {
  for (std::size_t i = 0; i < blocks.index.size(); ++i)
    if (blocks.selected[i] && blocks.place[i] == static_cast<std::int64_t>(layer) && !node.grouped &&
        blocks.index[i] == static_cast<std::int64_t>(node.experts.front()))
      return true;
  return false;
}

// Ribbons leave a node in the order of where they go and fill it; so they do where they arrive.
void addRibbons(Ribbons& ribbons, DrawnData& data, const Flow& flow, std::size_t column, const Slice& all,
                const Colouring& colours, const Blocks& blocks) {
  const Gap& gap = flow.gaps[column];
  const std::vector<Node>&from = flow.nodes[column], &to = flow.nodes[column + 1];
  std::vector<double> out(from.size()), in(to.size()), leaves(from.size()), arrives(to.size());
  double most = 0;
  for (std::size_t i = 0; i < from.size(); ++i)
    for (std::size_t j = 0; j < to.size(); ++j) {
      const double amount = between(gap.flow, gap.experts, from[i], to[j]);
      out[i] += amount;
      in[j] += amount;
      most = std::max(most, amount);
    }
  for (std::size_t i = 0; i < from.size(); ++i)
    for (std::size_t j = 0; j < to.size(); ++j) {
      const double amount = between(gap.flow, gap.experts, from[i], to[j]);
      if (!(amount > 0)) continue;
      const double expected = between(gap.expected, gap.experts, from[i], to[j]);
      const double lift = expected > 0 ? amount / gap.total / (expected / gap.expectedTotal) : std::nan("");
      const double height0 = from[i].share * amount / out[i], height1 = to[j].share * amount / in[j];
      ribbons.x0.push_back(static_cast<double>(column) + 0.5 * nodeWidth);
      ribbons.x1.push_back(static_cast<double>(column + 1) - 0.5 * nodeWidth);
      ribbons.y0.push_back(from[i].y + leaves[i]);
      ribbons.y1.push_back(to[j].y + arrives[j]);
      ribbons.height0.push_back(height0);
      ribbons.height1.push_back(height1);
      leaves[i] += height0;
      arrives[j] += height1;
      ribbons.colour.push_back(std::isfinite(lift) ? colours(lift) : 0);
      ribbons.strength.push_back(0.35 + 0.5 * std::sqrt(amount / most));
      ribbons.selected.push_back(isSelected(blocks, flow.layers[column], from[i]) ||
                                 isSelected(blocks, flow.layers[column + 1], to[j]));
      const std::string ends = longName(flow, column, from[i], all) + " → " + longName(flow, column + 1, to[j], all);
      ribbons.readOut.push_back(fmt::format(
          "{}\n{} % of it all, {} % of what leaves{}", ends, number(100 * amount / gap.total),
          number(100 * amount / out[i]), std::isfinite(lift) ? fmt::format(", {} × independent", number(lift)) : ""));
      data.rows.push_back({static_cast<double>(flow.layers[column]), nameOf(from[i], *all.axes[1]),
                           static_cast<double>(flow.layers[column + 1]), nameOf(to[j], *all.axes[1]), amount,
                           amount / gap.total, lift});
    }
}

Flow flowOf(const Slice& all, std::vector<std::size_t> layers, double threshold, const ViewState& view) {
  Flow flow{.layers = std::move(layers)};
  for (std::size_t column = 0; column + 1 < flow.layers.size(); ++column)
    flow.gaps.push_back(gapOf(all, flow.layers[column]));
  const auto chosen = view.selected.find(all.axes[1]->name);
  const auto at = view.at.find(all.axes[0]->name);
  flow.height = 0;
  for (std::size_t column = 0; column < flow.layers.size(); ++column) {
    const bool here = at == view.at.end() || at->second == static_cast<std::int64_t>(flow.layers[column]);
    flow.share.push_back(sharesOf(flow, column));
    flow.nodes.push_back(nodesOf(flow.share.back(), threshold,
                                 here && chosen != view.selected.end() ? chosen->second : std::vector<std::int64_t>{}));
    if (column > 0) untangle(flow.nodes[column], flow.nodes[column - 1], flow.gaps[column - 1]);
    flow.height = std::max(flow.height, stacked(flow.nodes.back()));
  }
  return flow;
}

}  // namespace

Expected<Drawing> drawSankey(const Result& result, const Figure& figure, const ViewState& view) {
  if (figure.axes.size() != 3 || figure.axes[1] != figure.axes[2])
    return usageError(
        fmt::format("The flow \"{}\" is over {} axes; it needs three: where from, and the nodes' axis twice.",
                    figure.name, figure.axes.size()));
  TRY(all, slice(result, figure, figure.values.front(), view));
  const std::string name = words(all.name, figure);
  Drawing drawing;
  drawing.title = titleOf(figure, name + " between " + words(all.axes[0]->name, figure) + "s", "");
  const std::vector<std::size_t> chain = chainOf(result, figure, all);
  if (chain.size() < 2) {
    drawing.empty = fmt::format("There is no {} to show: no layer hands anything on to another.", name);
    return drawing;
  }
  const auto columns =
      static_cast<std::size_t>(std::clamp(setting(figure, view, "columns", 3), 2.0, static_cast<double>(chain.size())));
  const double threshold = std::max(0.0, setting(figure, view, "threshold", 1.5));
  const Flow flow = flowOf(all, shownLayers(chain, columns, figure, view), threshold, view);
  Figure lifts = figure;
  lifts.scaleName = "log2 around 1";
  TRY(colours, colouring(lifts, {0.25, 4}, ""));
  Blocks blocks = blocksOf(flow, all, view);
  Ribbons ribbons;
  drawing.data.columns = {"from_layer", "from", "to_layer", "to", all.name, "share", "lift"};
  for (std::size_t column = 0; column + 1 < flow.layers.size(); ++column)
    addRibbons(ribbons, drawing.data, flow, column, all, colours, blocks);
  const bool grouped = std::ranges::any_of(flow.nodes, [](const auto& nodes) { return nodes.back().grouped; });
  drawing.caption = captioned({"Height: share of " + (all.array->unit.empty() ? name : unitWords(all.array->unit)),
                               all.baseline.empty() ? "" : "colour: × what independent layers would hand on",
                               grouped ? fmt::format("experts below {} × fair share together", number(threshold)) : "",
                               sizeWords(result.facts)});
  drawing.x = {
      .label = words(all.axes[0]->name, figure), .low = -0.08, .high = static_cast<double>(columns) - 1 + 0.28};
  for (std::size_t column = 0; column < columns; ++column)
    drawing.x.ticks.push_back({static_cast<double>(column), std::to_string(flow.layers[column])});
  drawing.y = {.label = "", .low = 0, .high = flow.height, .reversed = true, .ticks = {}, .bare = true};
  if (!all.baseline.empty()) drawing.scale = std::move(colours.scale);
  drawing.items.emplace_back(std::move(ribbons));
  drawing.items.emplace_back(std::move(blocks));
  return drawing;
}

}  // namespace moescope
