// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/operation/operation.h"
#include "core/text/operations.h"
#include "core/training/operations.h"

namespace moescope {

// A job whose metrics can be watched; `watch` is called with every step as it is emitted.
class WatchedJob : public QuietJob {
 public:
  using QuietJob::QuietJob;
  void emit(std::int64_t step, std::span<const Metric> metrics) override {
    steps.push_back(step);
    if (watch) watch(step, metrics);
  }
  void log(std::string_view level, std::string_view text) override {
    logged.push_back(std::string(level) + ": " + std::string(text));
  }
  std::vector<LiveEvent> events(std::int64_t step) override {
    std::vector<LiveEvent> due;
    for (auto& [at, set] : planned)
      if (at == step) due.push_back({at, &set});
    return due;
  }
  Expected<std::string> commit(std::string_view, const std::filesystem::path& written, const Json& summary) override {
    snapshots.push_back(summary["step"].get<std::int64_t>());
    EXPECT_TRUE(std::filesystem::exists(written / "config.json"));
    return std::string(64, '0');
  }

  std::function<void(std::int64_t, std::span<const Metric>)> watch;
  std::vector<std::int64_t> steps, snapshots;
  std::vector<std::string> logged;
  std::vector<std::pair<std::int64_t, Json>> planned;
};

inline double valueOf(std::span<const Metric> metrics, std::string_view name) {
  for (const Metric& metric : metrics)
    if (metric.name == name) return metric.values.at(0);
  ADD_FAILURE() << "no metric " << name;
  return 0;
}

// A folder of its own for each test, with a synthetic corpus of two sources whose entropy is known.
class SmallTraining : public testing::Test {
 protected:
  std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) /
      ("training_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));

  void SetUp() override {
    std::filesystem::remove_all(folder);
    QuietJob job(folder / "text");
    job.resourcesUsed.threads = 1;
    const auto made = corpusSynthetic.run(
        {}, setOf(corpusSynthetic, {{"domains", 2}, {"tokens", 40000}, {"alphabet", 8}, {"document", 400}}), job);
    ASSERT_TRUE(made) << made.error().message;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  static Parameters setOf(const Operation& operation, const Json& given) {
    auto set = checkParameters(operation.describe().parameters, given);
    EXPECT_TRUE(set) << (set ? "" : set.error().message);
    return *set;
  }
  static Json tiny(const Json& more = Json::object()) {
    Json set{{"layers", 2},  {"hidden", 32},        {"heads", 2},          {"experts", 4},
             {"top_k", 2},   {"expert_width", 32},  {"steps", 12},         {"batch", 8},
             {"length", 32}, {"snapshot_every", 5}, {"validate_every", 4}, {"validation_tokens", 512}};
    set.update(more);
    return set;
  }
  Inputs corpus() const {
    Inputs inputs;
    inputs.add("corpus", {.id = std::string(64, 'c'), .kind = Kind::corpus, .path = folder / "text" / "corpus"});
    return inputs;
  }
  Expected<Outputs> train(WatchedJob& job, const Json& set) const {
    job.resourcesUsed.threads = 1;
    return trainLm.run(corpus(), setOf(trainLm, set), job);
  }
};

}  // namespace moescope
