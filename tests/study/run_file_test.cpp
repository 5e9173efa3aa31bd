// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/run_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/study/hdf5.h"
#include "tests/study/temporary_folder.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

struct RunFileTest : testing::Test {
  TemporaryFolder folder;
  fs::path at = folder / "run";
};

// What a training of two layers with three experts says at a step; every tenth step also validates.
std::vector<Metric> metricsOf(std::int64_t step) {
  const auto t = static_cast<double>(step);
  std::vector<Metric> metrics{
      {"loss", {5.0 / (1 + t)}}, {"cv", {t, t + 0.5}, {2}}, {"load", {t, 1, 2, 3, 4, -t}, {2, 3}}};
  if (step % 10 == 0) metrics.push_back({"validation_loss", {6.0 / (1 + t)}});
  return metrics;
}

void appendSteps(RunWriter& run, std::int64_t first, std::int64_t end, std::int64_t closeEvery) {
  for (std::int64_t step = first; step < end; ++step) {
    ASSERT_TRUE(run.append(step, metricsOf(step)));
    const std::vector<Metric> timing{{"seconds", {0.25 * static_cast<double>(step)}}};
    ASSERT_TRUE(run.appendTiming(step, timing));
    if ((step + 1) % closeEvery == 0) {
      ASSERT_TRUE(run.closeSegment());
    }
  }
}

void expectSteps(const RunSeries& series, std::int64_t end) {
  ASSERT_EQ(std::ssize(series.step), end);
  const auto& load = series.metrics.at("load");
  EXPECT_EQ(load.shape, (std::vector<std::int64_t>{2, 3}));
  for (std::int64_t step = 0; step < end; ++step) {
    const auto row = static_cast<std::size_t>(step);
    EXPECT_EQ(series.step[row], step);
    EXPECT_EQ(series.metrics.at("loss").values[row], 5.0 / (1 + static_cast<double>(step)));
    EXPECT_EQ(load.values[row * 6 + 5], -static_cast<double>(step));
    const double validation = series.metrics.at("validation_loss").values[row];
    if (step % 10 == 0)
      EXPECT_EQ(validation, 6.0 / (1 + static_cast<double>(step)));
    else
      EXPECT_TRUE(std::isnan(validation));
  }
}

TEST_F(RunFileTest, ClosedSegmentsReadBackAsOneSeriesAndTheOpenOneIsNotSeen) {
  auto run = RunWriter::open(at);
  ASSERT_TRUE(run);
  appendSteps(*run, 0, 25, 10);
  const auto series = readRun(at);
  ASSERT_TRUE(series) << series.error().message;
  expectSteps(*series, 20);
  ASSERT_TRUE(run->closeSegment());
  expectSteps(*readRun(at), 25);
}

TEST_F(RunFileTest, AFinishedRunIsOneFileWhoseBytesDoNotDependOnItsSegments) {
  for (const std::int64_t closeEvery : {1, 7, 1000}) {
    auto run = RunWriter::open(folder / std::to_string(closeEvery));
    ASSERT_TRUE(run);
    appendSteps(*run, 0, 60, closeEvery);
    ASSERT_TRUE(run->event(30, Json{{"set", {{"learning_rate", 0.001}}}}));
    ASSERT_TRUE(run->finish());
  }
  const auto id = contentDigest(folder / "1");
  ASSERT_TRUE(id);
  EXPECT_EQ(*contentDigest(folder / "7"), *id);
  EXPECT_EQ(*contentDigest(folder / "1000"), *id);
  EXPECT_TRUE(fs::exists(folder / "7/0000.h5"));
  EXPECT_FALSE(fs::exists(folder / "7/0001.h5"));
  EXPECT_TRUE(fs::exists(folder / "7/timing.h5"));
  EXPECT_FALSE(fs::exists(folder / "7/timing.0000.h5"));
  const auto series = readRun(folder / "7");
  ASSERT_TRUE(series);
  expectSteps(*series, 60);
  EXPECT_EQ(series->events, (std::vector<std::string>{R"({"set":{"learning_rate":0.001},"step":30})"}));
}

TEST_F(RunFileTest, WallClockIsNoPartOfTheContent) {
  for (const double speed : {1.0, 2.0}) {
    auto run = RunWriter::open(folder / std::to_string(speed));
    ASSERT_TRUE(run->append(0, metricsOf(0)));
    const std::vector<Metric> timing{{"tokens_per_second", {speed}}};
    ASSERT_TRUE(run->appendTiming(0, timing));
    ASSERT_TRUE(run->finish());
  }
  EXPECT_EQ(*contentDigest(folder / std::to_string(1.0)), *contentDigest(folder / std::to_string(2.0)));
  EXPECT_FALSE(readRun(folder / std::to_string(1.0))->metrics.contains("tokens_per_second"));
}

TEST_F(RunFileTest, AResumedRunDropsTheStepsAfterItsSnapshotAndEndsWithTheSameBytes) {
  auto straight = RunWriter::open(folder / "straight");
  appendSteps(*straight, 0, 40, 10);
  ASSERT_TRUE(straight->event(12, Json{{"set", {{"learning_rate", 0.1}}}}));
  ASSERT_TRUE(straight->finish());
  {
    auto killed = RunWriter::open(at);
    appendSteps(*killed, 0, 15, 10);
    ASSERT_TRUE(killed->event(12, Json{{"set", {{"learning_rate", 0.1}}}}));
    appendSteps(*killed, 15, 35, 10);
    ASSERT_TRUE(killed->event(33, Json{{"set", {{"learning_rate", 0.2}}}}));
    ASSERT_TRUE(killed->closeSegment());
    writeText(at / "0007.h5.part1234", "half a segment of a killed writer");
  }
  auto resumed = RunWriter::open(at, 23);
  ASSERT_TRUE(resumed);
  expectSteps(*readRun(at), 24);
  appendSteps(*resumed, 24, 40, 10);
  ASSERT_TRUE(resumed->finish());
  EXPECT_EQ(*contentDigest(at), *contentDigest(folder / "straight"));
}

