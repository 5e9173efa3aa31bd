// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/result/result.h"

namespace moescope {

// What a view may change without changing a number: selection, ordering, limits. Persisted by the window.
struct ViewState {
  std::map<std::string, std::int64_t> at;               // axis -> shown index ("layer" -> 2)
  std::map<std::string, std::vector<std::int64_t>> selected;  // axis -> indices ("expert" -> {5})
  std::map<std::string, std::string> set;               // other view settings: "values", "order", "rank"
};

// Colours by meaning; the theme of whoever renders gives them their value.
enum class Ink { text, muted, line, accent, neutral, good, warn, bad, domain0 /* + n, Okabe-Ito, n < 8 */ };
inline Ink domainInk(std::int64_t index) { return static_cast<Ink>(static_cast<std::int64_t>(Ink::domain0) + index % 8); }

struct Tick { double at; std::string text; };
struct DrawingAxis {
  std::string label;          // with its unit: "expert", "utilisation, x fair share"
  double low = 0, high = 1;
  bool reversed = false;      // low at the top (rows of a heat map)
  bool logarithmic = false;
  std::vector<Tick> ticks;    // empty: the renderer places numeric ticks
  bool bare = false;          // no ticks: places along it mean nothing (the height of a flow's nodes)
};

// How cell values become colours.
struct ColourScale {
  std::string map;            // "viridis", "cividis", "blue white red"
  double low = 0, high = 1;   // in transformed units (log2 for "log2 around 1")
  std::string label;
  std::vector<Tick> ticks;    // in transformed units
};

struct Cells {                // rows x columns unit cells centred on whole numbers
  std::int64_t rows = 0, columns = 0;
  std::vector<double> colour;        // transformed value; NaN = no such cell (hatched)
  std::vector<bool> grey;            // within the noise floor
  std::vector<std::string> text;     // printed in the cell when there is room; may be empty
  std::vector<std::string> readOut;  // hover text, complete with unit and interval
  std::string rowAxis, columnAxis;   // names in ViewState
  std::vector<std::int64_t> rowIndex = {}, columnIndex = {};  // what stands where, on its axis; empty: in the axis's order
};
struct Bars {
  std::vector<double> x, height, low, high;  // low/high empty = no interval
  std::vector<bool> selected;
  std::vector<std::int64_t> index;           // position on the axis, for selection
  std::vector<std::string> readOut;
  std::string axis;                          // empty: none, the bars of a histogram
  Ink ink = Ink::muted;
  std::vector<double> width = {};            // in units of x; empty: 1 each
};
struct Polyline {
  std::vector<double> x, y;                  // NaN y breaks the line
  std::string label;                         // written at its right end
  Ink ink = Ink::accent;
  bool dashed = false, thin = false;
  std::vector<std::string> readOut = {};
};
struct Band { std::vector<double> x, low, high; Ink ink = Ink::neutral; };
struct Rule { bool horizontal = true; double at = 0; std::string label; bool dashed = true; Ink ink = Ink::text; };
struct Outline { double x0, y0, x1, y1; Ink ink = Ink::accent; };  // a frame around a row, a cell
// Points of a scatter, with whiskers where there are intervals.
struct Dots {
  std::vector<double> x, y;
  std::vector<double> xLow = {}, xHigh = {}, yLow = {}, yHigh = {};  // empty = no interval
  std::vector<std::string> label = {};       // written beside those that are not empty, as far as there is room
  std::vector<bool> selected = {};
  std::vector<std::int64_t> index = {};      // position on `axis`, for selection; empty = none
  std::vector<std::int64_t> place = {};      // position on `placeAxis`: the layer of an expert; empty = none
  std::vector<std::string> readOut = {};
  std::string axis = {}, placeAxis = {};
  Ink ink = Ink::muted;
};
// Nodes of a flow: filled rectangles with a name at their right.
struct Blocks {
  std::vector<double> x0, x1, y0, y1;
  std::vector<std::string> label;
  std::vector<bool> selected;
  std::vector<std::int64_t> index;           // on `axis`; -1 = several together
  std::vector<std::int64_t> place;           // on `placeAxis`: the layer of an expert
  std::vector<std::string> readOut;
  std::string axis, placeAxis;
  Ink ink = Ink::muted;
};
// What flows between nodes: a band from [y0, y0 + height0] at x0 to [y1, y1 + height1] at x1.
struct Ribbons {
  std::vector<double> x0, y0, height0, x1, y1, height1;
  std::vector<double> colour;                // in the units of the drawing's scale
  std::vector<double> strength;              // opacity, 0 to 1
  std::vector<bool> selected;
  std::vector<std::string> readOut;
};
// How far along its way up or down a ribbon is at a share of its length: no slope at either end.
inline double ribbonRise(double share) { return share * share * (3 - 2 * share); }
using Item = std::variant<Cells, Bars, Polyline, Band, Rule, Outline, Dots, Blocks, Ribbons>;

struct DrawnTable {
  struct Heading { std::string text, unit; bool number = true; };
  std::vector<Heading> headings;
  std::vector<std::vector<std::string>> rows;  // as printed
  std::vector<std::vector<double>> numbers;    // for sorting; NaN for words
};

struct DrawnText {
  struct Run { std::string text; std::optional<Ink> ground; double strength = 1; std::string readOut; std::int64_t token = 0; std::int64_t expert = -1; };
  std::vector<Run> runs;      // in reading order; new lines are in the text
  std::vector<std::pair<std::string, Ink>> legend;
};

// The exact numbers that are drawn, tidy: one row a mark. CSV, pgfplots and "copy data" write these; empty where a
// table holds them already.
struct DrawnData {
  std::vector<std::string> columns;
  std::vector<std::vector<std::variant<double, std::string>>> rows;
};

// A display list in data units, free of any toolkit; screen, PDF, SVG, PNG, pgfplots and CSV render the same one.
struct Drawing {
  std::string title;
  std::string caption;        // one line: quantity, unit, scale, baseline, N tokens, N documents
  DrawingAxis x, y;
  std::optional<ColourScale> scale;
  std::vector<Item> items;    // back to front
  std::optional<DrawnTable> table;
  std::optional<DrawnText> text;
  DrawnData data;
  std::string empty;          // not empty: why there is nothing to draw, in one sentence
};

// Usage error for an unknown mark, input error when the result lacks a value that the figure names.
Expected<Drawing> draw(const Result& result, const Figure& figure, const ViewState& view);

// "12", "0.034", "1.2e-05": at most `digits` significant digits, as tables and read-outs print numbers.
std::string number(double value, int digits = 3);

std::string csv(const Drawing& drawing);
std::string pgfplots(const Drawing& drawing, double widthPoints, double fontPoints);

}  // namespace moescope
