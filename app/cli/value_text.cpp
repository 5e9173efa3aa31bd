// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/value_text.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/result/latex.h"

namespace moescope::cli {

namespace {

std::vector<std::size_t> extents(const Result& result, const Array& array) {
  std::vector<std::size_t> extent;
  for (const std::string& name : array.axes) {
    const Axis* axis = result.axis(name);
    extent.push_back(axis == nullptr ? 0 : axis->labels.size());
  }
  return extent;
}

Json numberJson(double value, bool whole) {
  if (whole && std::isfinite(value)) return static_cast<std::int64_t>(value);
  return jsonReal(value);
}

Json nested(const std::vector<double>& values, const std::vector<std::size_t>& extent, bool whole, std::size_t depth,
            std::size_t& at) {
  if (depth == extent.size()) return numberJson(values[at++], whole);
  Json list = Json::array();
  for (std::size_t index = 0; index < extent[depth]; ++index)
    list.push_back(nested(values, extent, whole, depth + 1, at));
  return list;
}

Json nestedOrNull(const std::vector<double>& values, const std::vector<std::size_t>& extent, bool whole) {
  if (values.empty() && !extent.empty()) {
    for (const std::size_t one : extent)
      if (one == 0) return Json::array();
    return nullptr;
  }
  if (values.empty()) return nullptr;
  std::size_t at = 0;
  return nested(values, extent, whole, 0, at);
}

Json contentJson(const Result& result, const Array& array) {
  Json json{{"unit", array.unit}, {"axes", Json::array()}};
  for (const std::string& name : array.axes) {
    const Axis* axis = result.axis(name);
    json["axes"].push_back({{"name", name}, {"labels", axis == nullptr ? std::vector<std::string>{} : axis->labels}});
  }
  const auto extent = extents(result, array);
  json["values"] = nestedOrNull(array.values, extent, array.whole);
  json["baseline"] = nestedOrNull(array.baseline, extent, false);
  json["low"] = nestedOrNull(array.low, extent, false);
  json["high"] = nestedOrNull(array.high, extent, false);
  return json;
}

Json contentJson(const Result&, const Table& table) {
  Json columns = Json::array();
  for (const Column& column : table.columns) {
    Json cells = Json::array();
    if (const auto* numbers = std::get_if<std::vector<double>>(&column.cells))
      for (const double number : *numbers) cells.push_back(jsonReal(number));
    else
      for (const std::string& text : std::get<std::vector<std::string>>(column.cells)) cells.push_back(text);
    columns.push_back({{"name", column.name}, {"unit", column.unit}, {"values", std::move(cells)}});
  }
  return Json{{"columns", std::move(columns)}};
}

Json contentJson(const Result&, const Tree& tree) {
  Json merges = Json::array();
  for (const auto& merge : tree.merges) merges.push_back({merge.left, merge.right, jsonReal(merge.height)});
  return Json{{"leaves", tree.leaves}, {"merges", std::move(merges)}};
}

Json contentJson(const Result&, const Graph& graph) {
  Json edges = Json::array();
  for (const auto& edge : graph.edges) edges.push_back({edge.from, edge.to, jsonReal(edge.weight)});
  return Json{{"nodes", graph.nodes}, {"edges", std::move(edges)}};
}

Json contentJson(const Result&, const Points& points) {
  Json json{{"x_unit", points.xUnit}, {"y_unit", points.yUnit},  {"x", Json::array()},
            {"y", Json::array()},     {"labels", points.labels}, {"group", points.group}};
  for (const double x : points.x) json["x"].push_back(jsonReal(x));
  for (const double y : points.y) json["y"].push_back(jsonReal(y));
  return json;
}

Json contentJson(const Result&, const TokenText& text) {
  Json json{{"layers", text.layers}, {"k", text.k},
            {"text", text.text},     {"id", text.id},
            {"expert", text.expert}, {"weight", Json::array()},
            {"loss", Json::array()}, {"position", text.position}};
  for (const float weight : text.weight) json["weight"].push_back(jsonReal(weight));
  for (const float loss : text.loss) json["loss"].push_back(jsonReal(loss));
  return json;
}

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string plain(double value, bool whole) {
  if (std::isnan(value)) return "";
  return whole ? fmt::format("{}", static_cast<std::int64_t>(value)) : fmt::format("{}", value);
}

std::string arrayCsv(const Result& result, const std::string& name, const Array& array) {
  std::string csv;
  for (const std::string& axis : array.axes) csv += quoted(axis) + ",";
  csv += quoted(name);
  const std::pair<const char*, const std::vector<double>*> sides[] = {
      {"baseline", &array.baseline}, {"low", &array.low}, {"high", &array.high}};
  for (const auto& [side, values] : sides)
    if (!values->empty()) csv += std::string(",") + side;
  csv += "\n";
  const auto extent = extents(result, array);
  for (std::size_t at = 0; at < array.values.size(); ++at) {
    std::size_t rest = at;
    std::vector<std::string> labels(extent.size());
    for (std::size_t axis = extent.size(); axis-- > 0; rest /= extent[axis])
      labels[axis] = result.axis(array.axes[axis])->labels[rest % extent[axis]];
    for (const std::string& label : labels) csv += quoted(label) + ",";
    csv += plain(array.values[at], array.whole);
    for (const auto& [side, values] : sides)
      if (!values->empty()) csv += "," + plain((*values)[at], false);
    csv += "\n";
  }
  return csv;
}

std::string tableCsv(const Table& table) {
  std::string csv;
  std::size_t rows = 0;
  for (const Column& column : table.columns) {
    csv += (csv.empty() ? "" : ",") + quoted(column.name);
    rows = std::visit([](const auto& cells) { return cells.size(); }, column.cells);
  }
  csv += "\n";
  for (std::size_t row = 0; row < rows; ++row) {
    std::string line;
    for (const Column& column : table.columns) {
      const auto* numbers = std::get_if<std::vector<double>>(&column.cells);
      line += (&column == table.columns.data() ? "" : ",") +
              (numbers ? plain((*numbers)[row], false) : quoted(std::get<1>(column.cells)[row]));
    }
    csv += line + "\n";
  }
  return csv;
}

// Rows are the first axis; columns the second, or the value with its baseline and interval.
std::vector<Column> columnsOf(const Result& result, const std::string& name, const Array& array) {
  const auto extent = extents(result, array);
  std::vector<Column> columns;
  if (!extent.empty()) columns.push_back({array.axes[0], "", result.axis(array.axes[0])->labels});
  if (extent.size() == 2) {
    for (std::size_t column = 0; column < extent[1]; ++column) {
      std::vector<double> cells;
      for (std::size_t row = 0; row < extent[0]; ++row) cells.push_back(array.values[row * extent[1] + column]);
      columns.push_back({result.axis(array.axes[1])->labels[column], "", std::move(cells)});
    }
    return columns;
  }
  columns.push_back({name, array.unit, array.values});
  const std::pair<const char*, const std::vector<double>*> sides[] = {
      {"baseline", &array.baseline}, {"low", &array.low}, {"high", &array.high}};
  for (const auto& [side, values] : sides)
    if (!values->empty()) columns.push_back({side, array.unit, *values});
  return columns;
}

}  // namespace

Json valueJson(const Result& result, const Value& value) {
  Json json = std::visit([&](const auto& content) { return contentJson(result, content); }, value.content);
  json["name"] = value.name;
  json["kind"] = value.kind();
  return json;
}

Expected<std::string> valueCsv(const Result& result, const Value& value) {
  if (const auto* array = std::get_if<Array>(&value.content)) return arrayCsv(result, value.name, *array);
  if (const auto* table = std::get_if<Table>(&value.content)) return tableCsv(*table);
  return usageError(fmt::format("{} is a {}, which has no rows; use --format json", value.name, value.kind()));
}

Expected<std::string> valueLatex(const Result& result, const Value& value) {
  const auto* array = std::get_if<Array>(&value.content);
  if (array != nullptr && array->axes.size() > 2)
    return usageError(fmt::format("{} has {} axes, a table has two; use --format csv", value.name, array->axes.size()));
  Result whole;
  whole.add(value.name, array != nullptr ? Table{columnsOf(result, value.name, *array)} : value.content);
  TRY(drawing, draw(whole, table("value", {value.name}), {}));
  if (!drawing.table) return usageError(fmt::format("{} is a {}, which is no table", value.name, value.kind()));
  return booktabs(*drawing.table);
}

Expected<std::string> valueNpy(const Value& value, const Result& result) {
  const auto* array = std::get_if<Array>(&value.content);
  if (array == nullptr)
    return usageError(fmt::format("{} is a {}, npy holds arrays only; use --format json", value.name, value.kind()));
  std::string shape;
  for (const std::size_t extent : extents(result, *array)) shape += fmt::format("{},", extent);
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", array->whole ? "<i8" : "<f8", shape);
  header.append(63 - (10 + header.size()) % 64, ' ');  // the data begins at a multiple of 64
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  for (const double number : array->values) {
    char raw[8];
    if (const auto whole = static_cast<std::int64_t>(number); array->whole)
      std::memcpy(raw, &whole, 8);
    else
      std::memcpy(raw, &number, 8);
    bytes.append(raw, 8);
  }
  return bytes;
}

}  // namespace moescope::cli
