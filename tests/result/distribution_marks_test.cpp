// SPDX-License-Identifier: GPL-3.0-or-later
// Histogram, Lorenz curve and scatter: what they draw, by closed form.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/result/marks.h"

namespace moescope {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class T>
std::vector<T> all(const Drawing& drawing) {
  std::vector<T> found;
  for (const Item& item : drawing.items)
    if (const T* each = std::get_if<T>(&item)) found.push_back(*each);
  return found;
}

Result eightExperts(std::vector<double> values, std::string unit = "") {
  Result result{.axes = {{"expert", {}}}};
  for (std::size_t i = 0; i < values.size(); ++i) result.axes[0].labels.push_back(std::to_string(i));
  result.add("score", std::move(unit), {"expert"}, std::move(values));
  result.facts = {{"tokens", 1000}, {"documents", 10}};
  return result;
}

TEST(Histogram, EveryValueIsInOneBinAndTheHighestInTheLast) {
  const Result result = eightExperts({0, 1, 2, 3, 4, 4, 4, 8}, "nats");
  const Drawing drawing = *draw(result, histogram("h", "score").over({"expert"}).option("bins", 4u), {});
  const Bars bars = all<Bars>(drawing).at(0);
  EXPECT_EQ(bars.height, (std::vector<double>{2, 2, 3, 1})) << "[0,2) [2,4) [4,6) [6,8]";
  EXPECT_EQ(bars.x, (std::vector<double>{1, 3, 5, 7}));
  EXPECT_EQ(bars.width, (std::vector<double>(4, 2)));
  EXPECT_EQ(drawing.x.low, 0);
  EXPECT_EQ(drawing.x.high, 8);
  EXPECT_EQ(drawing.x.label, "score, nats");
  EXPECT_EQ(drawing.y.low, 0);
  EXPECT_EQ(csv(drawing), "from,to,count\n0,2,2\n2,4,2\n4,6,3\n6,8,1\n");
  EXPECT_EQ(bars.readOut[2], "4 to 6 nats\n3 values, 37.5 %");
}

TEST(Histogram, PaddingIsNotCountedAndASelectedExpertIsALine) {
  Result result = eightExperts({0, nan, 1, 2});
  ViewState view;
  view.selected["expert"] = {1, 2, 77};
  const Drawing drawing = *draw(result, histogram("h", "score").over({"expert"}).option("bins", 2u), view);
  EXPECT_EQ(all<Bars>(drawing).at(0).height, (std::vector<double>{1, 2}));
  const std::vector<Rule> rules = all<Rule>(drawing);
  ASSERT_EQ(rules.size(), 1u) << "neither an expert without a value nor one that is not there";
  EXPECT_FALSE(rules[0].horizontal);
  EXPECT_EQ(rules[0].at, 1);
  EXPECT_EQ(rules[0].label, "expert 2");
}

TEST(Histogram, TheNullIsScaledToAsManyValues) {
  Result result = eightExperts({0, 1, 1, 3, 3, 3, 3, 4});
  result.axes.push_back({"draw", {"0", "1", "2", "3"}});
  result.add("chance", "", {"draw"}, {-4, 0, 0, 4});
  const Drawing drawing =
      *draw(result, histogram("h", "score").over({"expert"}).option("bins", 2u).option("null", "chance"), {});
  EXPECT_EQ(drawing.x.low, -4) << "the null is seen whole";
  EXPECT_EQ(all<Bars>(drawing).at(0).height, (std::vector<double>{0, 8}));
  const Polyline null = all<Polyline>(drawing).at(0);
  EXPECT_TRUE(null.dashed);
  EXPECT_EQ(null.x, (std::vector<double>{-4, 0, 0, 4}));
  EXPECT_EQ(null.y, (std::vector<double>{2, 2, 6, 6})) << "of 4 draws one lies below 0: 8 / 4 = 2 values";
  EXPECT_NE(drawing.caption.find("dashed: what chance alone gives"), std::string::npos);
  EXPECT_EQ(csv(drawing), "from,to,count,chance\n-4,0,0,2\n0,4,8,6\n");
}

TEST(Histogram, CountsOfBinsKeepTheirEdges) {
  Result result{.axes = {{"layer", {"0", "1"}}, {"margin", {"0", "0.5", "1", "2"}}}};
  Array& counts = result.addWhole("margins", "tokens", {"layer", "margin"}, {5, 1, 0, 2, 9, 9, 9, 9});
  counts.baseline = {1, 2, 3, 2, 0, 0, 0, 0};
  const Figure figure = histogram("margins", "margins").over({"margin"}).at("layer").option("unit", "nats");
  const Drawing drawing = *draw(result, figure, {});
  const Bars bars = all<Bars>(drawing).at(0);
  EXPECT_EQ(bars.height, (std::vector<double>{5, 1, 0, 2}));
  EXPECT_EQ(bars.x, (std::vector<double>{0.25, 0.75, 1.5, 2.5}));
  EXPECT_EQ(bars.width, (std::vector<double>{0.5, 0.5, 1, 1}));
  EXPECT_EQ(all<Polyline>(drawing).at(0).y, (std::vector<double>{1, 1, 2, 2, 3, 3, 2, 2}));
  EXPECT_EQ(drawing.x.label, "margin, nats");
  EXPECT_EQ(drawing.y.label, "tokens");
  EXPECT_EQ(drawing.title, "Layer 0, distribution of margins");
  EXPECT_EQ(bars.readOut[3], "2 to 3 nats\n2 tokens, 25 %; chance alone 2");
}

TEST(Histogram, EqualAndWholeAndMissingValues) {
  EXPECT_EQ(all<Bars>(*draw(eightExperts({2, 2, 2}), histogram("h", "score"), {})).at(0).height,
            (std::vector<double>{3}));
  Result whole{.axes = {{"expert", {"0", "1", "2", "3"}}}};
  whole.addWhole("rank", "", {"expert"}, {1, 3, 3, -1});
  const Bars bars = all<Bars>(*draw(whole, histogram("h", "rank"), {})).at(0);
  EXPECT_EQ(bars.x, (std::vector<double>{1, 2, 3})) << "a bin for each whole number";
  EXPECT_EQ(bars.height, (std::vector<double>{1, 0, 2}));
  EXPECT_EQ(draw(eightExperts({nan, nan}), histogram("h", "score"), {})->empty, "There is no score to count.");
  EXPECT_EQ(draw(eightExperts({1, 2}), histogram("h", "score").option("null", "nothing"), {}).error().kind,
            ErrorKind::input);
}

TEST(Histogram, AsLatexHasARectangleABin) {
  const Drawing drawing = *draw(eightExperts({0, 1, 2, 4}), histogram("h", "score").option("bins", 2u), {});
  const std::string tex = pgfplots(drawing, 240, 9);
  EXPECT_NE(tex.find("(axis cs:0,0) rectangle (axis cs:2,2);"), std::string::npos);
  EXPECT_NE(tex.find("(axis cs:2,0) rectangle (axis cs:4,2);"), std::string::npos);
}

TEST(Lorenz, IsTheCumulativeShareOfTheLowest) {
  const Drawing drawing = *draw(eightExperts({4, 1, 3, 0}, "tokens"), lorenz("l", "score").over({"expert"}), {});
  const std::vector<Polyline> lines = all<Polyline>(drawing);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].x, lines[0].y) << "the line of equality";
  EXPECT_EQ(lines[1].x, (std::vector<double>{0, 0.25, 0.5, 0.75, 1}));
  EXPECT_EQ(lines[1].y, (std::vector<double>{0, 0, 0.125, 0.5, 1}));
  // Gini = sum (2i - n - 1) x_i / (n sum x) = (-3*0 - 1*1 + 1*3 + 3*4) / 32
  EXPECT_NE(drawing.caption.find("Gini 0.438"), std::string::npos) << drawing.caption;
  EXPECT_EQ(lines[1].readOut[2], "the lowest 50 % of experts\nhold 12.5 % of score; Gini 0.438");
  EXPECT_EQ(drawing.x.high, 1);
  EXPECT_EQ(drawing.y.high, 1);
}

