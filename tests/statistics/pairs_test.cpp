// SPDX-License-Identifier: GPL-3.0-or-later
// Dendrograms, communities and chance of pairs against scipy and exhaustive search (tests/reference/paths.py).
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/json_reading.h"
#include "core/statistics/communities.h"
#include "core/statistics/design_effect.h"
#include "core/statistics/fixed_size_sets.h"
#include "core/statistics/linkage.h"

namespace moescope {
namespace {

const Json& reference() {
  static const Json json = *readJson(std::string(MOESCOPE_SOURCE_DIR) + "/tests/reference/paths.json");
  return json;
}

TEST(Linkage, IsThatOfScipyAndNoOrderOfItsLeavesIsShorter) {
  for (const Json& each : reference()["linkages"]) {
    const auto distance = each["distance"].get<std::vector<double>>();
    const auto count = static_cast<std::int64_t>(each["merges"].size()) + 1;
    std::vector<Merge> merges = averageLinkage(distance, count);
    ASSERT_EQ(merges.size(), each["merges"].size());
    for (std::size_t i = 0; i < merges.size(); ++i) {
      EXPECT_EQ(merges[i].left, each["merges"][i][0].get<double>());
      EXPECT_EQ(merges[i].right, each["merges"][i][1].get<double>());
      EXPECT_NEAR(merges[i].height, each["merges"][i][2].get<double>(), 1e-12);
      EXPECT_EQ(merges[i].leaves, each["merges"][i][3].get<double>());
    }
    orderLeaves(merges, distance, count);
    const std::vector<std::int64_t> order = leafOrder(merges);
    double length = 0;
    std::vector<bool> seen(static_cast<std::size_t>(count));
    for (std::size_t at = 0; at < order.size(); ++at) {
      EXPECT_FALSE(seen[static_cast<std::size_t>(order[at])]);
      seen[static_cast<std::size_t>(order[at])] = true;
      if (at > 0) length += distance[static_cast<std::size_t>(order[at - 1] * count + order[at])];
    }
    EXPECT_EQ(static_cast<std::int64_t>(order.size()), count);
    EXPECT_NEAR(length, each["length"].get<double>(), 1e-9);
  }
  EXPECT_TRUE(averageLinkage({}, 0).empty());
  EXPECT_TRUE(averageLinkage(std::vector<double>{0}, 1).empty());
}

TEST(FixedSizeSets, HaveTheJointInclusionsOfAllSetsListed) {
  for (const Json& each : reference()["sets"]) {
    const auto inclusion = each["inclusion"].get<std::vector<double>>(),
               joint = each["joint"].get<std::vector<double>>();
    const std::vector<double> found = jointInclusion(inclusion, each["size"]);
    for (std::size_t cell = 0; cell < joint.size(); ++cell) EXPECT_NEAR(found[cell], joint[cell], 1e-8);
  }
}

TEST(FixedSizeSets, OfEqualExpertsHaveTheClosedForm) {
  for (const auto& [n, k] : {std::pair{8, 2}, {64, 8}, {128, 8}, {5, 1}, {4, 4}}) {
    const std::vector<double> joint = jointInclusion(std::vector<double>(n, static_cast<double>(k) / n), k);
    EXPECT_NEAR(joint[1], k * (k - 1.0) / (n * (n - 1.0)), 1e-10) << n << " " << k;
  }
  const std::vector<double> certain = jointInclusion(std::vector<double>{1, 0.5, 0.5, 0}, 2);
  EXPECT_NEAR(certain[1], 0.5, 1e-12) << "one that is always there meets the others as often as they come";
  EXPECT_NEAR(certain[4 + 2], 0, 1e-12);
}

TEST(Tails, AreThoseOfScipy) {
  for (const Json& c : reference()["tails"]["hypergeometric"]) {
    const Tails tails = hypergeometricTails(c[0], c[1], c[2], c[3]);
    EXPECT_NEAR(tails.above, c[4].get<double>(), 1e-9 + 1e-7 * c[4].get<double>());
    EXPECT_NEAR(tails.below, c[5].get<double>(), 1e-9 + 1e-7 * c[5].get<double>());
  }
  for (const Json& c : reference()["tails"]["binomial"]) {
    const Tails tails = binomialTails(c[0], c[1], c[2]);
    EXPECT_NEAR(tails.above, c[3].get<double>(), 1e-9);
    EXPECT_NEAR(tails.below, c[4].get<double>(), 1e-9);
  }
}

TEST(Communities, ArePlantedOnesAndNoPartitionIsBetter) {
  for (const Json& each : reference()["networks"]) {
    const auto weight = each["weight"].get<std::vector<double>>();
    const Communities found = findCommunities(weight, 8);
    EXPECT_NEAR(found.modularity, each["best"].get<double>(), 1e-12);
    for (std::size_t i = 0; i < 8; ++i)
      for (std::size_t j = 0; j < 8; ++j) EXPECT_EQ(found.of[i] == found.of[j], each["group"][i] == each["group"][j]);
  }
  EXPECT_EQ(findCommunities(std::vector<double>(9, 0.0), 3).modularity, 0);
}

TEST(DesignEffect, IsOneOfIndependentDocumentsAndTheirLengthOfUniformOnes) {
  // Ten documents of 20 tokens, each wholly of one of two experts: a document weighs as one token.
  std::vector<std::vector<std::uint32_t>> counts;
  for (int document = 0; document < 10; ++document)
    counts.push_back(document % 2 == 0 ? std::vector<std::uint32_t>{20, 0} : std::vector<std::uint32_t>{0, 20});
  DocumentTable table{.cells = 2};
  for (const auto& each : counts) table.counts.push_back(each.data());
  const std::vector<double> tokens(10, 20.0);
  // Sum of squares 10 x 100 x 10/9 over 200 / 4.
  EXPECT_NEAR(designEffect(table, tokens), 1000.0 * 10 / 9 / 50, 1e-9);
  for (auto& each : counts) each = {10, 10};
  EXPECT_EQ(designEffect(table, tokens), 1);
}

}  // namespace
}  // namespace moescope
