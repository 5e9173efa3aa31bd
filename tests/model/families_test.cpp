// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "core/base/file.h"
#include "core/base/json_reading.h"
#include "core/model/folder.h"
#include "tests/model/tiny_model.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

// Expected values come from `transformers` (tests/reference/models_oracle.py); the weights from a counter.
class Families : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    expected = *readJson(fs::path(MOESCOPE_SOURCE_DIR) / "tests/reference" / ("tiny_" + GetParam() + ".json"));
    folder = fs::path(testing::TempDir()) / ("moescope_families_" + std::to_string(getpid())) / GetParam();
    fs::create_directories(folder / "released");
  }
  void TearDown() override { fs::remove_all(folder); }

  // A checkpoint as `transformers` would have written it.
  fs::path released() const {
    std::vector<TensorSource> tensors;
    for (const auto& [name, shape] : expected["tensors"].items()) {
      const auto extents = shape.get<std::vector<std::int64_t>>();
      auto weights = std::make_shared<std::vector<float>>(counterWeights(name, extents));
      tensors.push_back({name, "F32", extents, [weights]() -> Expected<std::span<const std::byte>> {
                           return std::as_bytes(std::span(*weights));
                         }});
    }
    EXPECT_TRUE(writeSafetensors(folder / "released/model.safetensors", std::move(tensors)));
    EXPECT_TRUE(writeFileSafely(folder / "released/config.json", expected["config"].dump()));
    return folder / "released";
  }
  at::Tensor ids() const {
    const auto rows = expected["ids"].get<std::vector<std::vector<std::int64_t>>>();
    at::Tensor all =
        at::empty({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows[0].size())}, at::kLong);
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::size_t j = 0; j < rows[i].size(); ++j)
        all[static_cast<std::int64_t>(i)][static_cast<std::int64_t>(j)] = rows[i][j];
    return all;
  }
  static double difference(const at::Tensor& found, const Json& values) {
    const auto numbers = values.get<std::vector<double>>();
    EXPECT_EQ(found.numel(), static_cast<std::int64_t>(numbers.size()));
    return found.detach().reshape(-1).to(at::kDouble).sub(at::tensor(numbers, at::kDouble)).abs().max().item<double>();
  }

  Json expected;
  fs::path folder;
};

TEST_P(Families, LogitsExpertsAndWeightsAreThoseOfTransformers) {
  auto decoder = loadModel(released());
  ASSERT_TRUE(decoder) << decoder.error().message;
  const Forward found = decoder->forward(ids());
  EXPECT_LT(difference(found.logits, expected["logits"]), 1e-4);
  ASSERT_EQ(found.routing.size(), expected["layers"].size());
  for (std::size_t layer = 0; layer < found.routing.size(); ++layer) {
    const Assignments& chosen = found.routing[layer].assignments;
    EXPECT_EQ(difference(chosen.expert, expected["layers"][layer]["expert"]), 0) << "layer " << layer;
    EXPECT_LT(difference(chosen.weight, expected["layers"][layer]["weight"]), 1e-5) << "layer " << layer;
  }
}

TEST_P(Families, SavedModelsKeepTheirFamilyNamesAndBytes) {
  auto decoder = loadModel(released());
  ASSERT_TRUE(decoder) << decoder.error().message;
  EXPECT_EQ(familyOf(decoder->config()), expected["config"]["model_type"]);
  const char* keep = std::getenv("MOESCOPE_KEEP_MODELS");  // for models_oracle.py FOLDER
  const fs::path saved = keep ? fs::path(keep) / GetParam() : folder / "saved";
  const auto done = saveModel(*decoder, nullptr, Json::object(), saved);
  ASSERT_TRUE(done) << done.error().message;
  const auto shards = Shards::open(saved);
  ASSERT_TRUE(shards) << shards.error().message;
  ASSERT_EQ(shards->tensors().size(), expected["tensors"].size());
  for (const auto& [key, place] : shards->tensors()) {
    const std::string name(key);
    const std::vector<std::int64_t> shape = place.tensor->shape;
    ASSERT_TRUE(expected["tensors"].contains(name)) << name;
    EXPECT_EQ(Json(shape), expected["tensors"][name]) << name;
    std::vector<float> bytes(place.tensor->bytes / 4);
    ASSERT_TRUE(place.file->read(*place.tensor, std::as_writable_bytes(std::span(bytes))));
    EXPECT_EQ(bytes, counterWeights(name, shape)) << name;
  }
  const Json config = *readJson(saved / "config.json");
  for (const auto& [key, value] : expected["config"].items())
    if (value.is_object()) {
      for (const auto& [inner, number] : value.items())
        EXPECT_EQ(config.value(key, Json::object()).value(inner, Json()), number) << key << ": " << inner;
    } else if (!value.is_null()) {
      EXPECT_EQ(config.value(key, Json()), value) << key;
    }
  auto again = loadModel(saved);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->forward(ids()).logits.equal(decoder->forward(ids()).logits));
}

INSTANTIATE_TEST_SUITE_P(All, Families,
                         testing::Values("mixtral", "olmoe", "qwen3_moe", "qwen2_moe", "dots1", "llama", "deepseek_v2",
                                         "deepseek_v2_lite", "deepseek_v3", "deepseek_v3_raw", "glm4_moe",
                                         "glm4_moe_air", "minimax_m2"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace moescope
