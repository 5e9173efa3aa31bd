// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/token_walk.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moescope {

namespace {
constexpr std::size_t oneIn = 20;  // the most surprising twentieth
}

std::vector<double> lossesOf(const Drawing& drawing) {
  std::vector<double> losses;
  const auto& columns = drawing.data.columns;
  const auto column = std::ranges::find(columns, "loss");
  if (!drawing.text || column == columns.end()) return losses;
  const auto at = static_cast<std::size_t>(column - columns.begin());
  for (const auto& row : drawing.data.rows) {
    const auto* value = at < row.size() ? std::get_if<double>(&row[at]) : nullptr;
    losses.push_back(value == nullptr ? std::numeric_limits<double>::quiet_NaN() : *value);
  }
  losses.resize(drawing.text->runs.size(), std::numeric_limits<double>::quiet_NaN());
  return losses;
}

std::int64_t nextWords(const DrawnText& text, const QString& words, std::int64_t from) {
  if (words.isEmpty() || text.runs.empty()) return -1;
  QString all;
  std::vector<qsizetype> begins;
  for (const DrawnText::Run& run : text.runs) {
    begins.push_back(all.size());
    all += QString::fromStdString(run.text);
  }
  const auto after = static_cast<std::size_t>(from + 1);
  qsizetype found = after < begins.size() ? all.indexOf(words, begins[after], Qt::CaseInsensitive) : -1;
  if (found < 0) found = all.indexOf(words, 0, Qt::CaseInsensitive);
  if (found < 0) return -1;
  return std::upper_bound(begins.begin(), begins.end(), found) - begins.begin() - 1;
}

std::int64_t nextSurprise(const std::vector<double>& losses, std::int64_t from) {
  std::vector<double> known;
  std::ranges::copy_if(losses, std::back_inserter(known), [](double loss) { return std::isfinite(loss); });
  if (known.empty()) return -1;
  const std::size_t many = std::max<std::size_t>(1, known.size() / oneIn);
  std::ranges::nth_element(known, known.begin() + static_cast<std::ptrdiff_t>(many - 1), std::greater());
  const double least = known[many - 1];
  const auto size = static_cast<std::int64_t>(losses.size());
  for (std::int64_t step = 1; step <= size; ++step) {
    const std::int64_t at = (std::max<std::int64_t>(from, -1) + step) % size;
    if (losses[static_cast<std::size_t>(at)] >= least) return at;
  }
  return -1;
}

}  // namespace moescope
