// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/folder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "core/base/file.h"
#include "core/base/json_reading.h"
#include "core/model/device.h"
#include "tests/model/tiny_model.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(testing::TempDir()) / ("moescope_folder_" + std::to_string(getpid()));
    fs::remove_all(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  static Decoder made(const ModelConfig& config) {
    Decoder decoder = std::move(Decoder::make(config, 3)).value();
    fillFromCounter(decoder);
    return decoder;
  }
  // What loading says; empty when it loads.
  std::string refusal() const {
    const auto loaded = loadModel(folder);
    if (loaded) return {};
    EXPECT_EQ(loaded.error().kind, ErrorKind::input) << loaded.error().message;
    return loaded.error().message;
  }
  void changeConfig(const char* key, const Json& value) const {
    Json json = *readJson(folder / "config.json");
    json[key] = value;
    ASSERT_TRUE(writeFileSafely(folder / "config.json", json.dump()));
  }
  fs::path folder;
};

TEST_F(Folder, EverySwitchSurvivesSavingAndLoadingBitByBit) {
  bool shared = false;
  for (const char* kind : {"softmax", "softmax_raw", "switch", "noisy", "sigmoid_bias"})
    for (QkNorm norm : {QkNorm::none, QkNorm::head, QkNorm::full}) {
      shared = !shared;
      ModelConfig config = tinyConfig();
      config.moe.router = {kind, 0.01, 0.001, shared ? 1.25 : 0};
      config.moe.topK = kind == std::string("switch") ? 1 : 2;
      config.attention.qkNorm = norm;
      config.attention.inputBias = shared;
      config.tiedHead = norm == QkNorm::head;
      config.moe.sharedExperts = shared;
      config.moe.sharedWidth = shared ? 10 : 0;
      config.moe.sharedGate = norm == QkNorm::none && shared;
      Decoder decoder = made(config);
      const auto saved = saveModel(decoder, nullptr, {{"request", "r"}}, folder);
      ASSERT_TRUE(saved) << saved.error().message;
      auto loaded = loadModel(folder);
      ASSERT_TRUE(loaded) << loaded.error().message;
      EXPECT_EQ(toJson(loaded->config()), toJson(config));
      for (std::size_t i = 0; i < decoder.parameters().size(); ++i)
        EXPECT_TRUE(decoder.parameters()[i].value.equal(loaded->parameters()[i].value)) << decoder.parameters()[i].name;
      for (std::size_t i = 0; i < decoder.buffers().size(); ++i)
        EXPECT_TRUE(decoder.buffers()[i].value.equal(loaded->buffers()[i].value));
      const at::Tensor ids = idsOf(2, 9, 32);
      EXPECT_TRUE(decoder.forward(ids).logits.equal(loaded->forward(ids).logits));
      fs::remove_all(folder);
    }
}

TEST_F(Folder, SavingTwiceGivesEqualBytesAndSaysWhatItIs) {
  Decoder decoder = made(tinyConfig());
  const auto tokenizer = byteTokenizer();
  ASSERT_TRUE(saveModel(decoder, tokenizer.get(), {{"request", {{"operation", "train.lm"}}}}, folder / "a"));
  ASSERT_TRUE(saveModel(decoder, tokenizer.get(), {{"request", {{"operation", "train.lm"}}}}, folder / "b"));
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder / "a")) {
    EXPECT_EQ(*readFile(entry.path()), *readFile(folder / "b" / entry.path().filename())) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 5u);
  const Json note = *readJson(folder / "a/moescope.json");
  EXPECT_EQ(note["architecture"], "MixtralForCausalLM");
  EXPECT_EQ(note["request"]["operation"], "train.lm");
  EXPECT_TRUE(loadTokenizer(folder / "a"));
}

TEST_F(Folder, AnotherRouterMayTakeOverWhenTrainingGoesOn) {
  Decoder decoder = made(tinyConfig());
  ASSERT_TRUE(saveModel(decoder, nullptr, Json::object(), folder));
  const RouterConfig noisy{"noisy", 0.5};
  auto loaded = loadModel(folder, at::kCPU, &noisy);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config().moe.router.balance, 0.5);
  for (const NamedTensor& tensor : loaded->parameters())
    if (tensor.name.ends_with("router_noise")) {
      EXPECT_EQ(tensor.value.abs().max().item<float>(), 0);
    }
  EXPECT_TRUE(
      at::allclose(loaded->forward(idsOf(1, 8, 32)).logits, decoder.forward(idsOf(1, 8, 32)).logits, 1e-5, 1e-5));
}

