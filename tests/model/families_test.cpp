// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>

#include "core/base/file.h"
#include "core/base/json_reading.h"
#include "core/checkpoint/slot_reading.h"
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
  fs::path released(bool rounded = false) const {
    std::vector<TensorSource> tensors;
    for (const auto& [name, shape] : expected["tensors"].items()) {
      const auto extents = shape.get<std::vector<std::int64_t>>();
      const bool short16 = rounded && !name.ends_with("correction_bias");
      const at::Tensor weights = at::tensor(counterWeights(name, extents)).to(short16 ? at::kBFloat16 : at::kFloat);
      tensors.push_back({name, short16 ? "BF16" : "F32", extents, [weights]() -> Expected<std::span<const std::byte>> {
                           return std::span(static_cast<const std::byte*>(weights.const_data_ptr()), weights.nbytes());
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

TEST_P(Families, LossesOfTokensAreThoseOfTransformers) {
  auto decoder = loadModel(released());
  ASSERT_TRUE(decoder) << decoder.error().message;
  const at::Tensor logits = decoder->forward(ids()).logits, next = ids().slice(1, 1).unsqueeze(2);
  const at::Tensor losses = logits.slice(1, 0, -1).log_softmax(2).gather(2, next).neg();
  EXPECT_LT(difference(losses, expected["losses"]), 1e-4);
}

// Weights that were rounded to BF16 are computed with in fp32: as exactly as any, and closer to it than `transformers`
// comes when it computes in BF16 itself.
TEST_P(Families, RoundedWeightsAreComputedWithExactly) {
  auto decoder = loadModel(released(/*rounded=*/true));
  ASSERT_TRUE(decoder) << decoder.error().message;
  const at::Tensor last = decoder->forward(ids()).logits.select(1, -1);
  const double error = difference(last, expected["bf16"]["logits"]);
  EXPECT_LT(error, 1e-4);
  EXPECT_LT(error, expected["bf16"]["spread"].get<double>());
}

// Models made here are written in their family's own layout: others are only read.
class OwnLayouts : public Families {};

TEST_P(OwnLayouts, SavedModelsKeepTheirFamilyNamesAndBytes) {
  auto decoder = loadModel(released());
  ASSERT_TRUE(decoder) << decoder.error().message;
  const Family* family = *findFamily(expected["config"], "config.json");
  EXPECT_EQ(familyOf(decoder->config()), family->modelType);
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
  for (const auto& [key, value] : expected["config"].items()) {
    if (key == "model_type" || key == "rope_scaling") continue;  // written under the family's own name and spelling
    if (value.is_object()) {
      for (const auto& [inner, number] : value.items())
        EXPECT_EQ(config.value(key, Json::object()).value(inner, Json()), number) << key << ": " << inner;
    } else if (!value.is_null()) {
      EXPECT_EQ(config.value(key, Json()), value) << key;
      // transformers 5 refuses a real number where it looks for an integer.
      EXPECT_TRUE(!value.is_number_integer() || config[key].is_number_integer()) << key;
    }
  }
  const auto reread = family->read(config, "config.json"), given = family->read(expected["config"], "config.json");
  ASSERT_TRUE(reread && given);
  const auto attentionOf = [](ModelConfig switches, std::int64_t layer) {
    switches.attention = switches.attentionOf(layer);
    return toJson(switches)["attention"];
  };
  for (std::int64_t layer = 0; layer < given->layers; ++layer)
    EXPECT_EQ(attentionOf(*reread, layer), attentionOf(*given, layer)) << "layer " << layer;
  auto again = loadModel(saved);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->forward(ids()).logits.equal(decoder->forward(ids()).logits));
}

// tests/reference/tiny_NAME.json.
std::vector<std::string> oracles() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(MOESCOPE_SOURCE_DIR) / "tests/reference")) {
    const std::string name = entry.path().stem().string();
    if (name.starts_with("tiny_") && entry.path().extension() == ".json") names.push_back(name.substr(5));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Json oracle(const std::string& name) {
  return *readJson(fs::path(MOESCOPE_SOURCE_DIR) / "tests/reference" / ("tiny_" + name + ".json"));
}

std::vector<std::string> ownLayouts() {
  std::vector<std::string> names = oracles();
  std::erase_if(names, [](const std::string& name) {
    return name.ends_with("_fused") || oracle(name)["config"].contains("text_config");
  });
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, Families, testing::ValuesIn(oracles()), [](const auto& tested) { return tested.param; });
INSTANTIATE_TEST_SUITE_P(All, OwnLayouts, testing::ValuesIn(ownLayouts()),
                         [](const auto& tested) { return tested.param; });

TEST(Oracles, ThereIsOneForEveryFamily) {
  std::set<std::string> types;
  for (const std::string& name : oracles()) types.insert(oracle(name)["config"]["model_type"].get<std::string>());
  for (const Family& family : families()) {
    if (family.modelType != "moescope") {
      EXPECT_TRUE(types.contains(family.modelType)) << family.modelType;
    }
    for (const std::string& alias : family.aliases) EXPECT_TRUE(types.contains(alias)) << alias;
  }
}

// Whether a file's experts lie so.
bool hasLayout(const Json& file, const ExpertLayout& layout) {
  const auto family = findFamily(file["config"], "config.json");
  if (!family) return false;
  const auto config = (*family)->read(file["config"], "config.json");
  if (!config || config->sparseLayers() == 0) return false;
  TensorNames names = (*family)->names(*config);
  if (names.layout.interleaved != layout.interleaved) return false;
  names.layout = layout;
  for (const Slot& slot : decoderSlots(*config, names)) {
    if (slot.parameter.find(".experts.") == std::string::npos) continue;
    bool found = false;
    // Paths differ where transformers renames them.
    const std::string end =
        slot.name.substr(slot.name.find("experts") == std::string::npos ? 0 : slot.name.find("experts"));
    for (const auto& [name, shape] : file["tensors"].items()) found |= name.ends_with(end) && shape == Json(slot.shape);
    if (!found) return false;
  }
  return true;
}

TEST(Oracles, ThereIsOneForEveryLayoutOfExperts) {
  for (const ExpertLayout& layout : expertLayouts()) {
    const auto all = oracles();
    EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&](const auto& name) { return hasLayout(oracle(name), layout); }))
        << layout.gateUp << layout.gate << (layout.gateUpTransposed ? " transposed" : "")
        << (layout.interleaved ? " interleaved" : "");
  }
}

