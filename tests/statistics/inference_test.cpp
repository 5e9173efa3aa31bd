// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/json_reading.h"
#include "core/statistics/bootstrap_inference.h"
#include "core/statistics/distributions.h"
#include "core/statistics/histogram.h"
#include "core/statistics/matching.h"
#include "core/statistics/proportions.h"
#include "core/statistics/rank_correlation.h"

namespace moescope {
namespace {

const Json& reference() {  // tests/reference/statistics.py
  static const Json json = *readJson(std::string(MOESCOPE_SOURCE_DIR) + "/tests/reference/statistics.json");
  return json;
}

bool goOn(double) {
  return true;
}

std::vector<double> flat(const Json& rows) {
  std::vector<double> all;
  for (const Json& row : rows)
    for (const Json& value : row) all.push_back(value.get<double>());
  return all;
}

TEST(Distributions, AgreeWithScipy) {
  for (const Json& of : reference()["normal"])
    EXPECT_NEAR(normalQuantile(of[0]), of[1].get<double>(), 1e-12 * std::max(1.0, std::abs(of[1].get<double>())));
  for (const Json& of : reference()["beta"])
    EXPECT_NEAR(incompleteBeta(of[0], of[1], of[2]) / of[3].get<double>(), 1, 1e-9) << of.dump();
  for (const Json& of : reference()["student"])
    EXPECT_NEAR(twoSidedStudent(of[0], of[1]) / of[2].get<double>(), 1, 1e-9) << of.dump();
  // P(X >= 3) of four throws with 1/2: (4 + 1) / 16.
  EXPECT_NEAR(binomialAtLeast(3, 4, 0.5), 5.0 / 16, 1e-12);
  EXPECT_EQ(binomialAtLeast(0, 4, 0.5), 1);
  EXPECT_EQ(binomialAtLeast(5, 4, 0.5), 0);
  EXPECT_NEAR(normalBelow(normalQuantile(0.3)), 0.3, 1e-14);
  EXPECT_NEAR(incompleteBeta(3, 5, betaQuantile(3, 5, 0.7)), 0.7, 1e-12);
  EXPECT_EQ(normalQuantile(0), -INFINITY);
  EXPECT_TRUE(std::isnan(normalQuantile(-0.1)));
}

// Newcombe 1998, table II, method 10.
TEST(Proportions, GiveThePublishedIntervals) {
  const auto check = [](Proportion one, Proportion other, double low, double high) {
    const RiskDifference risk = riskDifference(one, other);
    EXPECT_NEAR(risk.interval.low, low, 6e-5);
    EXPECT_NEAR(risk.interval.high, high, 6e-5);
  };
  check({56, 70}, {48, 80}, 0.0524, 0.3339);
  check({9, 10}, {3, 10}, 0.1705, 0.8090);
  check({6, 7}, {2, 7}, 0.0582, 0.8062);
  check({5, 56}, {0, 29}, -0.0381, 0.1926);
  check({0, 10}, {0, 20}, -0.1611, 0.2775);
  check({10, 10}, {0, 20}, 0.6791, 1.0);
}

TEST(Proportions, AgreeWithScipy) {
  for (const Json& of : reference()["proportions"]) {
    const Proportion one{of["counts"][0], of["counts"][1]}, other{of["counts"][2], of["counts"][3]};
    const Interval wilson = wilsonInterval(one);
    EXPECT_NEAR(wilson.low, of["wilson"][0].get<double>(), 1e-12);
    EXPECT_NEAR(wilson.high, of["wilson"][1].get<double>(), 1e-12);
    const RiskDifference risk = riskDifference(one, other);
    EXPECT_NEAR(risk.interval.low, of["newcombe"][0].get<double>(), 1e-12);
    EXPECT_NEAR(risk.interval.high, of["newcombe"][1].get<double>(), 1e-12);
    EXPECT_NEAR(rateBound(one), of["bound"].get<double>(), 1e-9);
  }
}

TEST(Proportions, NothingSeenBoundsTheRateByThreeOverN) {
  EXPECT_NEAR(rateBound({0, 100000}) * 100000, 3, 0.005);
  EXPECT_NEAR(std::pow(1 - rateBound({0, 50}), 50), 0.05, 1e-12);
  EXPECT_EQ(rateBound({7, 7}), 1);
  EXPECT_TRUE(std::isnan(rateBound({0, 0})));
  EXPECT_TRUE(std::isnan(wilsonInterval({0, 0}).low));
}

TEST(BootstrapInference, BiasCorrectedIntervalAgreesWithScipy) {
  const Json& of = reference()["corrected"];
  const std::vector<double> documents = flat(of["documents"]), times = flat(of["times"]);
  const std::size_t count = documents.size() / 2;
  const auto ratio = [&](auto weight) {
    double above = 0, below = 0;
    for (std::size_t document = 0; document < count; ++document) {
      above += weight(document) * documents[2 * document];
      below += weight(document) * documents[2 * document + 1];
    }
    return above / below;
  };
  std::vector<double> draws, jackknife;
  for (std::size_t draw = 0; draw < times.size() / count; ++draw)
    draws.push_back(ratio([&](std::size_t document) { return times[draw * count + document]; }));
  for (std::size_t left = 0; left < count; ++left)
    jackknife.push_back(ratio([&](std::size_t document) { return document == left ? 0.0 : 1.0; }));
  const Interval interval = biasCorrectedInterval(draws, ratio([](std::size_t) { return 1.0; }), jackknife);
  EXPECT_NEAR(interval.low, of["interval"][0].get<double>(), 1e-12);
  EXPECT_NEAR(interval.high, of["interval"][1].get<double>(), 1e-12);
}

TEST(BootstrapInference, CorrectionThatIsNotDefinedLeavesThePercentiles) {
  std::vector<double> draws{1, 2, 3, 4, 5};
  const Interval plain = percentileInterval(draws),
                 corrected = biasCorrectedInterval(draws, 9, std::vector<double>{1, 2});
  EXPECT_EQ(corrected.low, plain.low);
  EXPECT_EQ(corrected.high, plain.high);
}

TEST(BootstrapInference, DifferenceIsJudgedByStudentsT) {
  // Draws of deviation 1 about 2, of 10 documents: t = 2 sqrt(9 / 10) with 9 degrees of freedom.
  std::vector<double> draws;
  for (int at = 0; at < 1000; ++at) draws.push_back(2 + (at % 2 == 0 ? 1 : -1) * std::sqrt(0.999));
  EXPECT_NEAR(differenceP(2, draws, 10), twoSidedStudent(2 * std::sqrt(0.9), 9), 1e-12);
  EXPECT_EQ(differenceP(0, draws, 10), 1);
  EXPECT_EQ(differenceP(1e9, draws, 5), 1.0 / 16);
  EXPECT_EQ(differenceP(0.1, std::vector<double>(100, 0.1), 5), 1.0 / 16);  // as sure as five documents can be
  EXPECT_TRUE(std::isnan(differenceP(1, draws, 1)));
}

// 60 documents, each with x assignments to one cell; the second trace has one more in every document.
TEST(Resampling, PairsSeeTheSameDocuments) {
  std::vector<std::uint32_t> first, second;
  for (std::uint32_t document = 0; document < 60; ++document) {
    first.push_back(document * document);
    second.insert(second.end(), {document * document + 1, document});
  }
  DocumentTable one{.cells = 1}, other{.cells = 2};
  for (std::size_t document = 0; document < 60; ++document) {
    one.counts.push_back(&first[document]);
    other.counts.push_back(&second[2 * document]);
    one.group.push_back(0);
    other.group.push_back(0);
  }
  std::vector<double> paired(50), alone(50);
  ASSERT_TRUE(resamplePairs(
      one, other, {.count = 50, .seed = 9},
      [&](std::int64_t draw, std::span<const double> a, std::span<const double> b) {
        EXPECT_EQ(b[0] - a[0], 60);
        paired[draw] = a[0];
      },
      goOn));
  ASSERT_TRUE(resampleDocuments(
      one, {.count = 50, .seed = 9}, [&](std::int64_t draw, std::span<const double> a) { alone[draw] = a[0]; }, goOn));
  EXPECT_EQ(paired, alone);
}

TEST(Resampling, RealSumsTakeTheSameDocumentsAsCounts) {
  std::vector<std::uint32_t> counts;
  DocumentSums sums{.cells = 2};
  for (std::uint32_t document = 0; document < 33; ++document) {
    counts.push_back(document);
    sums.values.insert(sums.values.end(), {document / 4.0, 1.0});
  }
  DocumentTable table{.cells = 1};
  for (const std::uint32_t& count : counts) {
    table.counts.push_back(&count);
    table.group.push_back(0);
  }
  EXPECT_EQ(sums.documents(), 33);
  std::vector<double> whole(40), real(40);
  ASSERT_TRUE(resampleDocuments(
      table, {.count = 40, .seed = 2}, [&](std::int64_t draw, std::span<const double> of) { whole[draw] = of[0]; },
      goOn));
  ASSERT_TRUE(resampleSums(
      sums, {.count = 40, .seed = 2, .threads = 3},
      [&](std::int64_t draw, std::span<const double> of) {
        real[draw] = 4 * of[0];
        EXPECT_EQ(of[1], 33);
      },
      goOn));
  EXPECT_EQ(whole, real);
  std::vector<std::uint32_t> times(33);
  takeDocuments(2, 7, times);
  double sum = 0;
  for (std::size_t document = 0; document < 33; ++document) sum += times[document] * static_cast<double>(document);
  EXPECT_EQ(sum, whole[7]);
}

TEST(Resampling, LeavesOneDocumentOutAtATime) {
  const std::vector<std::uint32_t> counts{1, 10, 100, 1000};
  DocumentTable table{.cells = 1, .groups = 2, .group = {0, 1, 0, 1}};
  for (const std::uint32_t& count : counts) table.counts.push_back(&count);
  std::vector<std::vector<double>> seen;
  leaveOneOut(table, [&](std::int64_t, std::span<const double> sums) { seen.emplace_back(sums.begin(), sums.end()); });
  EXPECT_EQ(seen, (std::vector<std::vector<double>>{{100, 1010}, {101, 1000}, {1, 1010}, {101, 10}}));
}

TEST(RankCorrelation, AgreesWithScipyWhereRanksAreTied) {
  const Json& of = reference()["ranks"];
  EXPECT_NEAR(rankCorrelation(flat(of["table"]), of["table"][0].size()), of["rho"].get<double>(), 1e-12);
  EXPECT_NEAR(rankCorrelation(std::vector<double>{3, 0, 0, 0, 5, 0, 0, 0, 1}, 3), 1, 1e-12);
  EXPECT_NEAR(rankCorrelation(std::vector<double>{0, 2, 2, 0}, 2), -1, 1e-12);
  EXPECT_TRUE(std::isnan(rankCorrelation(std::vector<double>{3, 4, 5}, 3)));
}

TEST(Matching, IsAsGoodAsScipys) {
  for (const Json& of : reference()["matchings"]) {
    const std::size_t rows = of["gain"].size(), columns = of["gain"][0].size();
    const std::vector<double> gain = flat(of["gain"]);
    const std::vector<int> column = bestMatching(gain, rows, columns);
    ASSERT_EQ(column.size(), rows);
    std::vector<int> taken(columns);
    double sum = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      if (column[row] < 0) continue;
      EXPECT_EQ(++taken[column[row]], 1);
      sum += gain[row * columns + column[row]];
    }
    EXPECT_EQ(sum, of["sum"].get<double>()) << rows << " x " << columns;
  }
}

TEST(Histogram, GrowsWithoutLosingOrMovingAnything) {
  GrowingHistogram forwards, backwards;
  std::vector<double> values;
  for (int at = -500; at < 1000; ++at) values.push_back(at / 7.0);
  for (double value : values) forwards.add(value);
  for (std::size_t at = values.size(); at-- > 0;) backwards.add(values[at]);
  forwards.add(NAN);
  EXPECT_EQ(forwards.reach(), 256);
  EXPECT_EQ(forwards.counts(), backwards.counts());
  for (std::size_t bin = 0; bin < GrowingHistogram::bins; ++bin) {
    const double low = forwards.lower(bin);
    const auto inside = std::count_if(values.begin(), values.end(),
                                      [&](double value) { return value >= low && value < low + forwards.width(); });
    EXPECT_EQ(forwards.counts()[bin], inside);
  }
  GrowingHistogram edge;
  edge.add(1);
  EXPECT_EQ(edge.reach(), 2);
  edge.add(-2);
  EXPECT_EQ(edge.reach(), 2);
}

TEST(Histogram, QuantilesLieInTheirBins) {
  const std::vector<std::int64_t> counts{0, 10, 0, 30, 0};
  EXPECT_NEAR(histogramQuantile(counts, 0, 5, 0.25), 2, 1e-12);
  EXPECT_NEAR(histogramQuantile(counts, 0, 5, 0.125), 1.5, 1e-12);
  EXPECT_NEAR(histogramQuantile(counts, 0, 5, 1), 4, 1e-12);
  EXPECT_TRUE(std::isnan(histogramQuantile({0, 0}, 0, 1, 0.5)));
}

}  // namespace
}  // namespace moescope
