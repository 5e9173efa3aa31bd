// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/design_effect.h"

#include <algorithm>
#include <vector>

namespace moescope {

double designEffect(const DocumentTable& table, std::span<const double> tokens) {
  const auto cells = static_cast<std::size_t>(table.cells);
  const std::size_t documents = tokens.size();
  if (documents < 2) return 1;
  double total = 0;
  for (double each : tokens) total += each;
  std::vector<double> count(cells);
  for (std::size_t document = 0; document < documents; ++document)
    for (std::size_t cell = 0; cell < cells; ++cell) count[cell] += table.counts[document][cell];
  std::vector<double> squares(cells);
  for (std::size_t document = 0; document < documents; ++document)
    for (std::size_t cell = 0; cell < cells; ++cell) {
      const double off = table.counts[document][cell] - count[cell] / total * tokens[document];
      squares[cell] += off * off;
    }
  double between = 0, independent = 0;
  for (std::size_t cell = 0; cell < cells; ++cell) {
    between += squares[cell] * static_cast<double>(documents) / static_cast<double>(documents - 1);
    independent += count[cell] * (1 - count[cell] / total);
  }
  return independent > 0 ? std::max(1.0, between / independent) : 1;
}

}  // namespace moescope