using Rename = std::function<std::string(const std::string& name)>;

// A folder of the decoder's weights in which the experts of the second layer, or of all, lie in another layout.
void writeMixed(
    Decoder& decoder, const ExpertLayout& other, bool everywhere, const fs::path& folder,
    const Rename& rename = [](const std::string& name) { return name; }) {
  const ModelConfig& config = decoder.config();
  const Family& family = familyFor(config);
  std::map<std::string, at::Tensor> parameters;
  for (const NamedTensor& tensor : decoder.parameters()) parameters[tensor.name] = tensor.value.detach();
  for (const NamedTensor& tensor : decoder.buffers()) parameters[tensor.name] = tensor.value;
  TensorNames names = family.names(config);
  const std::vector<Slot> own = decoderSlots(config, names);
  names.layout = other;
  std::vector<TensorSource> tensors;
  const auto add = [&](const std::vector<Slot>& slots, const auto& wanted) {
    for (const Slot& slot : slots) {
      if (!wanted(slot.parameter)) continue;
      const at::Tensor whole = at::empty(slot.shape, at::kFloat);
      const at::Tensor& parameter = parameters.at(slot.parameter);
      for (std::int64_t e = 0; e < std::max<std::int64_t>(slot.experts, 1); ++e) {
        const std::int64_t expert = slot.experts > 0 ? e : slot.expert;
        const at::Tensor part =
            (expert < 0 ? parameter : parameter.select(0, expert)).narrow(0, slot.firstRow, slot.rows()).contiguous();
        storeSlot(slot, expert, {part.const_data_ptr<float>(), static_cast<std::size_t>(part.numel())},
                  {whole.mutable_data_ptr<float>(), static_cast<std::size_t>(whole.numel())});
      }
      tensors.push_back({rename(slot.name), "F32", slot.shape, [whole]() -> Expected<std::span<const std::byte>> {
                           return std::span(static_cast<const std::byte*>(whole.const_data_ptr()), whole.nbytes());
                         }});
    }
  };
  const auto changed = [&](const std::string& parameter) {
    return parameter.find(".experts.") != std::string::npos && (everywhere || parameter.starts_with("layers.1."));
  };
  add(own, [&](const std::string& parameter) { return !changed(parameter); });
  add(decoderSlots(config, names), changed);
  fs::create_directories(folder);
  ASSERT_TRUE(writeShards(folder, std::move(tensors)));
  ASSERT_TRUE(writeFileSafely(folder / "config.json", family.write(config).dump()));
}

