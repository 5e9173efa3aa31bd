// SPDX-License-Identifier: GPL-3.0-or-later
// CSV and pgfplots of drawings, to the letter where others read them, and through LaTeX where it is installed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "core/result/colours.h"
#include "core/result/drawing.h"
#include "core/result/utf8.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

Result small() {
  Result result{.axes = {{"layer", {"0", "1"}}, {"expert", {"0", "1"}}}};
  Array& load = result.add("utilisation", "x fair share", {"layer", "expert"}, {1.5, 0.5, 1, std::nan("")});
  load.low = {1.25, 0.25, 0.5, std::nan("")};
  load.high = {1.75, 0.75, 1.5, std::nan("")};
  Array& cv = result.add("cv", "50 % & more_or_less", {"layer"}, {0.25, 0.5});
  cv.baseline = {0.1, 0.1};
  result.add("text", TokenText{.layers = 1,
                               .k = 1,
                               .text = {"int ", "x_1\n", "{"},
                               .id = {1, 2, 3},
                               .expert = {0, 1, 0},
                               .weight = {1, 1, 1}});
  return result;
}

std::vector<Figure> every() {
  return {
      heatMap("load", "utilisation").over({"layer", "expert"}).scale("log2 around 1").greyWithinBaseline(),
      sortedBars("bars", "utilisation").over({"expert"}).at("layer").line(1, "fair share").option("noise_floor", 0.2),
      lines("lines", {"cv"}).over({"layer"}).floor("baseline"), table("table", {"cv"}).over({"layer"}),
      tokenText("text", "text")};
}

TEST(Csv, OfAHeatMapToTheLetter) {
  EXPECT_EQ(csv(*draw(small(), every()[0], {})),
            "layer,expert,utilisation,low,high\n0,0,1.5,1.25,1.75\n0,1,0.5,0.25,0.75\n1,0,1,0.5,1.5\n1,1,,,\n");
}

TEST(Csv, OfBarsInTheOrderDrawn) {
  EXPECT_EQ(csv(*draw(small(), every()[1], {})),
            "position,expert,utilisation,low,high\n0,0,1.5,1.25,1.75\n1,1,0.5,0.25,0.75\n");
}

TEST(Csv, QuotesOnlyWhereNeeded) {
  Drawing drawing;
  drawing.data = {.columns = {"a,b", "c"},
                  .rows = {{std::string("say \"x\""), 0.1}, {std::string("two\nlines"), 1e300}}};
  EXPECT_EQ(csv(drawing), "\"a,b\",c\n\"say \"\"x\"\"\",0.1\n\"two\nlines\",1e+300\n");
}

TEST(Pgfplots, HoldsEveryCellTheScaleAndTheGreyOnes) {
  const std::string text = pgfplots(*draw(small(), every()[0], {}), 234, 8);
  EXPECT_NE(text.find("width=194pt, height=145.08pt"), std::string::npos);
  EXPECT_NE(text.find("point meta min=-1, point meta max=1"), std::string::npos);
  EXPECT_NE(text.find("x y c\n0 0 0.5849625007211562\n1 0 -1\n0 1 0\n1 1 nan\n"), std::string::npos) << text;
  EXPECT_NE(text.find("(axis cs:-0.5,0.5) rectangle (axis cs:0.5,1.5)"), std::string::npos) << "cell (1, 0) is grey";
  EXPECT_NE(text.find("y dir=reverse"), std::string::npos);
}

TEST(Pgfplots, WordsCannotBreakLatex) {
  const std::string text = pgfplots(*draw(small(), every()[2], {}), 234, 8);
  EXPECT_NE(text.find("50 \\% \\& more\\_or\\_less"), std::string::npos) << text;
}

TEST(Pgfplots, CompilesByItself) {
  if (std::system("command -v pdflatex > /dev/null && kpsewhich pgfplots.sty > /dev/null") != 0)
    GTEST_SKIP() << "no pdflatex with pgfplots here";
  const fs::path folder = fs::temp_directory_path() / ("moescope_tex_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  for (const Figure& figure : every()) {
    std::ofstream(folder / "f.tex") << pgfplots(*draw(small(), figure, {}), 234, 8);
    const std::string command =
        "cd '" + folder.string() + "' && pdflatex -halt-on-error -interaction=nonstopmode f.tex > log.txt 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << figure.name << "\n" << std::ifstream(folder / "log.txt").rdbuf();
  }
  fs::remove_all(folder);
}

TEST(Colours, EndsAndMiddleOfTheMaps) {
  const Ground paper, dark{.neutral = {0x2a, 0x2e, 0x36}, .dark = true};
  EXPECT_EQ(colourStops("viridis", paper).front(), (Rgb{0x44, 0x01, 0x54}));
  EXPECT_EQ(colourStops("viridis", paper).back(), (Rgb{0xfd, 0xe7, 0x25}));
  EXPECT_EQ(mixed(colourStops("cividis", paper), 0), (Rgb{0x00, 0x22, 0x4e}));
  EXPECT_EQ(mixed(colourStops("blue white red", paper), 0.5), paper.neutral);
  EXPECT_EQ(mixed(colourStops("blue white red", dark), 0.5), dark.neutral)
      << "the map runs through the theme's neutral";
  const ColourScale scale{.map = "blue white red", .low = -2, .high = 2};
  EXPECT_GT(colourOf(scale, 2, dark).red, colourOf(scale, 2, dark).blue);
  EXPECT_GT(colourOf(scale, -2, dark).blue, colourOf(scale, -2, dark).red);
  EXPECT_EQ(colourOf(scale, 9, paper), colourOf(scale, 2, paper));
  EXPECT_TRUE(wantsLightText({0, 0, 80}));
  EXPECT_FALSE(wantsLightText({0xff, 0xff, 0x00}));
}

TEST(Utf8, KeepsWholeCharactersAndMarksTheRest) {
  EXPECT_EQ(validUtf8("aд€😀"), "aд€😀");
  EXPECT_EQ(validUtf8("\xC0\xAF"), "\uFFFD\uFFFD") << "overlong";
  EXPECT_EQ(validUtf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "surrogate";
  EXPECT_EQ(openBytes("a\xE2\x82"), 2u);
  EXPECT_EQ(openBytes("a€"), 0u);
  EXPECT_EQ(openBytes("\x82\x82\x82\x82"), 0u);
  EXPECT_EQ(visible("a\n\xC3"), "a\\n\\xC3");
}

}  // namespace
}  // namespace moescope
