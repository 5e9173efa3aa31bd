// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result/python_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/result/slice.h"

namespace moescope {

namespace {

// A Python literal: JSON's strings, numbers and lists are Python's too.
std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string literal(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return fmt::format("{}", value);
}

std::string literal(const std::vector<double>& values) {
  std::string text = "[";
  for (std::size_t i = 0; i < values.size(); ++i) text += (i == 0 ? "" : ", ") + literal(values[i]);
  return text + "]";
}

// Reads a value over the figure's axes from the file: positions that are held fixed are indexed, the rest is
// transposed. Empty where the value is no array over these axes.
std::string reading(const Result& result, const Figure& figure, const std::string& value, const ViewState& view,
                    const std::string& variable, const std::string& dataset) {
  const auto cut = slice(result, figure, value, view);
  if (!cut) return {};
  std::string index, order;
  std::vector<std::string> left;
  for (const std::string& axis : cut->array->axes) {
    const bool kept = std::ranges::find(figure.axes, axis) != figure.axes.end();
    index += (index.empty() ? "" : ", ") + (kept ? std::string(":") : std::to_string(cut->fixed));
    if (kept) left.push_back(axis);
  }
  for (const std::string& axis : figure.axes)
    order += std::to_string(std::ranges::find(left, axis) - left.begin()) + ", ";
  return fmt::format("    {} = read(\"values/{}\")[{}].transpose({})\n", variable, dataset, index,
                     order.substr(0, order.size() - 2));
}

std::string heatMapCode(const Result& result, const Figure& figure, const ViewState& view, const Drawing& drawing) {
  const auto named = view.set.find("values");
  const std::string value = named == view.set.end() ? figure.values.front() : named->second;
  const std::string read = reading(result, figure, value, view, "cells", value);
  if (read.empty() || !drawing.scale) return {};
  const ColourScale& scale = *drawing.scale;
  const std::string map = scale.map == "blue white red" ? "RdBu_r" : scale.map;
  std::string ticks, labels;
  for (const Tick& tick : scale.ticks) {
    ticks += (ticks.empty() ? "" : ", ") + literal(tick.at);
    labels += (labels.empty() ? "" : ", ") + quoted(tick.text);
  }
  const bool logarithmic = figure.scaleName == "log2 around 1";
  return read + fmt::format(
                    "image = ax.imshow({}, cmap={}, vmin={}, vmax={}, aspect=\"auto\", interpolation=\"nearest\")\n"
                    "bar = fig.colorbar(image, ax=ax, label={})\nbar.set_ticks([{}], labels=[{}])\n",
                    logarithmic ? "np.log2(np.maximum(cells, 1e-6))" : "cells", quoted(map), literal(scale.low),
                    literal(scale.high), quoted(scale.label), ticks, labels);
}

std::string barsCode(const Result& result, const Figure& figure, const ViewState& view, const Drawing& drawing) {
  const std::string& value = figure.values.front();
  const std::string read = reading(result, figure, value, view, "height", value);
  const auto bars =
      std::ranges::find_if(drawing.items, [](const Item& item) { return std::holds_alternative<Bars>(item); });
  if (read.empty() || bars == drawing.items.end()) return {};
  const Bars& drawn = std::get<Bars>(*bars);
  std::string order;
  for (const std::int64_t at : drawn.index) order += (order.empty() ? "" : ", ") + std::to_string(at);
  std::string text = read;
  const bool interval = !drawn.low.empty();
  if (interval)
    text += reading(result, figure, value, view, "low", value + ".low") +
            reading(result, figure, value, view, "high", value + ".high");
  text += fmt::format("order = [{}]\nax.bar(range(len(order)), height[order], width=0.8, color=\"0.6\"{})\n", order,
                      interval ? ", yerr=[(height - low)[order], (high - height)[order]]" : "");
  return text;
}

std::string linesCode(const Result& result, const Figure& figure, const ViewState& view) {
  std::string read, draw;
  for (std::size_t i = 0; i < figure.values.size(); ++i) {
    const std::string variable = "line" + std::to_string(i);
    const std::string one = reading(result, figure, figure.values[i], view, variable, figure.values[i]);
    if (one.empty()) return {};
    read += one;
    const Axis* across = figure.axes.size() == 2 ? result.axis(figure.axes[1]) : nullptr;
    if (across == nullptr) {
      draw += fmt::format("ax.plot({}, label={})\n", variable, quoted(figure.values[i]));
    } else {
      std::string labels;
      for (const std::string& label : across->labels) labels += (labels.empty() ? "" : ", ") + quoted(label);
      draw += fmt::format("for column, label in enumerate([{}]):\n    ax.plot({}[:, column], label=label)\n", labels,
                          variable);
    }
  }
  return read + draw + "ax.legend(frameon=False)\n";
}

// Marks without code of their own: what is drawn, number by number.
std::string drawnCode(const Drawing& drawing) {
  std::string text;
  for (const Item& item : drawing.items) {
    if (const auto* line = std::get_if<Polyline>(&item))
      text += fmt::format("ax.plot({}, {}, \"{}\", label={})\n", literal(line->x), literal(line->y),
                          line->dashed ? "--" : "-", quoted(line->label));
    if (const auto* bars = std::get_if<Bars>(&item))
      text += fmt::format("ax.bar({}, {}, width=0.8, color=\"0.6\")\n", literal(bars->x), literal(bars->height));
    if (const auto* band = std::get_if<Band>(&item))
      text += fmt::format("ax.fill_between({}, {}, {}, color=\"0.9\")\n", literal(band->x), literal(band->low),
                          literal(band->high));
    if (const auto* cells = std::get_if<Cells>(&item))
      text += fmt::format("ax.imshow(np.array({}).reshape({}, {}), aspect=\"auto\", interpolation=\"nearest\")\n",
                          literal(cells->colour), cells->rows, cells->columns);
  }
  if (!text.empty() || drawing.data.columns.empty()) return text;
  text = "rows = [\n";
  for (const auto& row : drawing.data.rows) {
    std::string cells;
    for (const auto& cell : row)
      cells +=
          (cells.empty() ? "" : ", ") + (std::holds_alternative<double>(cell) ? literal(std::get<double>(cell))
                                                                              : quoted(std::get<std::string>(cell)));
    text += "    (" + cells + "),\n";
  }
  return text + "]\nfor row in rows:\n    print(*row, sep=\"\\t\")\n";
}

std::string rules(const Drawing& drawing) {
  std::string text;
  for (const Item& item : drawing.items)
    if (const auto* rule = std::get_if<Rule>(&item))
      text += fmt::format("ax.{}({}, linestyle=\"{}\", color=\"black\", linewidth=0.75)\n",
                          rule->horizontal ? "axhline" : "axvline", literal(rule->at), rule->dashed ? "--" : "-");
  return text;
}

// Lines that read stand in the "with" block, the others after it.
void split(const std::string& code, std::string& read, std::string& draw) {
  for (std::size_t at = 0; at < code.size();) {
    const std::size_t end = std::min(code.find('\n', at), code.size() - 1) + 1;
    const std::string line = code.substr(at, end - at);
    (line.starts_with("    ") && line.find("= read(") != std::string::npos ? read : draw) += line;
    at = end;
  }
}

}  // namespace

std::string pythonScript(const Result& result, const Figure& figure, const ViewState& view, const Drawing& drawing,
                         const std::string& file) {
  std::string code;
  if (figure.mark == "heat map") code = heatMapCode(result, figure, view, drawing);
  if (figure.mark == "sorted bars") code = barsCode(result, figure, view, drawing);
  if (figure.mark == "lines") code = linesCode(result, figure, view);
  const bool reads = !code.empty();
  if (!reads) code = drawnCode(drawing);
  std::string read, draw;
  split(code, read, draw);
  std::string caption = drawing.caption;
  std::ranges::replace(caption, '\n', ' ');
  std::string title = drawing.title;
  std::ranges::replace(title, '\n', ' ');
  std::string text = fmt::format(
      "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n# {}\n# {}\nimport sys\n\n{}import matplotlib.pyplot as plt\n"
      "import numpy as np\n\nnan, inf = float(\"nan\"), float(\"inf\")\nfile = sys.argv[1] if len(sys.argv) > 1 else "
      "{}\n",
      title, caption, reads ? "import h5py\n" : "", quoted(file));
  if (reads) text += "\nwith h5py.File(file, \"r\") as h5:\n    read = lambda path: np.asarray(h5[path])\n" + read;
  text += "\nfig, ax = plt.subplots(figsize=(3.25, 2.0), layout=\"constrained\")\n" + draw + rules(drawing);
  text += fmt::format("ax.set_xlabel({})\nax.set_ylabel({})\n", quoted(drawing.x.label), quoted(drawing.y.label));
  text += "if len(sys.argv) > 2:\n    fig.savefig(sys.argv[2], dpi=600)\nelse:\n    plt.show()\n";
  return text;
}

}  // namespace moescope
