// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/expected.h"
#include "core/result/figure.h"

namespace moescope {

struct Axis {
  std::string name;                 // "layer"
  std::vector<std::string> labels;  // one a position; a layer's also says its block: "3 (block 4)"
};

// Numbers over 0-4 named axes, row-major. Real values pad with NaN, whole ones with -1, where layers differ in size.
struct Array {
  std::string unit;
  std::vector<std::string> axes;
  std::vector<double> values;
  std::vector<double> baseline = {};        // expectation under the null, as many as values; empty = none
  std::vector<double> low = {}, high = {};  // 95 % interval; empty = none
  bool whole = false;                       // stored as int64
  std::string help = {};                    // the definition, with its convention and source
};

struct Column {
  std::string name;
  std::string unit;
  std::variant<std::vector<double>, std::vector<std::string>> cells;
};
struct Table {
  std::vector<Column> columns;
};

// A dendrogram: leaves 0..n-1, merge i makes node n+i from two nodes at a height.
struct Tree {
  std::vector<std::string> leaves;
  struct Merge {
    std::int64_t left, right;
    double height;
  };
  std::vector<Merge> merges;
};

struct Graph {
  std::vector<std::string> nodes;
  struct Edge {
    std::int64_t from, to;
    double weight;
  };
  std::vector<Edge> edges;
};

struct Points {
  std::string xUnit, yUnit;
  std::vector<double> x, y;
  std::vector<std::string> labels;  // one a point, or empty
  std::vector<std::int64_t> group;  // colour group, or empty
};

// Text with where each token was routed. expert and weight are [token, layer, k]; -1 = no further expert.
struct TokenText {
  std::int64_t layers = 0, k = 0;
  std::vector<std::string> text;  // bytes of each token, as they are
  std::vector<std::int32_t> id;
  std::vector<std::int32_t> expert;
  std::vector<float> weight;
  std::vector<float> loss = {};  // nats of the next token; NaN or empty where not known
  std::vector<std::int32_t> position = {};
};

struct Value {
  std::string name;
  std::variant<Array, Table, Tree, Graph, Points, TokenText> content;
  std::string_view kind() const;  // "array", "table", "tree", "graph", "points", "token text"
};

// The typed answer of an analysis.
struct Result {
  std::vector<Axis> axes = {};
  std::vector<Value> values = {};
  std::vector<Figure> figures = {};  // copied from the description when it is written
  Json facts = Json::object();       // what captions need: {"tokens":98304,"documents":412,"source":"qwen on
                                     // text","operation":"load.balance"}

  // References stay valid until the next add.
  Array& add(std::string name, std::string unit, std::vector<std::string> axes, std::vector<double> values);
  Array& addWhole(std::string name, std::string unit, std::vector<std::string> axes, std::vector<double> values);
  void add(std::string name, std::variant<Array, Table, Tree, Graph, Points, TokenText> content);
  const Value* find(std::string_view name) const;
  const Array* array(std::string_view name) const;  // null when missing or of another kind
  const Axis* axis(std::string_view name) const;
};

// Axes named by arrays exist, extents multiply to the number of values, intervals and baselines are as long: or a bug
// error.
Expected<void> checkResult(const Result& result);

// One HDF5 file (contract section 3). Equal results give equal bytes. Reading treats the file as foreign.
Expected<void> writeResult(const Result& result, const std::filesystem::path& file);
Expected<Result> readResult(const std::filesystem::path& file);
// One that another program wrote, with strings as it likes them: in a process that may end by it
// (hdf5::File::openForeign).
Expected<Result> readForeignResult(const std::filesystem::path& file);

}  // namespace moescope
