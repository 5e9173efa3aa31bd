// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "core/operation/operation.h"
#include "core/operations.h"

namespace moescope {
namespace {

Description example() {
  return {
      .id = "load.balance",
      .version = 3,
      .title = "Load balance",
      .help = "How evenly.",
      .page = "Load",
      .in = {{"trace", Kind::trace, false, true, "who was routed where"}},
      .out = {{"result", Kind::result}},
      .parameters = {integer("draws", 1000, 0, 10000, "", "resamples"),
                     choice("router", "a", {{"a", "first"}, {"b", "second", {real("k", 0.5, 0, 1, "s", "a number")}}},
                            "which"),
                     flag("x", true, "x").secondary()},
      .figures = {heatMap("load", "utilisation").over({"layer", "expert"}).scale("log2 around 1").greyWithinBaseline()},
      .needs = {"torch"},
      .interactive = true,
      .example = "moescope-cli run load.balance",
      .worker = "torch"};
}

TEST(Description, SurvivesItsJsonForm) {
  const Json json = toJson(example());
  auto again = descriptionFromJson(json);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(canonical(toJson(*again)), canonical(json));
  EXPECT_EQ(again->parameters[1].options[1].parameters[0].high, 1);
  EXPECT_TRUE(again->in[0].many);
}

TEST(Description, EveryBuiltInOneSurvivesItsJsonForm) {
  for (const Operation& operation : lightOperations()) {
    const Description description = operation.describe();
    auto again = descriptionFromJson(toJson(description));
    ASSERT_TRUE(again.has_value()) << description.id << ": " << again.error().message;
    EXPECT_EQ(canonical(toJson(*again)), canonical(toJson(description)));
    EXPECT_FALSE(description.title.empty());
    EXPECT_FALSE(description.help.empty()) << description.id;
  }
}

void expectRefused(const char* member, const Json& value) {
  Json json = toJson(example());
  json[member] = value;
  auto description = descriptionFromJson(json, "plugin.json");
  ASSERT_FALSE(description.has_value()) << member << " = " << canonical(value);
  EXPECT_EQ(description.error().kind, ErrorKind::input);
  EXPECT_NE(description.error().message.find("plugin.json"), std::string::npos) << description.error().message;
}

TEST(Description, ForeignOnesAreRefusedByWhatIsWrong) {
  expectRefused("id", "nodot");
  expectRefused("id", 3);
  expectRefused("in", "trace");
  expectRefused("in", Json::array({Json{{"name", "trace"}, {"kind", "teapot"}}}));
  expectRefused("out", Json::array({3}));
  expectRefused("version", "new");
  const Json good{{"name", "draws"}, {"type", "integer"}, {"default", 5}, {"low", 0}, {"high", 10}, {"help", ""}};
  const auto with = [&](const char* key, Json value) {
    Json parameter = good;
    parameter[key] = std::move(value);
    return Json::array({parameter});
  };
  expectRefused("parameters", with("default", 50));
  expectRefused("parameters", with("type", "number"));
  expectRefused("parameters", with("name", "Draws!"));
  expectRefused("parameters", with("low", "few"));
  expectRefused("parameters", Json::array({good, good}));
}

TEST(Description, IsRefusedWhenItIsNoObject) {
  EXPECT_FALSE(descriptionFromJson(Json::array()).has_value());
}

}  // namespace
}  // namespace moescope
