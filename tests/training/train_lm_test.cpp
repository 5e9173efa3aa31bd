// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <set>

#include "core/base/digest.h"
#include "core/study/run_file.h"
#include "core/text/corpus.h"
#include "tests/training/small_training.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

TEST_F(SmallTraining, LossFallsToTheEntropyOfTheSources) {
  WatchedJob job(folder / "job");
  double first = 0, validation = 0;
  job.watch = [&](std::int64_t step, std::span<const Metric> metrics) {
    if (step == 1) first = valueOf(metrics, "loss");
    if (step == 150) validation = valueOf(metrics, "validation_loss");
  };
  const auto outputs = train(job, tiny({{"steps", 150},
                                        {"batch", 16},
                                        {"length", 64},
                                        {"learning_rate", 0.01},
                                        {"snapshot_every", 0},
                                        {"validate_every", 0},
                                        {"validation_tokens", 0}}));
  ASSERT_TRUE(outputs) << outputs.error().message;
  const auto text = Corpus::open(folder / "text" / "corpus");
  const double least = text->facts()["entropy_rate_mean"].get<double>();
  // A window shows its source after a few tokens; until then ln 2 nats are missing, spread over the window.
  EXPECT_NEAR(first, std::log(8.0), 0.35);
  EXPECT_GT(validation, least - 0.04);  // two standard errors of 4,000 tokens of validation
  EXPECT_LT(validation, least + std::log(2.0) / 64 + 0.08);
  EXPECT_EQ((*outputs)[0].summary["experts"], 4);
  EXPECT_EQ((*outputs)[1].summary["steps"], 150);
}

TEST_F(SmallTraining, EveryStepHasItsMetricsAndSnapshotsTheRest) {
  WatchedJob job(folder / "job");
  ASSERT_TRUE(train(job, tiny()));
  EXPECT_EQ(job.snapshots, (std::vector<std::int64_t>{5, 10}));  // the last step's is the output itself
  const auto run = readRun(folder / "job" / "run");
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->step.size(), 12u);
  EXPECT_EQ(run->step.front(), 1);
  for (const char* name :
       {"loss", "balance_loss", "z_loss", "gradient_norm", "router_gradient_norm", "learning_rate", "tokens", "cv",
        "cv_floor", "max_violation", "entropy", "marginal_entropy", "dropped", "router_z"}) {
    ASSERT_TRUE(run->metrics.contains(name)) << name;
    for (double value : run->metrics.at(name).values) EXPECT_TRUE(std::isfinite(value)) << name;
  }
  EXPECT_EQ(run->metrics.at("load").shape, (std::vector<std::int64_t>{2, 4}));
  double sum = 0;
  for (double value : run->metrics.at("load").values) sum += value;
  EXPECT_NEAR(sum / double(run->metrics.at("load").values.size()), 1, 1e-12);  // utilisation has mean 1
  const auto present = [&](const char* name) {
    std::set<std::int64_t> steps;
    const auto& series = run->metrics.at(name);
    const std::size_t width = series.values.size() / run->step.size();
    for (std::size_t i = 0; i < run->step.size(); ++i)
      if (std::isfinite(series.values[(i + 1) * width - 1])) steps.insert(run->step[i]);
    return steps;
  };
  EXPECT_EQ(present("validation_loss"), (std::set<std::int64_t>{4, 5, 8, 10, 12}));
  EXPECT_EQ(present("validation_loss.source-1"), (std::set<std::int64_t>{4, 5, 8, 10, 12}));
  EXPECT_EQ(present("domain_information"), (std::set<std::int64_t>{5, 10, 12}));
  EXPECT_EQ(present("routing_change"), (std::set<std::int64_t>{10, 12}));  // nothing to compare the first with
  EXPECT_EQ(present("expert_gradient_norm"), (std::set<std::int64_t>{5, 10, 12}));
  std::size_t samples = 0;
  for (const std::string& event : run->events)
    samples += Json::parse(event).dump().find("\"prompt\"") != std::string::npos;
  EXPECT_EQ(samples, 3u);
  const Json start = Json::parse(run->events.front());  // what the run was asked for
  EXPECT_EQ(start.at("kind"), "start");
  EXPECT_EQ(start.at("settings").at("steps"), 12);
}

