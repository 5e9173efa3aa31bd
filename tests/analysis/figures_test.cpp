// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <set>

#include "core/result/drawing.h"
#include "tests/analysis/analysed.h"

namespace moescope {
namespace {

class Figures : public testing::TestWithParam<const char*> {};

Result made(const std::filesystem::path& folder, const char* id, const made::Rule& rule) {
  EXPECT_TRUE(made::write(folder / "t", rule));
  Json asked = Json::object();
  if (id == std::string("tokens.text")) asked["find"] = "w";
  if (id == std::string("load.balance") && rule.experts % 4 == 0) asked["ranks"] = 4;
  auto result = made::analyse(id, folder / "t", asked);
  EXPECT_TRUE(result) << result.error().message;
  return *std::move(result);
}

// An analysis writes no view code: what it declares must be enough to draw everything it declares.
TEST_P(Figures, AllDrawFromTheDescriptionAlone) {
  const made::Folder folder(std::string("figures-") + GetParam());
  const Result result =
      made(folder.path(), GetParam(),
           {.layers = 3, .topK = 3, .documents = 24, .preference = 120, .loss = true, .logits = true});
  const Description description = made::operation(GetParam()).describe();
  std::set<std::string> names;
  ASSERT_FALSE(description.figures.empty());
  for (const Figure& figure : description.figures) {
    EXPECT_TRUE(names.insert(figure.name).second) << figure.name << " is there twice";
    EXPECT_FALSE(figure.title.empty()) << figure.name;
    auto drawing = draw(result, figure, {.at = {{"layer", 2}}, .selected = {{"expert", {1}}}});
    ASSERT_TRUE(drawing) << figure.name << ": " << drawing.error().message;
    EXPECT_TRUE(drawing->empty.empty()) << figure.name << ": " << drawing->empty;
    EXPECT_GT(std::ranges::count(csv(*drawing), '\n'), 1) << figure.name;
    EXPECT_NE(drawing->caption.find("tokens"), std::string::npos) << figure.name << ": " << drawing->caption;
  }
}

TEST_P(Figures, DrawOfTheSmallestTraceToo) {
  const made::Folder folder(std::string("figures-small-") + GetParam());
  const Result result =
      made(folder.path(), GetParam(),
           {.layers = 1, .experts = 1, .topK = 1, .domains = 1, .documents = 1, .tokensPerDocument = 1});
  for (const Figure& figure : made::operation(GetParam()).describe().figures) {
    auto drawing = draw(result, figure, {});
    EXPECT_TRUE(drawing) << figure.name << ": " << drawing.error().message;
  }
}

TEST_P(Figures, DescriptionsReadBackAndTeach) {
  const Description description = made::operation(GetParam()).describe();
  auto again = descriptionFromJson(toJson(description));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(toJson(*again), toJson(description));
  EXPECT_NE(description.example.find(description.id), std::string::npos);
  EXPECT_GT(description.help.size(), 100u);
  for (const Parameter& parameter : description.parameters) EXPECT_FALSE(parameter.help.empty()) << parameter.name;
}

INSTANTIATE_TEST_SUITE_P(OfTraces, Figures,
                         testing::Values("load.balance", "load.frequency", "load.time", "load.capacity",
                                         "router.confidence", "specialise.domain", "specialise.vocabulary",
                                         "specialise.information", "specialise.position", "tokens.text"),
                         [](const auto& of) {
                           std::string name = of.param;
                           name[name.find('.')] = '_';
                           return name;
                         });

TEST(Figures, OfSpecialisationSayTheirNullAndGreyWhatItExplains) {
  const made::Folder folder("figures-null");
  const Result result = made(folder.path(), "specialise.domain", {.preference = 120});
  const std::vector<Figure> figures = made::operation("specialise.domain").describe().figures;
  auto lift = draw(result, figures[0], {});
  ASSERT_TRUE(lift);
  EXPECT_NE(lift->caption.find("q > 0.05 are grey"), std::string::npos) << lift->caption;
  auto information = draw(result, figures[1], {});
  ASSERT_TRUE(information);
  EXPECT_NE(information->caption.find("relabelled documents"), std::string::npos) << information->caption;
}

}  // namespace
}  // namespace moescope
