// SPDX-License-Identifier: GPL-3.0-or-later
// What each mark draws, from results small enough to work out by hand.
#include "core/result/drawing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/result/marks.h"

namespace moescope {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class T>
const T& only(const Drawing& drawing) {
  const T* found = nullptr;
  for (const Item& item : drawing.items)
    if (const T* each = std::get_if<T>(&item)) {
      EXPECT_EQ(found, nullptr) << "more than one";
      found = each;
    }
  if (!found) throw std::runtime_error("the drawing has no such item");
  return *found;
}

std::vector<std::string> texts(const std::vector<Tick>& ticks) {
  std::vector<std::string> list;
  for (const Tick& tick : ticks) list.push_back(tick.text);
  return list;
}

// Two layers, the second with two experts only. Layer 0: double, fair, half; layer 1: 4 times, dead.
Result twoLayers() {
  Result result{.axes = {{"layer", {"0 (block 1)", "1 (block 3)"}}, {"expert", {"0", "1", "2"}}}};
  Array& load = result.add("utilisation", "x fair share", {"layer", "expert"}, {2, 1.05, 0.5, 4, 0, nan});
  load.low = {1.8, 0.9, 0.4, 3.5, 0, nan};
  load.high = {2.2, 1.2, 0.6, 4.5, 0, nan};
  result.addWhole("count", "assignments", {"layer", "expert"}, {40, 21, 10, 80, 0, -1});
  Array& cv = result.add("cv", "", {"layer"}, {0.6, 1.0});
  cv.baseline = {0.125, 0.25};
  cv.low = {0.5, 0.875};
  cv.high = {0.75, 1.25};
  result.add("gini", "", {"layer"}, {0.25, 0.5});
  result.facts = {{"tokens", 98304}, {"documents", 1}};
  return result;
}

Figure loadFigure() {
  return heatMap("load", "utilisation").over({"layer", "expert"}).scale("log2 around 1").greyWithinBaseline();
}

TEST(HeatMap, CellsAreLog2OfTheLoadAndWhatHasNoExpertIsMissing) {
  const Drawing drawing = *draw(twoLayers(), loadFigure(), {});
  const Cells& cells = only<Cells>(drawing);
  EXPECT_EQ(cells.rows, 2);
  EXPECT_EQ(cells.columns, 3);
  EXPECT_EQ(cells.rowAxis, "layer");
  EXPECT_EQ(cells.columnAxis, "expert");
  EXPECT_DOUBLE_EQ(cells.colour[0], 1);
  EXPECT_DOUBLE_EQ(cells.colour[1], std::log2(1.05));
  EXPECT_DOUBLE_EQ(cells.colour[2], -1);
  EXPECT_DOUBLE_EQ(cells.colour[3], 2);
  EXPECT_DOUBLE_EQ(cells.colour[4], -2) << "a dead expert has the coldest colour";
  EXPECT_TRUE(std::isnan(cells.colour[5]));
  EXPECT_EQ(cells.text, (std::vector<std::string>{"2.00", "1.05", "0.50", "4.00", "0.00", ""}));
}

TEST(HeatMap, ExactlyTheCellsWhoseIntervalHoldsTheFairShareAreGrey) {
  const Cells cells = only<Cells>(*draw(twoLayers(), loadFigure(), {}));
  EXPECT_EQ(cells.grey, (std::vector<bool>{false, true, false, false, false, false}));
}

TEST(HeatMap, WithoutIntervalsTheNoiseFloorDecidesWhatIsGrey) {
  Result result = twoLayers();
  std::get<Array>(result.values[0].content).low.clear();
  std::get<Array>(result.values[0].content).high.clear();
  Figure figure = loadFigure().option("noise_floor", 0.5);
  EXPECT_EQ(only<Cells>(*draw(result, figure, {})).grey, (std::vector<bool>{false, true, true, false, false, false}));
  result.add("noise", "x fair share", {"layer"}, {0.01, 3});
  figure.option("noise_floor", "noise");
  EXPECT_EQ(only<Cells>(*draw(result, figure, {})).grey, (std::vector<bool>{false, false, false, true, true, false}));
}

TEST(HeatMap, AnotherValueMayDecideWhatIsGrey) {
  Result result = twoLayers();
  result.add("q", "", {"layer", "expert"}, {0.01, 0.05, 0.2, 0.04, nan, nan});
  Figure figure = heatMap("load", "utilisation").over({"layer", "expert"}).scale("log2 around 1");
  figure.option("grey_above", {{"value", "q"}, {"at", 0.05}});
  const Drawing drawing = *draw(result, figure, {});
  const Cells& cells = only<Cells>(drawing);
  EXPECT_EQ(cells.grey, (std::vector<bool>{false, false, true, false, true, false}));
  EXPECT_EQ(cells.readOut[3], "layer 1 (block 3) · expert 0\n4 × fair [3.5, 4.5], q 0.04");
  EXPECT_NE(drawing.caption.find("cells with q > 0.05 are grey"), std::string::npos);
  figure.option("grey_above", {{"value", "q"}});
  EXPECT_FALSE(draw(result, figure, {}));
}

TEST(HeatMap, ScaleHasWholeDoublingsWithFairShareInTheMiddle) {
  const Drawing drawing = *draw(twoLayers(), loadFigure(), {});
  EXPECT_EQ(drawing.scale->map, "blue white red");
  EXPECT_EQ(drawing.scale->low, -2);
  EXPECT_EQ(drawing.scale->high, 2);
  EXPECT_EQ(texts(drawing.scale->ticks), (std::vector<std::string>{"¼", "½", "fair", "2×", "4×"}));
  EXPECT_EQ(drawing.scale->ticks[2].at, 0);
}

TEST(HeatMap, AxesCarryShortLabelsAndReadOutsWholeOnes) {
  const Drawing drawing = *draw(twoLayers(), loadFigure(), {});
  EXPECT_EQ(texts(drawing.y.ticks), (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(texts(drawing.x.ticks), (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_TRUE(drawing.y.reversed);
  EXPECT_EQ(drawing.y.low, -0.5);
  EXPECT_EQ(drawing.y.high, 1.5);
  const Cells& cells = only<Cells>(drawing);
  EXPECT_EQ(cells.readOut[3], "layer 1 (block 3) · expert 0\n4 × fair [3.5, 4.5]");
  EXPECT_EQ(cells.readOut[5], "layer 1 (block 3) · expert 2\nno value");
}

TEST(HeatMap, CaptionSaysQuantityUnitScaleFloorTokensAndDocuments) {
  const Drawing drawing = *draw(twoLayers(), loadFigure(), {});
  EXPECT_EQ(drawing.title, "Utilisation by layer and expert");
  EXPECT_EQ(drawing.caption,
            "Utilisation, × fair share, log₂ scale, colours end at ¼ and 4× (1 cell beyond) · "
            "cells whose 95 % interval holds fair are grey · 98,304 tokens, 1 document");
}

TEST(HeatMap, SelectionFramesRowsAndColumns) {
  ViewState view;
  view.at["layer"] = 1;
  view.selected["expert"] = {2, 9};
  const Drawing drawing = *draw(twoLayers(), loadFigure(), view);
  std::vector<Outline> frames;
  for (const Item& item : drawing.items)
    if (const auto* frame = std::get_if<Outline>(&item)) frames.push_back(*frame);
  ASSERT_EQ(frames.size(), 2u) << "an expert that the model does not have has no frame";
  EXPECT_EQ(frames[0].y0, 0.5);
  EXPECT_EQ(frames[0].y1, 1.5);
  EXPECT_EQ(frames[0].x1, 2.5);
  EXPECT_EQ(frames[1].x0, 1.5);
  EXPECT_EQ(frames[1].y1, 1.5);
}

TEST(HeatMap, OneLayerOfThreeAxesTransposed) {
  Result result{.axes = {{"layer", {"0", "1"}}, {"domain", {"C", "Perl"}}, {"expert", {"0", "1", "2"}}}};
  result.add("lift", "", {"layer", "domain", "expert"}, {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15});
  const Figure figure =
      heatMap("domains", "lift").over({"expert", "domain"}).at("layer").titled("Domains of each expert");
  ViewState view;
  view.at["layer"] = 1;
  const Drawing drawing = *draw(result, figure, view);
  EXPECT_EQ(only<Cells>(drawing).colour, (std::vector<double>{10, 13, 11, 14, 12, 15}));
  EXPECT_EQ(drawing.title, "Layer 1, domains of each expert");
  view.at["layer"] = 99;
  EXPECT_EQ(only<Cells>(*draw(result, figure, view)).colour[0], 10)
      << "a selection from a bigger model means the last layer";
}

TEST(HeatMap, AnAxisAgainstItself) {
  Result result{.axes = {{"layer", {"0"}}, {"expert", {"0", "1"}}}};
  result.add("count", "tokens", {"layer", "expert", "expert"}, {5, 1, 2, 7});
  const Drawing drawing = *draw(result, heatMap("pairs", "count").over({"expert", "expert"}).at("layer"), {});
  EXPECT_EQ(only<Cells>(drawing).colour, (std::vector<double>{5, 1, 2, 7}));
  EXPECT_EQ(csv(drawing), "expert,expert_2,count\n0,0,5\n0,1,1\n1,0,2\n1,1,7\n");
}

TEST(HeatMap, OfADenseModelSaysWhyItIsEmpty) {
  Result result{.axes = {{"layer", {}}, {"expert", {"0"}}}};
  result.add("utilisation", "", {"layer", "expert"}, {});
  const Drawing drawing = *draw(result, loadFigure(), {});
  EXPECT_EQ(drawing.empty, "There is no utilisation to show: the result has no layer.");
  EXPECT_TRUE(drawing.items.empty());
}

TEST(Figures, WithWrongNamesAreErrorsThatListTheRightOnes) {
  const Result result = twoLayers();
  const auto mark = draw(result, {.name = "f", .mark = "pie", .values = {"cv"}}, {});
  ASSERT_FALSE(mark);
  EXPECT_EQ(mark.error().kind, ErrorKind::usage);
  EXPECT_NE(mark.error().message.find("heat map, sorted bars, lines, table, token text, histogram"), std::string::npos);
  const auto value = draw(result, heatMap("f", "load").over({"layer", "expert"}), {});
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().kind, ErrorKind::input);
  EXPECT_NE(value.error().message.find("utilisation, count, cv, gini"), std::string::npos);
  EXPECT_EQ(draw(result, loadFigure().scale("rainbow"), {}).error().kind, ErrorKind::usage);
  EXPECT_EQ(draw(result, heatMap("f", "cv").over({"layer", "expert"}), {}).error().kind, ErrorKind::input);
  EXPECT_EQ(draw(result, heatMap("f", "utilisation").over({"layer"}), {}).error().kind, ErrorKind::usage);
  EXPECT_EQ(draw(result, heatMap("f", "utilisation").over({"layer", "head"}), {}).error().kind, ErrorKind::input);
}

TEST(SortedBars, HighestFirstWithTheirExperts) {
  const Figure figure =
      sortedBars("layer", "utilisation").over({"expert"}).at("layer").line(1, "fair share").option("noise_floor", 0.25);
  ViewState view;
  view.selected["expert"] = {2};
  const Drawing drawing = *draw(twoLayers(), figure, view);
  const Bars& bars = only<Bars>(drawing);
  EXPECT_EQ(bars.height, (std::vector<double>{2, 1.05, 0.5}));
  EXPECT_EQ(bars.index, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(bars.selected, (std::vector<bool>{false, false, true}));
  EXPECT_EQ(bars.low, (std::vector<double>{1.8, 0.9, 0.4}));
  EXPECT_EQ(only<Rule>(drawing).at, 1);
  EXPECT_EQ(only<Rule>(drawing).label, "fair share");
  EXPECT_EQ(only<Band>(drawing).low, (std::vector<double>(6, 0.75)));
  EXPECT_EQ(only<Band>(drawing).high, (std::vector<double>(6, 1.25)));
  EXPECT_EQ(drawing.y.low, 0);
  EXPECT_DOUBLE_EQ(drawing.y.high, 2.2 * 1.05) << "the interval is within the axis";
  EXPECT_EQ(drawing.title, "Layer 0 (block 1), utilisation by expert");
  view.at["layer"] = 1;
  const Drawing second = *draw(twoLayers(), figure, view);
  EXPECT_EQ(only<Bars>(second).index, (std::vector<std::int64_t>{0, 1})) << "an expert that is not there has no bar";
}

TEST(SortedBars, TiesAndTheAxisOrder) {
  Result result{.axes = {{"expert", {"0", "1", "2", "3"}}}};
  result.add("share", "", {"expert"}, {1, 3, 1, 3});
  const Figure figure = sortedBars("share", "share").over({"expert"});
  EXPECT_EQ(only<Bars>(*draw(result, figure, {})).index, (std::vector<std::int64_t>{1, 3, 0, 2}));
  ViewState view;
  view.set["order"] = "axis";
  EXPECT_EQ(only<Bars>(*draw(result, figure, view)).index, (std::vector<std::int64_t>{0, 1, 2, 3}));
}

TEST(Lines, OneMetricWithItsFloorAndInterval) {
  const Drawing drawing = *draw(twoLayers(), lines("metrics", {"cv"}).over({"layer"}).floor("baseline"), {});
  const Polyline* line = nullptr;
  const Polyline* floor = nullptr;
  for (const Item& item : drawing.items)
    if (const auto* each = std::get_if<Polyline>(&item)) (each->dashed ? floor : line) = each;
  ASSERT_TRUE(line && floor);
  EXPECT_EQ(line->y, (std::vector<double>{0.6, 1.0}));
  EXPECT_EQ(line->x, (std::vector<double>{0, 1}));
  EXPECT_EQ(line->ink, Ink::accent);
  EXPECT_EQ(line->readOut[0], "layer 0 (block 1) · CV\n0.6 [0.5, 0.75]");
  EXPECT_EQ(floor->y, (std::vector<double>{0.125, 0.25}));
  EXPECT_EQ(only<Band>(drawing).high, (std::vector<double>{0.75, 1.25}));
  EXPECT_EQ(drawing.y.low, 0);
  EXPECT_DOUBLE_EQ(drawing.y.high, 1.25 * 1.05);
  EXPECT_EQ(
      csv(drawing),
      "layer,series,value,baseline,low,high\n0 (block 1),CV,0.6,0.125,0.5,0.75\n1 (block 3),CV,1,0.25,0.875,1.25\n");
}

TEST(Lines, StepsAreDrawnAtTheirNumberOneLineADomain) {
  Result result{.axes = {{"step", {"0", "10", "40"}}, {"domain", {"C", "Perl"}}}};
  result.add("loss", "nats", {"step"}, {3, 2, 1});
  result.add("loss_by_domain", "nats", {"step", "domain"}, {3, 4, 2, nan, 1, 2});
  const Drawing drawing = *draw(
      result, lines("loss", {"loss_by_domain", "loss"}).over({"step", "domain"}).option("thin", Json{"loss"}), {});
  std::vector<const Polyline*> all;
  for (const Item& item : drawing.items) all.push_back(&std::get<Polyline>(item));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0]->x, (std::vector<double>{0, 10, 40}));
  EXPECT_EQ(all[0]->y, (std::vector<double>{3, 2, 1}));
  EXPECT_EQ(all[0]->label, "C");
  EXPECT_EQ(all[1]->label, "Perl");
  EXPECT_TRUE(std::isnan(all[1]->y[1]));
  EXPECT_NE(all[0]->ink, all[1]->ink);
  EXPECT_TRUE(all[2]->thin);
  EXPECT_EQ(drawing.x.high, 40);
  EXPECT_NE(drawing.caption.find("nats"), std::string::npos);
}

TEST(Lines, NothingFiniteIsSaidInASentence) {
  Result result{.axes = {{"step", {"0"}}}};
  result.add("loss", "nats", {"step"}, {nan});
  EXPECT_EQ(draw(result, lines("loss", {"loss"}).over({"step"}), {})->empty, "There is no loss to show yet.");
}

TEST(Tables, SummaryIsOneRowAMetricWithIntervalAndFloor) {
  const Figure figure = table("metrics", {"cv", "gini"})
                            .over({"layer"})
                            .option("summary", "mean over layer")
                            .titled("How uneven, and against what");
  const Drawing drawing = *draw(twoLayers(), figure, {});
  ASSERT_TRUE(drawing.table);
  ASSERT_EQ(drawing.table->rows.size(), 2u);
  EXPECT_EQ(drawing.table->rows[0], (std::vector<std::string>{"CV", "0.80", "0.69–1.00", "0.19"}));
  EXPECT_EQ(drawing.table->rows[1], (std::vector<std::string>{"Gini", "0.375", "", ""}));
  EXPECT_EQ(drawing.title, "How uneven, and against what");
  EXPECT_TRUE(drawing.caption.starts_with("Mean over 2 layers")) << drawing.caption;
  EXPECT_EQ(csv(drawing), "metric,value,low,high,floor,unit\nCV,0.8,0.6875,1,0.1875,\nGini,0.375,,,,\n");
}

TEST(Tables, ByLayerAndOfATable) {
  const Drawing drawing = *draw(twoLayers(), table("layers", {"cv", "gini"}).over({"layer"}), {});
  EXPECT_EQ(drawing.table->headings[0].text, "layer");
  EXPECT_EQ(drawing.table->headings[1].text, "CV");
  EXPECT_EQ(drawing.table->rows[1], (std::vector<std::string>{"1 (block 3)", "1.00", "0.500"}));
  EXPECT_EQ(drawing.table->numbers[1][2], 0.5);
  Result result;
  result.add("tensors", Table{{{"name", "", std::vector<std::string>{"a, b", "c"}},
                               {"size", "bytes", std::vector<double>{8, nan}}}});
  const Drawing whole = *draw(result, table("tensors", {"tensors"}), {});
  EXPECT_EQ(csv(whole), "name,size\n\"a, b\",8\nc,\n");
  EXPECT_EQ(whole.table->headings[1].unit, "bytes");
  EXPECT_FALSE(whole.table->headings[0].number);
}

// Three tokens of one layer: the letter "д" (two bytes) cut apart, and a line end.
TokenText cutApart() {
  return {.layers = 2,
          .k = 2,
          .text = {"\xD0", "\xB4", "x\n"},
          .id = {208, 180, 9},
          .expert = {4, 1, 0, 2, 4, -1, 0, 2, 7, 1, 3, 2},
          .weight = {0.75f, 0.25f, 1, 0, 1, 0, 1, 0, 0.5f, 0.5f, 1, 0},
          .loss = {1.5f, 0.25f, std::numeric_limits<float>::quiet_NaN()}};
}

TEST(TokenText, CharactersCutByTokensAreWholeAgain) {
  Result result;
  result.add("text", cutApart());
  const Drawing drawing = *draw(result, tokenText("text", "text"), {});
  ASSERT_TRUE(drawing.text);
  const auto& runs = drawing.text->runs;
  ASSERT_EQ(runs.size(), 3u) << "one run a token";
  EXPECT_EQ(runs[0].text, "д");
  EXPECT_EQ(runs[1].text, "");
  EXPECT_EQ(runs[2].text, "x\n");
  EXPECT_EQ(runs[0].readOut,
            "\"\\xD0\" · id 208\nexpert 4: 0.75, expert 1: 0.25\nloss 1.5 nats\n\"\\xB4\" · id 180\nexpert 4: 1\nloss "
            "0.25 nats");
  EXPECT_EQ(runs[2].readOut, "\"x\\n\" · id 9\nexpert 7: 0.5, expert 1: 0.5");
}

TEST(TokenText, BytesThatAreNoCharactersNeverReachTheScreen) {
  Result result;
  result.add("text", TokenText{.layers = 1,
                               .k = 1,
                               .text = {"\xD0", "a", "\xFF", "\xE2\x82"},
                               .id = {1, 2, 3, 4},
                               .expert = {0, 0, 0, 0},
                               .weight = {1, 1, 1, 1}});
  const auto runs = draw(result, tokenText("text", "text"), {})->text->runs;
  EXPECT_EQ(runs[0].text, "\uFFFD");
  EXPECT_EQ(runs[1].text, "a");
  EXPECT_EQ(runs[2].text, "\uFFFD");
  EXPECT_EQ(runs[3].text, "\uFFFD");
}

TEST(TokenText, LayerAndRankChooseTheExpertAndItsHue) {
  Result result;
  result.add("text", cutApart());
  ViewState view;
  Drawing drawing = *draw(result, tokenText("text", "text"), view);
  EXPECT_EQ(drawing.text->runs[0].ground, domainInk(0));
  EXPECT_EQ(drawing.text->runs[2].ground, domainInk(1));
  EXPECT_EQ(drawing.text->legend,
            (std::vector<std::pair<std::string, Ink>>{{"expert 4", domainInk(0)}, {"expert 7", domainInk(1)}}));
  view.set["rank"] = "1";
  drawing = *draw(result, tokenText("text", "text"), view);
  EXPECT_EQ(drawing.text->runs[0].ground, domainInk(0));
  EXPECT_FALSE(drawing.text->runs[1].ground) << "no second choice";
  view.at["layer"] = 1;
  view.set["rank"] = "0";
  view.selected["expert"] = {3};
  drawing = *draw(result, tokenText("text", "text"), view);
  EXPECT_FALSE(drawing.text->runs[0].ground);
  EXPECT_EQ(drawing.text->runs[2].ground, domainInk(0)) << "only the selected expert has a hue";
  EXPECT_EQ(drawing.text->legend.back().first, "other experts");
}

TEST(TokenText, TheEightBusiestExpertsHaveAHueTheRestAreNeutral) {
  TokenText text{.layers = 1, .k = 1};
  for (int expert = 0; expert < 10; ++expert)
    for (int times = 0; times <= expert; ++times) {
      text.text.push_back("a");
      text.id.push_back(0);
      text.expert.push_back(expert);
      text.weight.push_back(1);
    }
  Result result;
  result.add("text", std::move(text));
  const Drawing drawing = *draw(result, tokenText("text", "text"), {});
  EXPECT_FALSE(drawing.text->runs.front().ground) << "expert 0 has one token";
  EXPECT_TRUE(drawing.text->runs.back().ground);
  EXPECT_EQ(drawing.text->legend.size(), 9u);
  EXPECT_EQ(drawing.text->legend.front().first, "expert 2");
}

TEST(Numbers, HaveAtMostThreeDigitsAndCountsAreWhole) {
  EXPECT_EQ(number(12), "12");
  EXPECT_EQ(number(0.034), "0.034");
  EXPECT_EQ(number(0.000012), "1.2e-05");
  EXPECT_EQ(number(3.41421), "3.41");
  EXPECT_EQ(number(98304), "98304");
  EXPECT_EQ(number(1234.5), "1234");
  EXPECT_EQ(number(-0.5), "-0.5");
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(nan), "–");
  EXPECT_EQ(number(-std::numeric_limits<double>::infinity()), "-inf");
}

}  // namespace
}  // namespace moescope