TEST_F(SmallTraining, AStoppedRunGoesOnAndEndsBitEqual) {
  WatchedJob whole(folder / "whole"), parts(folder / "parts");
  ASSERT_TRUE(train(whole, tiny()));
  parts.watch = [&](std::int64_t step, std::span<const Metric>) { parts.stop = step == 7; };
  const auto stopped = train(parts, tiny());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().kind, ErrorKind::cancelled);
  WatchedJob rest(folder / "parts");
  ASSERT_TRUE(train(rest, tiny()));
  EXPECT_EQ(rest.steps, whole.steps);  // those that were made before are told again
  for (const char* port : {"model", "run"})
    EXPECT_EQ(*contentDigest(folder / "whole" / port), *contentDigest(folder / "parts" / port)) << port;
}

TEST_F(SmallTraining, AKilledRunGoesOnFromItsLastStateAndEndsBitEqual) {
  WatchedJob whole(folder / "whole"), parts(folder / "parts");
  ASSERT_TRUE(train(whole, tiny({{"router", "noisy"}, {"accumulation", 2}})));
  // A kill leaves whatever was written: the state of the snapshot at 5, and segments with later steps.
  const fs::path state = folder / "parts" / "state" / "state.h5";
  parts.watch = [&](std::int64_t step, std::span<const Metric>) {
    if (step == 6) fs::copy_file(state, folder / "kept");
    parts.stop = step == 8;
  };
  ASSERT_FALSE(train(parts, tiny({{"router", "noisy"}, {"accumulation", 2}})));
  fs::copy_file(folder / "kept", state, fs::copy_options::overwrite_existing);
  WatchedJob rest(folder / "parts");
  ASSERT_TRUE(train(rest, tiny({{"router", "noisy"}, {"accumulation", 2}})));
  EXPECT_EQ(rest.steps, whole.steps);
  for (const char* port : {"model", "run"})
    EXPECT_EQ(*contentDigest(folder / "whole" / port), *contentDigest(folder / "parts" / port)) << port;
}

TEST_F(SmallTraining, DivergenceStopsTheRunNamesTheStepAndKeepsTheSnapshots) {
  WatchedJob job(folder / "job");
  const auto outputs =
      train(job, tiny({{"learning_rate", 1e9}, {"warmup", 0}, {"clip", 0}, {"snapshot_every", 1}, {"steps", 40}}));
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().kind, ErrorKind::usage);
  EXPECT_NE(outputs.error().message.find("step"), std::string::npos) << outputs.error().message;
  EXPECT_NE(outputs.error().message.find("learning_rate"), std::string::npos);
  const auto run = readRun(folder / "job" / "run");
  ASSERT_TRUE(run);
  EXPECT_EQ(run->step.size(), job.steps.size());
}

TEST_F(SmallTraining, LiveEventsTakeEffectAtTheirStepAndAreRecorded) {
  WatchedJob job(folder / "job");
  job.planned = {{4, {{"learning_rate", 0.5}}}, {6, {{"snapshot", true}}}, {7, {{"hidden", 3}}}};
  std::map<std::int64_t, double> rate;
  job.watch = [&](std::int64_t step, std::span<const Metric> metrics) {
    rate[step] = valueOf(metrics, "learning_rate");
  };
  ASSERT_TRUE(train(job, tiny({{"snapshot_every", 0}, {"warmup", 0}, {"learning_rate", 0.001}})));
  EXPECT_LT(rate[3], 0.002);
  EXPECT_GT(rate[4], 0.2);
  EXPECT_EQ(job.snapshots, (std::vector<std::int64_t>{6}));
  const auto run = readRun(folder / "job" / "run");
  std::string events;
  for (const std::string& event : run->events)
    if (event.find("\"change\"") != std::string::npos) events += event;
  EXPECT_NE(events.find("\"learning_rate\":0.5"), std::string::npos) << events;
  EXPECT_EQ(events.find("hidden"), std::string::npos);
  bool warned = false;
  for (const std::string& line : job.logged) warned = warned || line.find("warning: hidden") == 0;
  EXPECT_TRUE(warned);
}

