// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/parameter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace moescope {
namespace {

std::vector<Parameter> declared() {
  return {integer("steps", 300, 1, 1000000, "", "optimiser steps"),
          real("learning_rate", 0.001, 0, 1, "", "peak learning rate"),
          flag("fast", false, "whether to hurry"),
          text("prefix", "", "text put first"),
          path("path", "a folder"),
          list("domains", Json::array(), "domains to keep"),
          choice("router", "softmax",
                 {{"softmax", "renormalised"},
                  {"switch", "one expert", {integer("copies", 1, 1, 8, "", "copies")}},
                  {"noisy", "with noise", {real("importance", 0.1, 0, 10, "", "coefficient of the importance loss")}}},
                 "how tokens choose experts")};
}

Error refusal(const Json& given) {
  auto parameters = checkParameters(declared(), given);
  EXPECT_FALSE(parameters.has_value()) << canonical(given) << " was taken";
  return parameters ? bugError("taken") : parameters.error();
}

TEST(Parameters, DefaultsAreThereAndNothingIsHashed) {
  auto parameters = checkParameters(declared(), Json::object());
  ASSERT_TRUE(parameters.has_value());
  EXPECT_EQ(parameters->integer("steps"), 300);
  EXPECT_EQ(parameters->text("router"), "softmax");
  EXPECT_EQ(parameters->real("noisy.importance"), 0.1);  // readable though not chosen
  EXPECT_TRUE(parameters->changed().empty());
}

TEST(Parameters, AGivenDefaultIsNoChange) {
  auto parameters = checkParameters(
      declared(), {{"steps", 300}, {"learning_rate", "1e-3"}, {"router", "softmax"}, {"fast", "false"}});
  ASSERT_TRUE(parameters.has_value());
  EXPECT_TRUE(parameters->changed().empty());
}

TEST(Parameters, TextFromACommandLineReadsAsItsType) {
  auto parameters = checkParameters(
      declared(),
      {{"steps", "1e3"}, {"learning_rate", "0.5"}, {"fast", "true"}, {"prefix", "12"}, {"domains", R"(["german",3])"}});
  ASSERT_TRUE(parameters.has_value()) << parameters.error().message;
  EXPECT_EQ(parameters->integer("steps"), 1000);
  EXPECT_EQ(parameters->real("learning_rate"), 0.5);
  EXPECT_TRUE(parameters->flag("fast"));
  EXPECT_EQ(parameters->text("prefix"), "12");
  EXPECT_EQ(parameters->value("domains"), Json::array({"german", 3}));
  EXPECT_EQ(parameters->changed().size(), 5u);
}

TEST(Parameters, NaNAndInfinityAreRefused) {
  for (const Json& given :
       {Json(std::nan("")), Json("nan"), Json("inf"), Json(std::numeric_limits<double>::infinity()), Json(nullptr)}) {
    const Error error = refusal({{"learning_rate", given}});
    EXPECT_EQ(error.kind, ErrorKind::usage);
    EXPECT_NE(error.message.find("learning_rate"), std::string::npos) << error.message;
  }
}

TEST(Parameters, OutOfRangeNamesTheRange) {
  const Error error = refusal({{"steps", 0}});
  EXPECT_EQ(error.kind, ErrorKind::usage);
  EXPECT_NE(error.message.find("steps is 0"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("from 1 to 1000000"), std::string::npos) << error.message;
}

TEST(Parameters, WrongTypesAreRefused) {
  for (const Json& given : {Json{{"steps", "many"}}, Json{{"steps", 1.5}}, Json{{"steps", true}},
                            Json{{"fast", "maybe"}}, Json{{"prefix", 3}}, Json{{"domains", Json::array({nullptr})}},
                            Json{{"domains", "[1,"}}, Json{{"router", 3}}, Json::array({1})})
    EXPECT_EQ(refusal(given).kind, ErrorKind::usage) << canonical(given);
}

TEST(Parameters, AnUnknownNameGetsTheNearest) {
  EXPECT_NE(refusal({{"step", 3}}).message.find("did you mean steps?"), std::string::npos);
  EXPECT_NE(refusal({{"learning_rat", 3}}).message.find("did you mean learning_rate?"), std::string::npos);
  EXPECT_NE(refusal({{"zzz", 3}}).message.find("there are steps, learning_rate"), std::string::npos);
}

TEST(Parameters, AnUnknownChoiceGetsTheNearest) {
  const Error error = refusal({{"router", "swich"}});
  EXPECT_NE(error.message.find("did you mean switch?"), std::string::npos) << error.message;
}

TEST(Parameters, OptionsOfAChoiceThatIsNotChosenAreRefused) {
  const Error error = refusal({{"noisy.importance", 0.5}});
  EXPECT_NE(error.message.find("noisy.importance needs router=noisy"), std::string::npos) << error.message;
  auto chosen = checkParameters(declared(), {{"router", "noisy"}, {"noisy.importance", 0.5}});
  ASSERT_TRUE(chosen.has_value());
  EXPECT_EQ(chosen->real("noisy.importance"), 0.5);
}

TEST(Parameters, AMissingValueIsNamedAfterAMisspeltOne) {
  std::vector<Parameter> needy = declared();
  needy[0].initial = nullptr;
  auto missing = checkParameters(needy, Json::object());
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().message.find("steps needs a value"), std::string::npos);
  auto misspelt = checkParameters(needy, {{"stepps", 3}});
  ASSERT_FALSE(misspelt.has_value());
  EXPECT_NE(misspelt.error().message.find("did you mean steps?"), std::string::npos);
}

TEST(Parameters, MinusZeroIsZero) {
  auto parameters = checkParameters({real("x", 0, -1, 1, "", "x")}, {{"x", -0.0}});
  ASSERT_TRUE(parameters.has_value());
  EXPECT_EQ(canonical(parameters->all()), R"({"x":0.0})");
}

}  // namespace
}  // namespace moescope
