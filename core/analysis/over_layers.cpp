// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/over_layers.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/result/wording.h"
#include "core/statistics/resampling.h"

namespace moescope {

namespace {

double mean(const std::vector<double>& values) {
  double sum = 0, count = 0;
  for (double value : values)
    if (!std::isnan(value)) {
      sum += value;
      ++count;
    }
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

void addOverLayers(Result& result, const std::string& name, const std::vector<StatedValue>& stated) {
  constexpr double shares[] = {0.5, 0.75, 0.9, 0.95, 1};
  std::vector<std::string> measures, units, conventions;
  std::vector<double> means, floors;
  std::vector<std::vector<double>> quantiles(std::size(shares));
  for (const StatedValue& value : stated) {
    const Array* array = result.array(value.name);
    if (array == nullptr || array->axes != std::vector<std::string>{"layer"}) continue;
    measures.push_back(sentence(words(value.name, Figure{})));
    units.push_back(array->unit);
    conventions.push_back(value.convention);
    means.push_back(mean(array->values));
    floors.push_back(mean(array->baseline));
    std::vector<double> values = array->values;
    for (std::size_t at = 0; at < std::size(shares); ++at) quantiles[at].push_back(quantile(values, shares[at]));
  }
  Table table{.columns = {{"measure", "", measures}, {"mean", "", means}}};
  const char* headings[] = {"p50", "p75", "p90", "p95", "largest"};
  for (std::size_t at = 0; at < std::size(shares); ++at) table.columns.push_back({headings[at], "", quantiles[at]});
  table.columns.push_back({"floor", "", floors});
  table.columns.push_back({"unit", "", units});
  table.columns.push_back({"convention", "", conventions});
  result.add(name, std::move(table));
}

void leaveOut(Result& result, const std::vector<std::string>& values, const std::string& why) {
  for (const std::string& value : values) result.facts["unavailable"][value] = why;
}

}  // namespace moescope
