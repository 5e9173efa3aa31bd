// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/loss_correlation.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <thread>

#include "core/statistics/rank_correlation.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t bins = LossCorrelation::rankBins;

// The bin of each value among bins of equally many; equal values share one.
std::vector<std::uint8_t> binned(const std::vector<float>& values) {
  std::vector<float> ascending = values;
  std::sort(ascending.begin(), ascending.end());
  std::vector<std::uint8_t> bin(values.size());
  for (std::size_t at = 0; at < values.size(); ++at) {
    const auto below = std::lower_bound(ascending.begin(), ascending.end(), values[at]) - ascending.begin();
    bin[at] = static_cast<std::uint8_t>(static_cast<std::size_t>(below) * bins / values.size());
  }
  return bin;
}

std::vector<double> lossByDecile(const std::vector<std::uint8_t>& bin, const std::vector<float>& loss) {
  std::vector<double> sum(LossCorrelation::deciles), count(sum.size());
  for (std::size_t at = 0; at < bin.size(); ++at) {
    const std::size_t decile = bin[at] * sum.size() / bins;
    sum[decile] += loss[at];
    ++count[decile];
  }
  for (std::size_t decile = 0; decile < sum.size(); ++decile)
    sum[decile] = count[decile] > 0 ? sum[decile] / count[decile] : nan;
  return sum;
}

// Tokens by their pair of bins, and their documents.
struct Pairs {
  std::vector<std::uint16_t> cell;
  std::vector<std::uint32_t> document;
};

double correlation(const Pairs& pairs, std::span<const std::uint32_t> times, std::vector<double>& table) {
  table.assign(bins * bins, 0);
  for (std::size_t at = 0; at < pairs.cell.size(); ++at) table[pairs.cell[at]] += times[pairs.document[at]];
  return rankCorrelation(table, bins);
}

Expected<std::vector<double>> resample(const Pairs& pairs, std::int64_t documents, const Draws& draws,
                                       const Poll& poll) {
  std::vector<double> drawn(draws.count);
  std::atomic<std::int64_t> next = 0;
  std::atomic<bool> stopped = false;
  const auto work = [&] {
    std::vector<std::uint32_t> times(documents);
    std::vector<double> table;
    for (std::int64_t draw = next++; draw < draws.count && !stopped; draw = next++) {
      takeDocuments(draws.seed, draw, times);
      drawn[draw] = correlation(pairs, times, table);
      if (!poll(static_cast<double>(draw) / static_cast<double>(draws.count))) stopped = true;
    }
  };
  std::vector<std::jthread> others;
  for (int thread = 1; thread < draws.threads; ++thread) others.emplace_back(work);
  work();
  others.clear();
  if (stopped) return cancelledError();
  return drawn;
}

}  // namespace

Expected<LossCorrelation> correlateWithLoss(std::vector<float> measure, std::vector<float> loss,
                                            std::vector<std::uint32_t> document, std::int64_t documents,
                                            const Draws& draws, const Poll& poll) {
  std::size_t kept = 0;
  for (std::size_t at = 0; at < measure.size(); ++at) {
    if (std::isnan(measure[at]) || std::isnan(loss[at])) continue;
    measure[kept] = measure[at];
    loss[kept] = loss[at];
    document[kept++] = document[at];
  }
  measure.resize(kept);
  loss.resize(kept);
  document.resize(kept);
  LossCorrelation answer{nan, {nan, nan}, std::vector<double>(LossCorrelation::deciles, nan)};
  if (kept < 2) return answer;
  const std::vector<std::uint8_t> rows = binned(measure), columns = binned(loss);
  answer.lossByDecile = lossByDecile(rows, loss);
  Pairs pairs{std::vector<std::uint16_t>(kept), std::move(document)};
  for (std::size_t at = 0; at < kept; ++at) pairs.cell[at] = static_cast<std::uint16_t>(rows[at] * bins + columns[at]);
  std::vector<double> table;
  answer.rho = correlation(pairs, std::vector<std::uint32_t>(documents, 1), table);
  if (draws.count == 0 || documents < 2) return answer;
  TRY(drawn, resample(pairs, documents, draws, poll));
  answer.interval = percentileInterval(drawn);
  return answer;
}

}  // namespace moescope