TEST_F(Folder, HalfPrecisionIsReadToSingle) {
  Decoder decoder = made(tinyConfig());
  ASSERT_TRUE(saveModel(decoder, nullptr, Json::object(), folder));
  std::vector<TensorSource> tensors;
  {
    const auto shards = Shards::open(folder);
    ASSERT_TRUE(shards);
    for (const auto& [name, place] : shards->tensors()) {
      const std::vector<std::int64_t> shape = place.tensor->shape;
      at::Tensor value = at::empty(shape, at::kFloat);
      ASSERT_TRUE(place.file->read(*place.tensor,
                                   std::span(static_cast<std::byte*>(value.mutable_data_ptr()), value.nbytes())));
      const at::Tensor half = value.to(at::kBFloat16);
      tensors.push_back({std::string(name), "BF16", shape, [half]() -> Expected<std::span<const std::byte>> {
                           return std::span(static_cast<const std::byte*>(half.const_data_ptr()), half.nbytes());
                         }});
    }
  }
  ASSERT_TRUE(writeShards(folder, std::move(tensors)));
  auto loaded = loadModel(folder);
  ASSERT_TRUE(loaded) << loaded.error().message;
  for (std::size_t i = 0; i < decoder.parameters().size(); ++i)
    EXPECT_TRUE(loaded->parameters()[i].value.equal(decoder.parameters()[i].value.to(at::kBFloat16).to(at::kFloat)));
}

TEST_F(Folder, WhatDoesNotFitIsNamed) {
  Decoder decoder = made(tinyConfig());
  ASSERT_TRUE(saveModel(decoder, nullptr, Json::object(), folder));
  EXPECT_EQ(refusal(), "");
  changeConfig("num_local_experts", 60000);
  EXPECT_NE(refusal().find("block_sparse_moe.gate.weight"), std::string::npos) << refusal();
  changeConfig("num_local_experts", 6);
  changeConfig("num_hidden_layers", 3);
  EXPECT_NE(refusal().find("model.layers.2."), std::string::npos) << refusal();
  changeConfig("num_hidden_layers", 1);
  EXPECT_EQ(refusal(), "") << "tensors of layers that are not run are left aside";
  changeConfig("num_hidden_layers", 2);
  changeConfig("vocab_size", 16000000);
  EXPECT_NE(refusal().find("shape"), std::string::npos) << refusal();
  changeConfig("vocab_size", 32);
  EXPECT_EQ(refusal(), "");
  fs::resize_file(folder / "model-00001-of-00001.safetensors",
                  fs::file_size(folder / "model-00001-of-00001.safetensors") - 1);
  EXPECT_NE(refusal().find("model-00001-of-00001.safetensors"), std::string::npos);
  fs::remove(folder / "model-00001-of-00001.safetensors");
  EXPECT_FALSE(refusal().empty());
  fs::remove(folder / "config.json");
  EXPECT_FALSE(refusal().empty());
}

TEST_F(Folder, AnEditedConfigCountsMoreThanTheNoteBesideIt) {
  Decoder decoder = made(tinyConfig());
  ASSERT_TRUE(saveModel(decoder, nullptr, Json::object(), folder));
  changeConfig("num_experts_per_tok", 3);
  const auto loaded = loadModel(folder);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config().moe.topK, 3);
}

TEST(Device, TheCpuIsAlwaysThereAndOthersOnlyWhereTheyAre) {
  EXPECT_EQ(pickDevice("cpu")->type(), c10::kCPU);
  EXPECT_TRUE(pickDevice("auto"));
  for (const char* name : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1000", ""})
    EXPECT_EQ(pickDevice(name).error().kind, ErrorKind::usage) << name;
  if (!fs::exists("/dev/nvidia0")) {
    EXPECT_EQ(pickDevice("cuda").error().kind, ErrorKind::environment);
  }
}

}  // namespace
}  // namespace moescope
