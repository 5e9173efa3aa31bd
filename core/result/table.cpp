// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/result/marks.h"
#include "core/result/slice.h"
#include "core/result/wording.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

void addRow(Drawing& drawing, std::vector<std::string> texts, std::vector<double> numbers) {
  auto& row = drawing.data.rows.emplace_back();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (drawing.table->headings[i].number)
      row.emplace_back(numbers[i]);
    else
      row.emplace_back(texts[i]);
  }
  drawing.table->rows.push_back(std::move(texts));
  drawing.table->numbers.push_back(std::move(numbers));
}

// A Table of the result, as it is: `data` stays empty, for the table has all of it (csv).
void fill(Drawing& drawing, const Table& table) {
  std::size_t rows = 0;
  std::vector<std::vector<std::string>> printed;
  for (const Column& column : table.columns) {
    const auto* numbers = std::get_if<std::vector<double>>(&column.cells);
    drawing.table->headings.push_back({column.name, besides(column.name, column.unit), numbers != nullptr});
    std::vector<std::string>& texts = printed.emplace_back();
    if (numbers)
      for (double value : *numbers) texts.push_back(std::isnan(value) ? "" : number(value, 4));
    else
      texts = std::get<std::vector<std::string>>(column.cells);
    rows = texts.size();
  }
  for (std::size_t row = 0; row < rows; ++row) {
    std::vector<std::string> texts;
    std::vector<double> numbers;
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
      texts.push_back(printed[column][row]);
      const auto* list = std::get_if<std::vector<double>>(&table.columns[column].cells);
      numbers.push_back(list ? (*list)[row] : nan);
    }
    drawing.table->rows.push_back(std::move(texts));
    drawing.table->numbers.push_back(std::move(numbers));
  }
}

// The mean over all cells that have a value. NaN when none has.
double mean(const std::vector<double>& values) {
  double sum = 0;
  std::size_t count = 0;
  for (double value : values)
    if (!std::isnan(value)) {
      sum += value;
      ++count;
    }
  return count == 0 ? nan : sum / static_cast<double>(count);
}

std::string decimalsLike(double value, double width) {
  // An interval decides how many decimals mean something: two digits of its width.
  if (!std::isfinite(value) || !std::isfinite(width) || width <= 0) return number(value);
  const int decimals = std::clamp(1 - static_cast<int>(std::floor(std::log10(width))), 0, 6);
  return fmt::format("{:.{}f}", value, decimals);
}

// One row an array: value, 95 % interval, floor, each a mean over the cells. The mean of the layers' intervals is at
// least as wide as the interval of the mean, because layers of one resample move together.
Expected<void> summarise(Drawing& drawing, const Result& result, const Figure& figure) {
  drawing.table->headings = {{"metric", "", false}, {"value", "", true}, {"95 %", "", false}, {"floor", "", true}};
  drawing.data.columns = {"metric", "value", "low", "high", "floor", "unit"};
  for (const std::string& name : figure.values) {
    const Array* array = result.array(name);
    if (!array)
      return inputError(
          fmt::format("The figure \"{}\" cannot be drawn: the result has no array \"{}\".", figure.name, name));
    std::vector<double> values = array->values;
    if (array->whole) std::ranges::replace(values, -1.0, nan);
    const double value = mean(values), low = mean(array->low), high = mean(array->high), floor = mean(array->baseline);
    const double width = high - low;
    const std::string label = sentence(quantity(name, array->unit, figure));
    drawing.table->rows.push_back({label, decimalsLike(value, width),
                                   std::isnan(width) ? "" : decimalsLike(low, width) + "–" + decimalsLike(high, width),
                                   std::isnan(floor) ? "" : number(std::abs(floor) < 1e-9 ? 0 : floor, 2)});
    drawing.table->numbers.push_back({nan, value, nan, floor});
    drawing.data.rows.push_back({label, value, low, high, floor, array->unit});
  }
  return {};
}