// Also where a matrix is square, so that one shape alone would not tell rows from columns.
TEST(Layouts, ExpertsAreTakenAsTheyLieLayerByLayer) {
  const fs::path folder = fs::path(testing::TempDir()) / ("moescope_layouts_" + std::to_string(getpid()));
  for (const char* router : {"softmax", "softmax_bias"})
    for (std::int64_t width : {10, 8, 16})  // H = 16: plain, 2I = H, I = H
      for (bool everywhere : {false, true})
        for (const ExpertLayout& layout : expertLayouts()) {
          ModelConfig config = tinyConfig();
          config.moe.expertWidth = width;
          config.moe.router.kind = router;
          if (router == std::string("softmax_bias")) config.attention.rope = RopeKind::interleaved;
          // Whose experts lie in such tensors in no other family.
          if (layout.interleaved || layout.pieces == ExpertLayout::Pieces::rows ||
              layout.gateUp.find("input_linear") != std::string::npos)
            continue;
          auto decoder = Decoder::make(config, 3);
          ASSERT_TRUE(decoder) << decoder.error().message;
          writeMixed(*decoder, layout, everywhere, folder);
          auto loaded = loadModel(folder);
          ASSERT_TRUE(loaded) << loaded.error().message;
          for (std::size_t i = 0; i < decoder->parameters().size(); ++i)
            EXPECT_TRUE(decoder->parameters()[i].value.equal(loaded->parameters()[i].value))
                << decoder->parameters()[i].name << " " << width << layout.gateUp << layout.gate;
          fs::remove_all(folder);
        }
}

TEST(Layouts, NamesMayHaveAPrefixOfTheWholeModelOrOfATrainer) {
  const fs::path folder = fs::path(testing::TempDir()) / ("moescope_prefixes_" + std::to_string(getpid()));
  auto decoder = Decoder::make(tinyConfig(), 3);
  ASSERT_TRUE(decoder) << decoder.error().message;
  const auto before = [](const std::string& prefix) {
    return [prefix](const std::string& name) { return prefix + name; };
  };
  const auto within = [](const std::string& name) {
    return name.starts_with("model.") ? "model.language_model." + name.substr(6) : name;
  };
  const std::vector<Rename> all{before("language_model."), before("module."), before("_orig_mod."),
                                before("base_model.model."), within};
  for (const Rename& rename : all) {
    writeMixed(*decoder, fusedExperts(), false, folder, rename);
    auto loaded = loadModel(folder);
    ASSERT_TRUE(loaded) << loaded.error().message;
    for (std::size_t i = 0; i < decoder->parameters().size(); ++i)
      EXPECT_TRUE(decoder->parameters()[i].value.equal(loaded->parameters()[i].value));
    fs::remove_all(folder);
  }
}

TEST(Layouts, AMissingExpertIsNamedInWhateverLayoutTheOthersLie) {
  const fs::path folder = fs::path(testing::TempDir()) / ("moescope_missing_" + std::to_string(getpid()));
  auto decoder = Decoder::make(tinyConfig(), 3);
  ASSERT_TRUE(decoder) << decoder.error().message;
  const auto without = [&](const ExpertLayout& layout, const std::string& part) {
    writeMixed(*decoder, layout, true, folder, [&](const std::string& name) {
      return name.find(part) == std::string::npos ? name : "model.elsewhere." + name;
    });
    const auto loaded = loadModel(folder);
    fs::remove_all(folder);
    return loaded ? std::string() : loaded.error().message;
  };
  for (const char* expert : {"layers.1.block_sparse_moe.experts.0.w1", "layers.1.block_sparse_moe.experts.3.w2",
                             "layers.0.block_sparse_moe.experts.5.w3"})
    EXPECT_NE(without(separateExperts("w1", "w3", "w2"), expert).find(expert), std::string::npos) << expert;
  EXPECT_NE(without(fusedExperts(), "layers.1.block_sparse_moe.experts.down_proj").find("experts.down_proj"),
            std::string::npos);
}

}  // namespace
}  // namespace moescope