TEST(Lorenz, OfEqualSharesIsTheDiagonalAndOfOneExpertTheCorner) {
  const auto curve = [](std::vector<double> values) {
    return all<Polyline>(*draw(eightExperts(std::move(values)), lorenz("l", "score").over({"expert"}), {})).at(1);
  };
  EXPECT_EQ(curve({2, 2, 2, 2}).y, (std::vector<double>{0, 0.25, 0.5, 0.75, 1}));
  EXPECT_EQ(curve({0, 0, 0, 5}).y, (std::vector<double>{0, 0, 0, 0, 1}));
  EXPECT_EQ(draw(eightExperts({0, 0}), lorenz("l", "score").over({"expert"}), {})->empty,
            "There is no score to share out.");
}

TEST(Lorenz, TheFloorIsOfANormalScatterRoundFairShare) {
  Result result{.axes = {{"layer", {"0", "1"}}, {"expert", {"0", "1"}}}};
  result.addWhole("count", "assignments", {"layer", "expert"}, {3, 1, 1, 1});
  result.add("cv", "", {"layer"}, {0.5, 0}).baseline = {0.2, 0.1};
  ViewState view;
  view.at["layer"] = 0;
  const Figure figure = lorenz("l", "count").over({"layer", "expert"}).floor("cv");
  const std::vector<Polyline> lines = all<Polyline>(*draw(result, figure, view));
  ASSERT_EQ(lines.size(), 4u) << "equality, floor, the other layer, the shown one";
  ASSERT_TRUE(lines[1].dashed);
  EXPECT_DOUBLE_EQ(lines[1].x[40], 0.5);
  EXPECT_NEAR(lines[1].y[40], 0.5 - 0.2 / std::sqrt(2 * std::numbers::pi), 1e-12);
  EXPECT_EQ(lines[3].ink, Ink::accent);
  EXPECT_EQ(lines[3].label, "layer 0");
  EXPECT_EQ(lines[3].y, (std::vector<double>{0, 0.25, 1}));
}

