// SPDX-License-Identifier: GPL-3.0-or-later
// A Drawing as a LaTeX file that compiles by itself (pdflatex, standalone, pgfplots 1.17 or newer), its data inline.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/result/colours.h"
#include "core/result/drawing.h"
#include "core/result/latex.h"
#include "core/result/scale.h"
#include "core/result/utf8.h"

namespace moescope {

namespace {

std::string preamble(double fontPoints) {
  std::string text =
      "\\documentclass[border=1pt]{standalone}\n\\usepackage[utf8]{inputenc}\n\\usepackage[T1]{fontenc}\n"
      "\\usepackage{mathptmx}\n\\usepackage{pgfplots}\n\\usepackage{booktabs}\n\\pgfplotsset{compat=1.17}\n";
  for (int ink = 0; ink < static_cast<int>(Ink::domain0) + 8; ++ink) {
    const Rgb colour = paperInk(static_cast<Ink>(ink));
    text += fmt::format("\\definecolor{{ink{}}}{{RGB}}{{{},{},{}}}\n", ink, colour.red, colour.green, colour.blue);
  }
  return text +
         fmt::format("\\begin{{document}}\n\\fontsize{{{0}}}{{{1}}}\\selectfont\n", fontPoints, fontPoints * 1.2);
}

// `room`: how many ticks there is place for.
std::string tickOptions(const char* axis, const DrawingAxis& drawn, std::size_t room = 1000) {
  if (drawn.bare) return fmt::format("  {}tick=\\empty,\n", axis);
  if (drawn.ticks.empty()) return "";
  std::string places, texts;
  for (const Tick& tick : thinned(drawn.ticks, room)) {
    places += fmt::format("{}{}", places.empty() ? "" : ",", real(tick.at));
    texts += fmt::format("{}{{{}}}", texts.empty() ? "" : ",", latex(tick.text));
  }
  return fmt::format("  {0}tick={{{1}}}, {0}ticklabels={{{2}}},\n", axis, places, texts);
}

std::string axisOptions(const char* axis, const DrawingAxis& drawn, std::size_t room) {
  return fmt::format("  {0}min={1}, {0}max={2}, {0}label={{{3}}},{4}{5}\n{6}", axis, real(drawn.low), real(drawn.high),
                     latex(drawn.label), drawn.reversed ? fmt::format(" {} dir=reverse,", axis) : "",
                     drawn.logarithmic ? fmt::format(" {}mode=log,", axis) : "", tickOptions(axis, drawn, room));
}

std::string colourOptions(const ColourScale& scale) {
  std::string stops;
  for (const Rgb& stop : colourStops(scale.map, {.neutral = {0xf7, 0xf7, 0xf7}}))
    stops += fmt::format(" rgb255=({},{},{})", stop.red, stop.green, stop.blue);
  DrawingAxis bar{.ticks = scale.ticks};
  return fmt::format(
      "  colormap={{figure}}{{{}}}, point meta min={}, point meta max={}, colorbar,\n  colorbar style={{width=2mm, "
      "title={{{}}},\n{}  }},\n",
      stops.substr(1), real(scale.low), real(scale.high), latex(scale.label), tickOptions("y", bar));
}

std::string plot(const Cells& cells, const Drawing&) {
  std::string text = fmt::format("\\addplot[matrix plot*, mesh/cols={}, point meta=explicit] table[meta=c] {{\nx y c\n",
                                 cells.columns);
  for (std::size_t cell = 0; cell < cells.colour.size(); ++cell)
    text += fmt::format("{} {} {}\n", cell % static_cast<std::size_t>(cells.columns),
                        cell / static_cast<std::size_t>(cells.columns), real(cells.colour[cell]));
  text += "};\n";
  for (std::size_t cell = 0; cell < cells.colour.size(); ++cell) {
    const bool missing = std::isnan(cells.colour[cell]);
    if (!missing && (cells.grey.empty() || !cells.grey[cell])) continue;
    const auto x = static_cast<double>(cell % static_cast<std::size_t>(cells.columns)),
               y = static_cast<double>(cell / static_cast<std::size_t>(cells.columns));
    text += fmt::format("\\fill[{}] (axis cs:{},{}) rectangle (axis cs:{},{});\n",
                        missing ? "white" : colourName(Ink::neutral), x - 0.5, y - 0.5, x + 0.5, y + 0.5);
  }
  return text;
}

// A histogram's bars have widths of their own, which ybar does not know.
std::string widePlot(const Bars& bars) {
  std::string text;
  for (std::size_t i = 0; i < bars.x.size(); ++i)
    if (std::isfinite(bars.height[i]))
      text += fmt::format("\\fill[{}, draw=white, line width=0.2pt] (axis cs:{},0) rectangle (axis cs:{},{});\n",
                          colourName(!bars.selected.empty() && bars.selected[i] ? Ink::accent : bars.ink),
                          real(bars.x[i] - 0.5 * bars.width[i]), real(bars.x[i] + 0.5 * bars.width[i]),
                          real(bars.height[i]));
  return text;
}

std::string plot(const Bars& bars, const Drawing&) {
  if (!bars.width.empty()) return widePlot(bars);
  std::string text;
  for (bool selected : {false, true}) {
    std::string rows;
    for (std::size_t i = 0; i < bars.x.size(); ++i)
      if (bars.selected.empty() ? !selected : bars.selected[i] == selected)
        rows += bars.low.empty() ? fmt::format("{} {}\n", real(bars.x[i]), real(bars.height[i]))
                                 : fmt::format("{} {} {} {}\n", real(bars.x[i]), real(bars.height[i]),
                                               real(bars.height[i] - bars.low[i]), real(bars.high[i] - bars.height[i]));
    if (rows.empty()) continue;
    const std::string errors =
        bars.low.empty() ? "" : ", error bars/.cd, y dir=both, y explicit, error bar style={line width=0.3pt}";
    text += fmt::format("\\addplot[ybar, bar width=0.8, bar shift=0pt, draw=none, fill={}{}] table[{}] {{\n{}\n{}}};\n",
                        colourName(selected ? Ink::accent : bars.ink), errors,
                        bars.low.empty() ? "x=x, y=y" : "x=x, y=y, y error minus=m, y error plus=p",
                        bars.low.empty() ? "x y" : "x y m p", rows);
  }
  return text;
}

std::string plot(const Polyline& line, const Drawing&) {
  std::string text = fmt::format("\\addplot[{}, line width={}pt{}, unbounded coords=jump] table {{\nx y\n",
                                 colourName(line.ink), line.thin ? 0.4 : 0.8, line.dashed ? ", dashed" : "");
  double lastX = 0, lastY = std::nan("");
  for (std::size_t i = 0; i < line.x.size(); ++i) {
    text += fmt::format("{} {}\n", real(line.x[i]), real(line.y[i]));
    if (std::isfinite(line.y[i])) {
      lastX = line.x[i];
      lastY = line.y[i];
    }
  }
  text += "};\n";
  if (!line.label.empty() && std::isfinite(lastY))
    text += fmt::format("\\node[right, inner sep=2pt, {}] at (axis cs:{},{}) {{{}}};\n", colourName(line.ink),
                        real(lastX), real(lastY), latex(line.label));
  return text;
}

std::string plot(const Band& band, const Drawing&) {
  std::string text = fmt::format("\\addplot[draw=none, fill={}, fill opacity={}] table {{\nx y\n", colourName(band.ink),
                                 band.ink == Ink::neutral ? 1.0 : 0.2);
  for (std::size_t i = 0; i < band.x.size(); ++i)
    if (std::isfinite(band.low[i])) text += fmt::format("{} {}\n", real(band.x[i]), real(band.low[i]));
  for (std::size_t i = band.x.size(); i-- > 0;)
    if (std::isfinite(band.high[i])) text += fmt::format("{} {}\n", real(band.x[i]), real(band.high[i]));
  return text + "} \\closedcycle;\n";
}

std::string plot(const Rule& rule, const Drawing& drawing) {
  const DrawingAxis& along = rule.horizontal ? drawing.x : drawing.y;
  const auto point = [&](double place) {
    return rule.horizontal ? real(place) + "," + real(rule.at) : real(rule.at) + "," + real(place);
  };
  return fmt::format("\\draw[{}, line width=0.5pt{}] (axis cs:{}) -- (axis cs:{});\n", colourName(rule.ink),
                     rule.dashed ? ", dashed" : "", point(along.low), point(along.high));
}

std::string plot(const Outline& frame, const Drawing&) {
  return fmt::format("\\draw[{}, line width=0.8pt] (axis cs:{},{}) rectangle (axis cs:{},{});\n", colourName(frame.ink),
                     real(frame.x0), real(frame.y0), real(frame.x1), real(frame.y1));
}

std::string plot(const Dots& dots, const Drawing&) {
  std::string text;
  for (bool selected : {false, true}) {
    std::string rows;
    for (std::size_t i = 0; i < dots.x.size(); ++i) {
      if ((!dots.selected.empty() && dots.selected[i]) != selected) continue;
      const auto side = [&](const std::vector<double>& from, const std::vector<double>& to, double sign) {
        return real(from.empty() || to.empty() ? 0 : sign * (to[i] - from[i]));
      };
      rows += fmt::format("{} {} {} {} {} {}\n", real(dots.x[i]), real(dots.y[i]), side(dots.xLow, dots.x, 1),
                          side(dots.x, dots.xHigh, 1), side(dots.yLow, dots.y, 1), side(dots.y, dots.yHigh, 1));
    }
    if (rows.empty()) continue;
    const char* ways = dots.xLow.empty() ? "y dir=both, y explicit" : "x dir=both, x explicit, y dir=both, y explicit";
    const std::string errors = dots.xLow.empty() && dots.yLow.empty()
                                   ? ""
                                   : fmt::format(", error bars/.cd, {}, error bar style={{line width=0.3pt}}", ways);
    text += fmt::format(
        "\\addplot[only marks, mark=*, mark size=1.2pt, {}{}] table[x=x, y=y, x error minus=a, x error plus=b, y error "
        "minus=m, y error plus=p] {{\nx y a b m p\n{}}};\n",
        colourName(selected ? Ink::accent : dots.ink), errors, rows);
  }
  for (std::size_t i = 0; i < dots.label.size(); ++i)
    if (!dots.label[i].empty())
      text += fmt::format("\\node[right, inner sep=2pt] at (axis cs:{},{}) {{{}}};\n", real(dots.x[i]), real(dots.y[i]),
                          latex(dots.label[i]));
  return text;
}

std::string plot(const Blocks& blocks, const Drawing&) {
  std::string text;
  for (std::size_t i = 0; i < blocks.x0.size(); ++i) {
    text += fmt::format("\\fill[{}] (axis cs:{},{}) rectangle (axis cs:{},{});\n",
                        colourName(blocks.selected[i] ? Ink::accent : blocks.ink), real(blocks.x0[i]),
                        real(blocks.y0[i]), real(blocks.x1[i]), real(blocks.y1[i]));
    if (!blocks.label[i].empty())
      text += fmt::format("\\node[right, inner sep=1.5pt] at (axis cs:{},{}) {{{}}};\n", real(blocks.x1[i]),
                          real(0.5 * (blocks.y0[i] + blocks.y1[i])), latex(blocks.label[i]));
  }
  return text;
}

// A cubic curve with its control points at thirds of the way is the rise of a ribbon.
std::string plot(const Ribbons& ribbons, const Drawing& drawing) {
  std::string text;
  for (std::size_t i = 0; i < ribbons.x0.size(); ++i) {
    const Rgb fill = ribbons.selected[i] || !drawing.scale
                         ? paperInk(ribbons.selected[i] ? Ink::accent : Ink::muted)
                         : colourOf(*drawing.scale, ribbons.colour[i], {.neutral = {0xcc, 0xd0, 0xd7}});
    const double x0 = ribbons.x0[i], x1 = ribbons.x1[i], third = (x1 - x0) / 3;
    const double y0 = ribbons.y0[i], y1 = ribbons.y1[i], top0 = y0 + ribbons.height0[i], top1 = y1 + ribbons.height1[i];
    text += fmt::format(
        "\\fill[fill={{rgb,255:red,{};green,{};blue,{}}}, fill opacity={:.2f}] (axis cs:{},{}) .. controls (axis "
        "cs:{},{}) "
        "and (axis cs:{},{}) .. (axis cs:{},{}) -- (axis cs:{},{}) .. controls (axis cs:{},{}) and (axis cs:{},{}) .. "
        "(axis cs:{},{}) -- cycle;\n",
        fill.red, fill.green, fill.blue, ribbons.strength[i], real(x0), real(y0), real(x0 + third), real(y0),
        real(x1 - third), real(y1), real(x1), real(y1), real(x1), real(top1), real(x1 - third), real(top1),
        real(x0 + third), real(top0), real(x0), real(top0));
  }
  return text;
}

std::string colouredText(const DrawnText& text, double widthPoints) {
  std::string out =
      fmt::format("\\setlength{{\\fboxsep}}{{0.5pt}}\\begin{{minipage}}{{{}pt}}\\raggedright\n", widthPoints);
  for (const DrawnText::Run& run : text.runs) {
    for (std::size_t start = 0; start < run.text.size();) {
      const std::size_t end = std::min(run.text.find('\n', start), run.text.size());
      const std::string part = run.text.substr(start, end - start);
      if (!part.empty()) {
        const std::string set = fmt::format("\\strut{{}}{}", latex(part));
        const std::string spaced = part.front() == ' ' ? "\\allowbreak\\ " : "\\allowbreak{}";
        out += run.ground ? fmt::format("{}\\colorbox{{{}!35}}{{{}}}", spaced, colourName(*run.ground), set)
                          : spaced + set;
      }
      if (end < run.text.size()) out += "\\par\n";
      start = end + 1;
    }
  }
  out += "\\par\\smallskip\n";
  for (const auto& [label, ink] : text.legend)
    out += fmt::format("\\colorbox{{{}!35}}{{\\strut{{}}{}}}\\quad\n", colourName(ink), latex(label));
  return out + "\\end{minipage}\n";
}

}  // namespace

namespace {

// Points beside the axes: the colour bar with its ticks, or the labels at the ends of lines.
double roomAtTheRight(const Drawing& drawing, double fontPoints) {
  std::size_t longest = drawing.scale ? 10 : 0;
  for (const Item& item : drawing.items)
    if (const auto* line = std::get_if<Polyline>(&item)) longest = std::max(longest, line->label.size());
  return 0.5 * fontPoints * static_cast<double>(longest);
}

// How many tick labels fit side by side.
std::size_t ticksAcross(const DrawingAxis& axis, double widthPoints, double fontPoints) {
  std::size_t longest = 1;
  for (const Tick& tick : axis.ticks) longest = std::max(longest, tick.text.size());
  return static_cast<std::size_t>(0.85 * widthPoints / (0.5 * fontPoints * static_cast<double>(longest + 2))) + 1;
}

}  // namespace

std::string pgfplots(const Drawing& drawing, double widthPoints, double fontPoints) {
  std::string text =
      fmt::format("% {}\n% {}\n{}", validUtf8(drawing.title), validUtf8(drawing.caption), preamble(fontPoints));
  if (!drawing.empty.empty()) return text + latex(drawing.empty) + "\n\\end{document}\n";
  if (drawing.table) return text + booktabs(*drawing.table) + "\\end{document}\n";
  if (drawing.text) return text + colouredText(*drawing.text, widthPoints) + "\\end{document}\n";
  const double width = widthPoints - roomAtTheRight(drawing, fontPoints), height = widthPoints * 0.62;
  text += fmt::format(
      "\\begin{{tikzpicture}}\n\\begin{{axis}}[\n  scale only axis=false, width={}pt, height={}pt, axis on top, "
      "clip=true, clip mode=individual,\n",
      width, height);
  text +=
      "  tick align=outside, tick pos=left, tick style={black, line width=0.4pt}, axis line style={line "
      "width=0.5pt},\n";
  text += axisOptions("x", drawing.x, ticksAcross(drawing.x, width, fontPoints)) +
          axisOptions("y", drawing.y, static_cast<std::size_t>(height / (1.6 * fontPoints)));
  if (drawing.scale) text += colourOptions(*drawing.scale);
  text += "]\n";
  for (const Item& item : drawing.items)
    text += std::visit([&](const auto& mark) { return plot(mark, drawing); }, item);
  return text + "\\end{axis}\n\\end{tikzpicture}\n\\end{document}\n";
}

}  // namespace moescope
