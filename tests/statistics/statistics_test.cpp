// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>

#include "core/base/json_reading.h"
#include "core/statistics/counter_random.h"
#include "core/statistics/multiple_testing.h"
#include "core/statistics/noise_floor.h"
#include "core/statistics/resampling.h"

namespace moescope {
namespace {

const Json& reference() {  // tests/reference/statistics.py
  static const Json json = *readJson(std::string(MOESCOPE_SOURCE_DIR) + "/tests/reference/statistics.json");
  return json;
}

bool goOn(double) {
  return true;
}

// The known answers that come with Random123, the authors' own code.
TEST(CounterRandom, PhiloxGivesItsAuthorsAnswers) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(CounterRandom, NormalsAndChoicesHaveTheirMoments) {
  CounterRandom random(7, 1);
  double sum = 0, squares = 0;
  constexpr int count = 100000;
  for (int at = 0; at < count; ++at) {
    const double value = random.normal();
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / count, 0, 4 / std::sqrt(count));
  EXPECT_NEAR(squares / count, 1, 4 * std::sqrt(2.0 / count));
  std::vector<int> seen(5);
  for (int at = 0; at < count; ++at) ++seen[random.below(5)];
  for (int times : seen) EXPECT_NEAR(times, count / 5, 5 * std::sqrt(count * 0.16));
}

TEST(MultipleTesting, AgreesWithTheWorkedExample) {
  // m = 5: p m / rank = 0.05, 0.05, 0.0667, 0.05125, 0.9 in ascending order; the running minimum from the end.
  const std::vector<double> p{0.041, 0.01, 0.9, 0.02, 0.04};
  const std::vector<double> q = benjaminiHochberg(p);
  EXPECT_NEAR(q[1], 0.05, 1e-12);
  EXPECT_NEAR(q[3], 0.05, 1e-12);
  EXPECT_NEAR(q[4], 0.041 * 5 / 4, 1e-12);  // 0.04 * 5 / 3 is larger than its successor's
  EXPECT_NEAR(q[0], 0.041 * 5 / 4, 1e-12);
  EXPECT_NEAR(q[2], 0.9, 1e-12);
}

TEST(MultipleTesting, AgreesWithScipy) {
  const auto p = reference()["p"].get<std::vector<double>>(), expected = reference()["q"].get<std::vector<double>>();
  const std::vector<double> q = benjaminiHochberg(p);
  for (std::size_t at = 0; at < p.size(); ++at) EXPECT_NEAR(q[at], expected[at], 1e-12);
  const auto z = reference()["z"].get<std::vector<double>>(),
             tails = reference()["two_sided"].get<std::vector<double>>();
  for (std::size_t at = 0; at < z.size(); ++at) EXPECT_NEAR(twoSidedNormal(z[at]) / tails[at], 1, 1e-9);
}

TEST(MultipleTesting, LeavesMissingOnesOut) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> q = benjaminiHochberg(std::vector<double>{0.02, nan, 0.5});
  EXPECT_NEAR(q[0], 0.04, 1e-12);
  EXPECT_TRUE(std::isnan(q[1]));
  EXPECT_TRUE(benjaminiHochberg({}).empty());
}

TEST(Resampling, PercentileIntervalAgreesWithNumpy) {
  auto values = reference()["values"].get<std::vector<double>>();
  values.push_back(std::numeric_limits<double>::quiet_NaN());
  const Interval interval = percentileInterval(values);
  EXPECT_NEAR(interval.low, reference()["interval"][0].get<double>(), 1e-12);
  EXPECT_NEAR(interval.high, reference()["interval"][1].get<double>(), 1e-12);
  EXPECT_TRUE(std::isnan(percentileInterval({}).low));
}

// 200 documents with 0..199 assignments in one cell and 1 in the other, in two groups.
struct Fixture {
  std::vector<std::uint32_t> numbers;
  DocumentTable table{.cells = 2, .groups = 2};
  Fixture() {
    for (std::uint32_t document = 0; document < 200; ++document) numbers.insert(numbers.end(), {document, 1});
    for (std::uint32_t document = 0; document < 200; ++document) {
      table.counts.push_back(numbers.data() + 2 * document);
      table.group.push_back(document < 50 ? 0 : 1);
    }
  }
};

TEST(Resampling, BootstrapHasTheMomentsOfSampling) {
  const Fixture fixture;
  std::vector<double> sums(4000), documents(4000);
  ASSERT_TRUE(resampleDocuments(
      fixture.table, {.count = 4000, .seed = 3},
      [&](std::int64_t draw, std::span<const double> all) {
        sums[draw] = all[0] + all[2];
        documents[draw] = all[1] + all[3];
      },
      goOn));
  // Every draw takes 200 documents; their sum has mean 200 * 99.5 and variance 200 * (200^2 - 1) / 12.
  EXPECT_TRUE(std::all_of(documents.begin(), documents.end(), [](double count) { return count == 200; }));
  const double mean = std::accumulate(sums.begin(), sums.end(), 0.0) / 4000, variance = 200 * (200.0 * 200 - 1) / 12;
  double spread = 0;
  for (double sum : sums) spread += (sum - mean) * (sum - mean) / 4000;
  EXPECT_NEAR(mean, 200 * 99.5, 4 * std::sqrt(variance / 4000));
  EXPECT_NEAR(spread / variance, 1, 0.1);
  const Interval interval = percentileInterval(sums);
  EXPECT_NEAR((interval.high - interval.low) / (2 * 1.96 * std::sqrt(variance)), 1, 0.08);
}

TEST(Resampling, DoesNotDependOnThreadsAndDependsOnTheSeed) {
  const Fixture fixture;
  const auto sums = [&](int threads, std::uint64_t seed) {
    std::vector<double> all(100 * 4);
    EXPECT_TRUE(resampleDocuments(
        fixture.table, {.count = 100, .seed = seed, .threads = threads},
        [&](std::int64_t draw, std::span<const double> of) { std::copy(of.begin(), of.end(), all.begin() + draw * 4); },
        goOn));
    return all;
  };
  EXPECT_EQ(sums(1, 5), sums(4, 5));
  EXPECT_NE(sums(1, 5), sums(1, 6));
}

TEST(Resampling, PermutationKeepsTotalsAndGroupSizes) {
  const Fixture fixture;
  double mean = 0;
  ASSERT_TRUE(permuteGroups(
      fixture.table, {.count = 2000, .seed = 3},
      [&](std::int64_t, std::span<const double> all) {
        EXPECT_EQ(all[0] + all[2], 199 * 200 / 2);
        EXPECT_EQ(all[1], 50);
        EXPECT_EQ(all[3], 150);
        mean += all[0] / 2000;
      },
      goOn));
  EXPECT_NEAR(mean, 50 * 99.5, 40);  // the first group really holds 50 * 24.5; its deviation is 356, of the mean 8
  EXPECT_EQ(groupSums(fixture.table), (std::vector<double>{1225, 50, 18675, 150}));
}

TEST(Resampling, StopsWhenAsked) {
  const Fixture fixture;
  std::atomic<int> draws = 0;
  const auto stopped = resampleDocuments(
      fixture.table, {.count = 10000}, [&](std::int64_t, std::span<const double>) { ++draws; },
      [](double) { return false; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, ErrorKind::cancelled);
  EXPECT_LT(draws, 100);
}

std::vector<double> floors(const RoutedTotals& totals) {  // in the order of the script
  return simulateBalanced(totals, 5, [](std::span<const double> n, std::span<double> into) {
    std::vector<double> x(n.begin(), n.end());
    std::sort(x.begin(), x.end());
    const auto experts = static_cast<double>(x.size());
    double sum = 0, squares = 0, ranked = 0, entropy = 0;
    for (std::size_t at = 0; at < x.size(); ++at) {
      sum += x[at];
      squares += x[at] * x[at];
      ranked += (2 * static_cast<double>(at + 1) - experts - 1) * x[at];
    }
    for (double count : x) entropy -= count > 0 ? count / sum * std::log(count / sum) : 0;
    into[0] = ranked / (experts * sum);
    into[1] = x.back() / (sum / experts) - 1;
    into[2] = entropy / std::log(experts);
    into[3] = std::exp(entropy);
    into[4] = sum * sum / (experts * squares);
  });
}

TEST(NoiseFloor, AgreesWithTokensDrawnInNumpy) {
  for (const Json& balanced : reference()["balanced"]) {
    const auto tokens = balanced["tokens"].get<std::int64_t>(), k = balanced["k"].get<std::int64_t>(),
               experts = balanced["experts"].get<std::int64_t>();
    const std::vector<double> means = floors({tokens, tokens * k, experts});
    EXPECT_NEAR(means[0] / balanced["means"][0].get<double>(), 1, 0.02);
    EXPECT_NEAR(means[1] / balanced["means"][1].get<double>(), 1, 0.03);
    for (int at : {2, 4}) EXPECT_NEAR((1 - means[at]) / (1 - balanced["means"][at].get<double>()), 1, 0.03);
    EXPECT_NEAR(means[3] / balanced["means"][3].get<double>(), 1, 0.002);
  }
}

TEST(NoiseFloor, AgreesWithTheClosedFormsOfManyTokens) {
  const RoutedTotals totals{.tokens = 2000, .assignments = 16000, .experts = 256};
  const double variation = balancedVariation(totals);
  EXPECT_NEAR(variation, 0.1245, 5e-4);  // the example of the definition: sqrt(248 / 16000)
  for (const RoutedTotals& many : {totals, RoutedTotals{1000000, 8000000, 64}}) {
    const double cv = balancedVariation(many), experts = static_cast<double>(many.experts);
    const std::vector<double> means = floors(many);
    EXPECT_NEAR(means[0] / (cv * std::numbers::inv_sqrtpi), 1, 0.02);
    EXPECT_LT(means[1], cv * std::sqrt(2 * std::log(experts)));
    EXPECT_NEAR((1 - means[2]) * std::log(experts) / (cv * cv / 2), 1, 0.05);
    EXPECT_NEAR((1 / means[4] - 1) / (cv * cv), 1, 0.03);
  }
}

TEST(NoiseFloor, DeadExpertsAndEdges) {
  EXPECT_NEAR(balancedDead({.tokens = 10, .assignments = 10, .experts = 4}), 4 * std::pow(0.75, 10), 1e-12);
  EXPECT_EQ(balancedDead({.tokens = 10, .assignments = 40, .experts = 4}), 0);
  EXPECT_EQ(balancedVariation({.tokens = 10, .assignments = 40, .experts = 4}), 0);
  EXPECT_TRUE(std::isnan(balancedVariation({.tokens = 0, .assignments = 0, .experts = 4})));
  EXPECT_EQ(floors({.tokens = 10, .assignments = 40, .experts = 4})[0], 0);
}

}  // namespace
}  // namespace moescope