TEST(Scatter, OfTwoArraysKeepsPairsIntervalsAndSelection) {
  Result result = eightExperts({1, 2, nan, 4});
  Array& y = result.add("loss", "nats", {"expert"}, {10, 20, 30, 40});
  y.low = {9, 19, 29, 38};
  y.high = {11, 21, 31, 42};
  ViewState view;
  view.selected["expert"] = {1};
  const Drawing drawing = *draw(result, scatter("s", {"score", "loss"}).over({"expert"}).option("labelled", 1u), view);
  const Dots dots = all<Dots>(drawing).at(0);
  EXPECT_EQ(dots.x, (std::vector<double>{1, 2, 4}));
  EXPECT_EQ(dots.y, (std::vector<double>{10, 20, 40}));
  EXPECT_EQ(dots.index, (std::vector<std::int64_t>{0, 1, 3}));
  EXPECT_EQ(dots.selected, (std::vector<bool>{false, true, false}));
  EXPECT_TRUE(dots.xLow.empty());
  EXPECT_EQ(dots.yHigh, (std::vector<double>{11, 21, 42}));
  EXPECT_EQ(dots.label, (std::vector<std::string>{"", "expert 1", "expert 3"})) << "the farthest, and the selected one";
  EXPECT_EQ(dots.readOut[2], "expert 3\nscore 4\nloss 40 nats [38, 42]");
  EXPECT_EQ(drawing.y.label, "loss, nats");
  EXPECT_GT(drawing.y.high, 42) << "the interval is within the axes";
  EXPECT_EQ(csv(drawing), "point,x,y,y_low,y_high\nexpert 0,1,10,9,11\nexpert 1,2,20,19,21\nexpert 3,4,40,38,42\n");
}

TEST(Scatter, OverLayersAndExpertsKnowsBoth) {
  Result result{.axes = {{"layer", {"0", "1"}}, {"expert", {"0", "1"}}}};
  result.add("a", "", {"layer", "expert"}, {1, 2, 3, 4});
  result.add("b", "", {"layer", "expert"}, {1, 2, 3, nan});
  const Drawing drawing =
      *draw(result, scatter("s", {"a", "b"}).over({"layer", "expert"}).option("diagonal", true), {});
  const Dots dots = all<Dots>(drawing).at(0);
  EXPECT_EQ(dots.place, (std::vector<std::int64_t>{0, 0, 1}));
  EXPECT_EQ(dots.index, (std::vector<std::int64_t>{0, 1, 0}));
  EXPECT_EQ(dots.placeAxis, "layer");
  const Polyline diagonal = all<Polyline>(drawing).at(0);
  EXPECT_EQ(diagonal.x, diagonal.y);
}

TEST(Scatter, OfPointsHasAHueAGroup) {
  Result result;
  result.add(
      "map",
      Points{.xUnit = "", .yUnit = "", .x = {0, 1, 2}, .y = {0, 1, 4}, .labels = {"a", "b", "c"}, .group = {7, 3, 7}});
  const std::vector<Dots> groups = all<Dots>(*draw(result, scatter("s", {"map"}), {}));
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].x, (std::vector<double>{1}));
  EXPECT_EQ(groups[1].x, (std::vector<double>{0, 2}));
  EXPECT_NE(groups[0].ink, groups[1].ink);
  const std::string tex = pgfplots(*draw(result, scatter("s", {"map"}), {}), 240, 9);
  EXPECT_NE(tex.find("only marks"), std::string::npos);
  EXPECT_NE(tex.find("\n2 4 0 0 0 0\n"), std::string::npos);
}

TEST(Scatter, WithoutPointsSaysSoAndWrongFiguresAreRefused) {
  Result result = eightExperts({nan, nan});
  result.add("loss", "", {"expert"}, {1, 2});
  EXPECT_EQ(draw(result, scatter("s", {"score", "loss"}).over({"expert"}), {})->empty,
            "There is no score with a loss to show.");
  EXPECT_EQ(draw(result, scatter("s", {"score"}).over({"expert"}), {}).error().kind, ErrorKind::usage);
  EXPECT_EQ(draw(result, scatter("s", {"score", "nothing"}).over({"expert"}), {}).error().kind, ErrorKind::input);
}

}  // namespace
}  // namespace moescope