TEST_F(SmallTraining, AModelIsTrainedOnInItsOwnShape) {
  WatchedJob first(folder / "first"), second(folder / "second");
  double end = 0, start = 0;
  first.watch = [&](std::int64_t, std::span<const Metric> metrics) { end = valueOf(metrics, "loss"); };
  second.watch = [&](std::int64_t step, std::span<const Metric> metrics) {
    if (step == 1) start = valueOf(metrics, "loss");
  };
  ASSERT_TRUE(train(first, tiny({{"steps", 60}, {"learning_rate", 0.01}})));
  Inputs inputs = corpus();
  inputs.add("model", {.id = std::string(64, 'a'), .kind = Kind::model, .path = folder / "first" / "model"});
  second.resourcesUsed.threads = 1;
  const auto more = trainLm.run(inputs, setOf(trainLm, {{"steps", 3}, {"batch", 8}, {"length", 32}}), second);
  ASSERT_TRUE(more) << more.error().message;
  EXPECT_NEAR(start, end, 0.25);  // it goes on where the other ended, on other windows
  const auto refused = trainLm.estimate(inputs, setOf(trainLm, {{"layers", 3}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
}

TEST_F(SmallTraining, ADenseModelHasNoRouting) {
  WatchedJob job(folder / "job");
  ASSERT_TRUE(train(job, tiny({{"experts", 0}})));
  const auto run = readRun(folder / "job" / "run");
  EXPECT_FALSE(run->metrics.contains("load"));
  EXPECT_TRUE(run->metrics.contains("validation_loss"));
}

TEST_F(SmallTraining, OneExpertIsAllowed) {
  WatchedJob job(folder / "job");
  const auto outputs = train(job, tiny({{"experts", 1}, {"top_k", 1}, {"steps", 3}}));
  ASSERT_TRUE(outputs) << outputs.error().message;
}

TEST_F(SmallTraining, WrongShapesAreRefusedWithTheRightValue) {
  const std::pair<Json, const char*> wrong[] = {
      {{{"top_k", 9}}, "experts=8"},       {{{"heads", 3}}, "heads=2"},
      {{{"kv_heads", 3}}, "kv_heads=2"},   {{{"hidden", 36}}, "hidden=40"},
      {{{"dense_layers", {7}}}, "0 to 3"}, {{{"accumulation", 3}}, "accumulation=2"},
      {{{"warmup", 2000}}, "steps=1000"},  {{{"shared_gate", true}}, "shared_experts=1"}};
  for (const auto& [set, names] : wrong) {
    const auto cost = trainLm.estimate(corpus(), setOf(trainLm, set));
    ASSERT_FALSE(cost) << set;
    EXPECT_EQ(cost.error().kind, ErrorKind::usage) << set;
    EXPECT_NE(cost.error().message.find(names), std::string::npos) << cost.error().message;
  }
  EXPECT_FALSE(trainLm.estimate(
      corpus(), setOf(trainLm, {{"top_k", 1}})));  // a renormalised single choice has no router gradient
  EXPECT_TRUE(trainLm.estimate(corpus(), setOf(trainLm, {{"top_k", 1}, {"router", "switch"}})));
  EXPECT_TRUE(trainLm.estimate(corpus(), setOf(trainLm, {{"attention", "latent"}, {"latent.query_rank", 24}})));
  for (const Json& set : {Json{{"qk_norm", "head"}}, Json{{"kv_heads", 2}}, Json{{"latent.rotary", 3}}}) {
    Json latent = set;
    latent["attention"] = "latent";
    EXPECT_FALSE(trainLm.estimate(corpus(), setOf(trainLm, latent))) << set;
  }
  for (const Json& set : {Json{{"layers", 0}}, Json{{"learning_rate", "nan"}}, Json{{"router", "sofmax"}}})
    EXPECT_EQ(checkParameters(trainLm.describe().parameters, set).error().kind, ErrorKind::usage) << set;
}

TEST_F(SmallTraining, TheEstimateSaysWhatItWillTake) {
  const auto cost = trainLm.estimate(corpus(), setOf(trainLm, tiny()));
  ASSERT_TRUE(cost) << cost.error().message;
  EXPECT_GT(cost->seconds, 0);
  EXPECT_GT(cost->bytes, 0u);
  const auto more = trainLm.estimate(corpus(), setOf(trainLm, tiny({{"hidden", 512}, {"heads", 8}})));
  EXPECT_GT(more->memory, cost->memory);
}

}  // namespace
}  // namespace moescope