TEST_F(RunFileTest, OpeningWithoutASnapshotStartsOver) {
  {
    auto killed = RunWriter::open(at);
    appendSteps(*killed, 0, 15, 5);
  }
  auto run = RunWriter::open(at);
  EXPECT_TRUE(readRun(at)->step.empty());
  appendSteps(*run, 0, 3, 1);
  expectSteps(*readRun(at), 3);
}

TEST_F(RunFileTest, ACompactionThatWasKilledHalfwayLosesAndDoublesNothing) {
  auto run = RunWriter::open(at);
  appendSteps(*run, 0, 30, 10);
  fs::copy_file(at / "0001.h5", folder / "0001.h5");
  fs::copy_file(at / "0002.h5", folder / "0002.h5");
  ASSERT_TRUE(run->finish());
  const auto id = *contentDigest(at);
  // The new 0000.h5 is there and the old ones were not yet removed.
  fs::copy_file(folder / "0001.h5", at / "0001.h5");
  fs::copy_file(folder / "0002.h5", at / "0002.h5");
  expectSteps(*readRun(at), 30);
  auto again = RunWriter::open(at, 29);
  ASSERT_TRUE(again->finish());
  EXPECT_EQ(*contentDigest(at), id);
}

TEST_F(RunFileTest, MetricsOfTheSameStepAreOneRow) {
  auto run = RunWriter::open(at);
  const std::vector<Metric> loss{{"loss", {1}}}, validation{{"validation_loss", {2}}};
  ASSERT_TRUE(run->append(5, loss));
  ASSERT_TRUE(run->append(5, validation));
  ASSERT_TRUE(run->closeSegment());
  ASSERT_TRUE(run->append(5, {{Metric{"late", {3}}}}));
  ASSERT_TRUE(run->finish());
  const auto series = readRun(at);
  ASSERT_EQ(series->step, (std::vector<std::int64_t>{5}));
  EXPECT_EQ(series->metrics.at("loss").values[0], 1);
  EXPECT_EQ(series->metrics.at("validation_loss").values[0], 2);
  EXPECT_EQ(series->metrics.at("late").values[0], 3);
}

TEST_F(RunFileTest, MistakesOfACallerAreBugs) {
  auto run = RunWriter::open(at);
  ASSERT_TRUE(run->append(3, metricsOf(3)));
  EXPECT_EQ(run->append(2, metricsOf(2)).error().kind, ErrorKind::bug);
  const std::vector<Metric> changed{{"cv", {1, 2, 3}, {3}}}, wrong{{"other", {1, 2}, {3}}}, step{{"step", {1}}};
  EXPECT_EQ(run->append(4, changed).error().kind, ErrorKind::bug);
  EXPECT_EQ(run->append(4, wrong).error().kind, ErrorKind::bug);
  EXPECT_EQ(run->append(4, step).error().kind, ErrorKind::bug);
}

TEST_F(RunFileTest, ARunOfNoStepsFinishesAndReadsBackEmpty) {
  auto run = RunWriter::open(at);
  ASSERT_TRUE(run->finish());
  const auto series = readRun(at);
  ASSERT_TRUE(series) << series.error().message;
  EXPECT_TRUE(series->step.empty());
}

TEST_F(RunFileTest, AForeignSegmentIsANamedErrorAndNeverACrash) {
  EXPECT_EQ(readRun(folder / "nowhere").error().kind, ErrorKind::input);
  writeText(at / "0000.h5", "no HDF5 at all");
  EXPECT_EQ(readRun(at).error().kind, ErrorKind::input);
  {
    auto file = hdf5::File::create(at / "0000.h5");
    const std::vector<std::int64_t> steps{0, 1, 2};
    const std::vector<double> two{1, 2};
    ASSERT_TRUE(file->write<std::int64_t>("/metrics/step", steps, {3}));
    ASSERT_TRUE(file->write<double>("/metrics/loss", two, {2}));
  }
  const auto shorter = readRun(at);
  ASSERT_FALSE(shorter);
  EXPECT_EQ(shorter.error().kind, ErrorKind::input);
  EXPECT_NE(shorter.error().message.find("/metrics/loss"), std::string::npos);
  EXPECT_NE(shorter.error().message.find("0000.h5"), std::string::npos);
}

// The layout that the contract promises to notebooks.
TEST_F(RunFileTest, TheFileHasTheDatasetsOfTheContract) {
  auto run = RunWriter::open(at);
  appendSteps(*run, 0, 4, 2);
  ASSERT_TRUE(run->finish());
  const auto file = hdf5::File::open(at / "0000.h5");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->shape("/metrics/step")->extent, (std::vector<std::uint64_t>{4}));
  EXPECT_EQ(file->shape("/metrics/loss")->extent, (std::vector<std::uint64_t>{4}));
  EXPECT_EQ(file->shape("/metrics/cv")->extent, (std::vector<std::uint64_t>{4, 2}));
  EXPECT_EQ(file->shape("/metrics/load")->extent, (std::vector<std::uint64_t>{4, 2, 3}));
  EXPECT_TRUE(file->has("/events"));
}

}  // namespace
}  // namespace moescope
