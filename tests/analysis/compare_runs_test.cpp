// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <filesystem>

#include "core/study/run_file.h"
#include "tests/analysis/analysed.h"

namespace moescope {
namespace {

// Forty steps whose loss is `loss` at every step and whose CV falls by one a step from `cv` in two layers that lie 2
// apart.
Artifact madeRun(const std::filesystem::path& folder, const Json& settings, double loss, double cv) {
  auto writer = RunWriter::open(folder);
  EXPECT_TRUE(writer);
  EXPECT_TRUE(writer->event(0, {{"kind", "start"}, {"settings", settings}}));
  for (std::int64_t step = 1; step <= 40; ++step) {
    const double fallen = cv - double(step);
    std::vector<Metric> metrics{
        {"loss", {loss}, {}}, {"cv", {fallen - 1, fallen + 1}, {2}}, {"cv_floor", {0.25, 0.75}, {2}}};
    if (step % 20 == 0) metrics.push_back({"validation_loss", {loss + double(step)}, {}});
    EXPECT_TRUE(writer->append(step, metrics));
  }
  EXPECT_TRUE(writer->finish());
  return {.id = std::string(64, '1'), .kind = Kind::run, .path = folder};
}

class ComparedRuns : public testing::Test {
 protected:
  const made::Folder own_{"compared-runs"};
  const std::filesystem::path folder = own_.path();

  Expected<Result> compare(const std::vector<Artifact>& runs, const Json& set = Json::object()) {
    const Operation& chosen = made::operation("compare.runs");
    TRY(parameters, checkParameters(chosen.describe().parameters, set));
    Inputs in;
    for (const Artifact& run : runs) in.add("run", run);
    QuietJob job(folder / "job");
    TRY_DO(chosen.estimate(in, parameters));
    TRY(outputs, chosen.run(in, parameters, job));
    TRY_DO(checkResult(*outputs.at(0).result));
    return std::move(*outputs.at(0).result);
  }
};

TEST_F(ComparedRuns, RunsThatDifferInTheirSeedAreOneGroupNamedByWhatTheGroupsDifferIn) {
  const auto result = compare({madeRun(folder / "a", {{"balance", 0.01}, {"steps", 40}, {"seed", 1}}, 2, 100),
                               madeRun(folder / "b", {{"balance", 0}, {"steps", 40}, {"seed", 1}}, 5, 60),
                               madeRun(folder / "c", {{"balance", 0.01}, {"steps", 40}, {"seed", 2}}, 4, 100)},
                              {{"windows", 4}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->axis("group")->labels, (std::vector<std::string>{"balance 0.01", "balance 0"}));
  EXPECT_EQ(result->axis("step")->labels, (std::vector<std::string>{"5", "15", "25", "35"}));
  const Array& loss = made::array(*result, "loss");  // [step, group]
  EXPECT_EQ(loss.values, (std::vector<double>{3, 5, 3, 5, 3, 5, 3, 5}));
  EXPECT_EQ(loss.low[0], 2);
  EXPECT_EQ(loss.high[0], 4);
  const Array& cv = made::array(*result, "cv");
  EXPECT_DOUBLE_EQ(cv.values[0], 100 - 5.5);  // steps 1 to 10, mean over both layers
  EXPECT_DOUBLE_EQ(cv.values[7], 60 - 35.5);
  EXPECT_EQ(cv.baseline[0], 0.5);
  const Array& held = made::array(*result, "validation_loss");
  EXPECT_EQ(result->axis("validated_step")->labels, (std::vector<std::string>{"15", "35"}));
  EXPECT_EQ(held.values, (std::vector<double>{23, 25, 43, 45}));  // steps 20 and 40
}

TEST_F(ComparedRuns, TheIntervalOfAGroupsMeanIsStudentsT) {
  const auto result =
      compare({madeRun(folder / "a", {{"seed", 1}}, 2, 100), madeRun(folder / "b", {{"seed", 2}}, 3, 100),
               madeRun(folder / "c", {{"seed", 3}}, 7, 100)});
  ASSERT_TRUE(result) << result.error().message;
  const auto& last = std::get<Table>(result->find("last")->content);
  const auto cell = [&](const std::string& name) {
    for (const Column& column : last.columns)
      if (column.name == name) return std::get<std::vector<double>>(column.cells).at(0);
    throw std::logic_error("no column " + name);
  };
  EXPECT_EQ(cell("runs"), 3);
  EXPECT_EQ(cell("loss"), 4);
  // mean 4, standard deviation sqrt(7): t(0.975, 2) sqrt(7 / 3)
  EXPECT_NEAR(cell("loss ±"), 4.302652729911275 * std::sqrt(7.0 / 3), 1e-4);
}

TEST_F(ComparedRuns, ShorterRunsEndEarlyAndOneRunIsRefused) {
  const Artifact whole = madeRun(folder / "a", {{"seed", 1}}, 2, 100);
  const auto alone = compare({whole});
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().kind, ErrorKind::usage);
  auto writer = RunWriter::open(folder / "short");
  ASSERT_TRUE(writer);
  for (std::int64_t step = 1; step <= 10; ++step)
    ASSERT_TRUE(writer->append(step, std::vector<Metric>{{"loss", {9}, {}}}));
  ASSERT_TRUE(writer->finish());
  const auto result = compare(
      {whole, Artifact{.id = std::string(64, '2'), .kind = Kind::run, .path = folder / "short"}}, {{"windows", 4}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->axis("group")->labels[1], "run 2");  // it does not say what it was asked for
  const Array& loss = made::array(*result, "loss");
  EXPECT_EQ(loss.values[1], 9);
  EXPECT_TRUE(std::isnan(loss.values[3]));
}

TEST_F(ComparedRuns, ARunWithoutStepsIsNamed) {
  auto writer = RunWriter::open(folder / "none");
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->event(0, {{"kind", "start"}}));
  ASSERT_TRUE(writer->finish());
  const Artifact none{.id = std::string(64, '2'), .kind = Kind::run, .path = folder / "none"};
  const auto result = compare({none, none});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::input);
  EXPECT_EQ(result.error().file, (folder / "none").string());
}

}  // namespace
}  // namespace moescope
