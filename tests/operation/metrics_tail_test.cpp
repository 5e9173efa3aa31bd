// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/metrics_tail.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/json_reading.h"

namespace moescope {
namespace {

TEST(MetricsTail, SaysEveryStepInTheAgreedLayout) {
  MetricsTail tail;
  tail.add(7, std::vector<Metric>{{"loss", {0.5}}, {"load", {1, 2, 3, 4}, {2, 2}}});
  tail.add(8, std::vector<Metric>{{"loss", {std::nan("")}}, {"validation", {std::numeric_limits<double>::infinity()}}});
  const auto lines = tail.take("j");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(tail.empty());
  auto json = parseJson(lines[0]);
  ASSERT_TRUE(json.has_value()) << lines[0];
  EXPECT_EQ(
      *json,
      Json::parse(
          R"({"type":"metrics","job":"j","names":["loss","load","validation"],"shapes":[[],[2,2],[]],"steps":[7,8],
      "values":[[0.5,null],[[1,2,3,4],null],[null,"inf"]]})"));
  EXPECT_EQ(canonical(*json), lines[0]);  // keys sorted, as every other line
}

TEST(MetricsTail, LongListsAreSplitUnderOneMebibyteAndComeTogetherAgain) {
  MetricsTail tail;
  std::vector<double> values(60 * 256, 1.0 / 3);
  for (std::int64_t step = 0; step < 30; ++step) {
    std::vector<Metric> metrics;
    for (int at = 0; at < 12; ++at) metrics.push_back({"metric_" + std::to_string(at), values, {60, 256}});
    tail.add(step, metrics);
  }
  MetricsTail again;
  std::size_t lines = 0;
  for (const std::string& line : tail.take("job")) {
    EXPECT_LT(line.size(), 1u << 20);
    auto json = parseJson(line);
    ASSERT_TRUE(json.has_value());
    again.add(*json, 10);
    ++lines;
  }
  EXPECT_GT(lines, 30u);
  EXPECT_EQ(again.size(), 20u * 12 * values.size());
}

TEST(MetricsTail, MalformedMessagesAreLeftOut) {
  MetricsTail tail;
  for (const char* text : {"{}", R"({"steps":[1],"names":["a"],"shapes":[],"values":[[1]]})",
                           R"({"steps":["x"],"names":[],"shapes":[],"values":[]})", "[]"})
    tail.add(Json::parse(text), 0);
  EXPECT_EQ(tail.size(), 0u);
}

}  // namespace
}  // namespace moescope
