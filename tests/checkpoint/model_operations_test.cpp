// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <numeric>

#include "core/base/job.h"
#include "core/checkpoint/family.h"
#include "core/checkpoint/operations.h"
#include "core/checkpoint/shards.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

class ModelOperations : public testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(testing::TempDir()) / ("moescope_inspect_" + std::to_string(getpid()));
    fs::create_directories(folder / "model");
  }
  void TearDown() override { fs::remove_all(folder); }

  void writeModel(const ModelConfig& config) const {
    const Family& family = familyFor(config);
    std::vector<TensorSource> tensors;
    for (const Slot& slot : family.slots(config)) {
      const auto count = std::accumulate(slot.shape.begin(), slot.shape.end(), std::int64_t{1}, std::multiplies<>());
      auto zeros = std::make_shared<std::vector<float>>(static_cast<std::size_t>(count));
      tensors.push_back({slot.name, "F32", slot.shape, [zeros]() -> Expected<std::span<const std::byte>> {
                           return std::as_bytes(std::span(*zeros));
                         }});
    }
    ASSERT_TRUE(writeShards(folder / "model", std::move(tensors)));
    ASSERT_TRUE(writeFileSafely(folder / "model/config.json", family.write(config).dump()));
  }
  Expected<Outputs> import(const fs::path& path) const {
    QuietJob job(folder / "job");
    const auto set = checkParameters(modelImport.describe().parameters, {{"path", path.string()}});
    return modelImport.run({}, *set, job);
  }
  Expected<Outputs> inspect() const {
    Inputs inputs;
    Artifact model;
    model.kind = Kind::model;
    model.path = folder / "model";
    inputs.add("model", model);
    QuietJob job(folder / "job");
    return modelInspect.run(inputs, *checkParameters({}, Json::object()), job);
  }
  fs::path folder;
};

TEST_F(ModelOperations, CountsEveryParameterWhereItBelongs) {
  ModelConfig config;
  config.vocabulary = 50, config.hidden = 16, config.layers = 3, config.denseWidth = 20;
  config.attention = {.heads = 4, .keyHeads = 2, .headWidth = 4, .qkNorm = QkNorm::head};
  config.moe = {.experts = 8, .topK = 2, .expertWidth = 12};
  config.moe.denseLayers = {0};
  writeModel(config);
  const auto outputs = inspect();
  ASSERT_TRUE(outputs) << outputs.error().message;
  const Result& result = *outputs->front().result;
  ASSERT_TRUE(checkResult(result)) << checkResult(result).error().message;
  const double experts = 2 * 8 * 3 * 12 * 16, dense = 3 * 20 * 16, attention = 3 * (2 * 16 * 16 + 2 * 8 * 16);
  const double router = 2 * 8 * 16, norms = 16 + 3 * (2 * 16 + 2 * 4), embedding = 50 * 16;
  EXPECT_EQ(result.array("parameters")->values,
            (std::vector<double>{embedding, attention, router, experts, 0, dense, norms, embedding, 0}));
  const double total = 2 * embedding + attention + router + experts + dense + norms;
  EXPECT_EQ(result.array("total")->values, std::vector<double>{total});
  EXPECT_EQ(result.array("active")->values, std::vector<double>{total - experts * 6 / 8});
  const Array& byBlock = *result.array("parameters_by_block");
  EXPECT_EQ(std::accumulate(byBlock.values.begin(), byBlock.values.end(), 0.0), total);
  EXPECT_EQ(byBlock.values[3 * 4 + 0], 0) << "block 0 is dense";
  EXPECT_EQ(byBlock.values[3 * 4 + 1], experts / 2);
  EXPECT_EQ(result.facts["family"], "qwen3_moe");
}

TEST_F(ModelOperations, NamesWhatIsWrongWithAFolder) {
  const auto missing = inspect();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::input);
  std::ofstream(folder / "model/config.json") << R"({"model_type":"bert"})";
  ASSERT_TRUE(writeSafetensors(folder / "model/model.safetensors", {}));
  const auto unknown = inspect();
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("bert"), std::string::npos) << unknown.error().message;
}

TEST_F(ModelOperations, AnImportedModelStaysWhereItIsAndIsKnownByItsContent) {
  ModelConfig config;
  config.moe = {.experts = 4, .topK = 2, .expertWidth = 8};
  writeModel(config);
  const auto first = import(folder / "model");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->front().outside, folder / "model");
  EXPECT_EQ(first->front().outsideId.size(), 64u);
  EXPECT_EQ(first->front().summary["experts"], 4);
  EXPECT_EQ(import(folder / "model")->front().outsideId, first->front().outsideId);
  std::ofstream(folder / "model/tokenizer.json") << "{}";
  EXPECT_NE(import(folder / "model")->front().outsideId, first->front().outsideId);
}

TEST_F(ModelOperations, WhatCannotBeImportedIsSaid) {
  EXPECT_EQ(import("").error().kind, ErrorKind::usage);
  EXPECT_EQ(import(folder / "nothing").error().kind, ErrorKind::input);
  EXPECT_EQ(import(folder / "model").error().kind, ErrorKind::input);
  ModelConfig config;
  config.moe = {.experts = 4, .topK = 2, .expertWidth = 8};
  writeModel(config);
  Json json = familyFor(config).write(config);
  json["num_hidden_layers"] = 5;
  ASSERT_TRUE(writeFileSafely(folder / "model/config.json", json.dump()));
  const auto longer = import(folder / "model");
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().kind, ErrorKind::input);
}

}  // namespace
}  // namespace moescope