// "mean over layer" -> "Mean over 48 layers".
std::string summaryWords(const std::string& summary, const Result& result) {
  constexpr std::string_view start = "mean over ";
  const Axis* axis = summary.starts_with(start) ? result.axis(summary.substr(start.size())) : nullptr;
  if (!axis) return sentence(summary);
  return fmt::format("Mean over {} {}{}", axis->labels.size(), axis->name, axis->labels.size() == 1 ? "" : "s");
}

// One row a label of the first axis; a column a value, or a column a label of the second axis.
Expected<void> tabulate(Drawing& drawing, const Result& result, const Figure& figure, const ViewState& view) {
  std::vector<std::vector<std::string>> printed;
  std::vector<std::vector<double>> numbers;
  const Axis* rows = nullptr;
  for (const std::string& name : figure.values) {
    TRY(slice, moescope::slice(result, figure, name, view));
    rows = slice.axes[0];
    if (drawing.title.empty()) drawing.title = slice.at;
    const std::size_t columns = slice.axes.size() > 1 ? slice.extent(1) : 1;
    const std::vector<std::string> texts = evenly(slice.values, slice.array->whole);
    for (std::size_t column = 0; column < columns; ++column) {
      const std::string heading =
          slice.axes.size() > 1 ? shortLabel(slice.axes[1]->labels[column]) : sentence(words(name, figure));
      auto& cells = printed.emplace_back();
      auto& list = numbers.emplace_back();
      for (std::size_t row = 0; row < slice.extent(0); ++row) {
        const std::size_t cell = row * columns + column;
        cells.push_back(texts[cell]);
        list.push_back(slice.values[cell]);
      }
      drawing.table->headings.push_back({heading, besides(heading, slice.array->unit), true});
      drawing.data.columns.push_back(slice.axes.size() > 1 ? name + " " + slice.axes[1]->labels[column] : name);
    }
  }
  drawing.table->headings.insert(drawing.table->headings.begin(), {words(rows->name, figure), "", false});
  drawing.data.columns.insert(drawing.data.columns.begin(), rows->name);
  for (std::size_t row = 0; row < rows->labels.size(); ++row) {
    std::vector<std::string> texts{rows->labels[row]};
    std::vector<double> values{nan};
    for (std::size_t column = 0; column < printed.size(); ++column) {
      texts.push_back(printed[column][row]);
      values.push_back(numbers[column][row]);
    }
    addRow(drawing, std::move(texts), std::move(values));
  }
  return {};
}

}  // namespace

Expected<Drawing> drawTable(const Result& result, const Figure& figure, const ViewState& view) {
  Drawing drawing;
  drawing.table.emplace();
  const Json summary = figure.options.value("summary", Json());
  const Value* first = result.find(figure.values.front());
  std::string what;
  if (first && std::holds_alternative<Table>(first->content)) {
    fill(drawing, std::get<Table>(first->content));
  } else if (summary.is_string()) {
    TRY_DO(summarise(drawing, result, figure));
    what = summaryWords(summary.get<std::string>(), result);
    bool floors = false, intervals = false;
    for (const auto& row : drawing.table->rows) {
      intervals = intervals || !row[2].empty();
      floors = floors || !row[3].empty();
    }
    what = captioned({what, intervals ? "interval: mean of the document bootstraps" : "",
                      floors ? "floor: what balanced routing of as many tokens would show" : ""});
  } else if (figure.axes.empty() || figure.axes.size() > 2) {
    return usageError(fmt::format("The table \"{}\" is over {} axes; it needs one or two, or a value that is a table.",
                                  figure.name, figure.axes.size()));
  } else {
    TRY_DO(tabulate(drawing, result, figure, view));
  }
  const std::string at = std::exchange(drawing.title, "");
  drawing.title = titleOf(figure, words(figure.values.front(), figure), at);
  drawing.caption = captioned({what, sizeWords(result.facts)});
  if (drawing.table->rows.empty()) drawing.empty = fmt::format("\"{}\" has no rows.", drawing.title);
  return drawing;
}

}  // namespace moescope
