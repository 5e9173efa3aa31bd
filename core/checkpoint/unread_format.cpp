// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/unread_format.h"

#include <fmt/core.h>

#include <array>
#include <nlohmann/json.hpp>

#include "core/base/utf8.h"
#include "core/checkpoint/foreign_format.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

struct Method {
  std::string_view name, about;
};

// quant_method of quantization_config, as transformers spells them.
constexpr std::array methods{
    Method{"mxfp4",
           "MXFP4 blocks (gpt-oss): open a bf16 release of the model, or load it in transformers with "
           "Mxfp4Config(dequantize=True) and save it with save_pretrained"},
    Method{"gptq", "GPTQ: open the release that it was made from"},
    Method{"awq", "AWQ: open the release that it was made from"},
    Method{"bitsandbytes", "bitsandbytes: load it in transformers, call dequantize() and save it with save_pretrained"},
    Method{"compressed-tensors",
           "compressed-tensors (packed int4, NVFP4, MXFP4 or FP8 by channel): open the bf16 "
           "release, or decompress it with the package compressed-tensors"},
    Method{"modelopt", "ModelOpt (NVFP4 or FP8 by tensor): open the release that it was made from"},
    Method{"fbgemm_fp8", "FP8 by channel of FBGEMM: open the bf16 release"},
    Method{"torchao", "torchao: open the release that it was made from"},
    Method{"quanto", "Quanto: open the release that it was made from"},
    Method{"hqq", "HQQ: open the release that it was made from"},
    Method{"eetq", "EETQ: open the release that it was made from"},
    Method{"aqlm", "AQLM: open the release that it was made from"},
};

std::string_view aboutMethod(std::string_view name) {
  for (const Method& method : methods)
    if (method.name == name) return method.about;
  return {};
}

Error unread(const CheckpointFolder& folder, const std::string& file, std::string_view what) {
  const std::string shown = (folder.path() / file).string();
  return inputError(fmt::format("{}: the weights are quantised with {}", shown, what), shown);
}

Expected<ScaleBlocks> readFp8(const CheckpointFolder& folder, const Json& quantisation) {
  const std::string shown = (folder.path() / "config.json").string();
  const auto size = quantisation.find("weight_block_size");
  if (size == quantisation.end() || size->is_null())
    return unread(folder, "config.json",
                  "FP8 without blocks (one scale a tensor): open the bf16 release, or one with weight_block_size");
  ScaleBlocks blocks;
  const auto extent = [](const Json& value) {
    return value.is_number_unsigned() && value.get<std::uint64_t>() <= 1 << 20 ? value.get<std::int64_t>() : 0;
  };
  if (size->is_array() && size->size() == 2) blocks = {extent((*size)[0]), extent((*size)[1])};
  if (blocks.rows < 1 || blocks.columns < 1)
    return inputError(fmt::format("{}: \"weight_block_size\" must be two sizes, as [128, 128]", shown), shown);
  const auto format = quantisation.find("fmt");
  if (format != quantisation.end() && *format != "e4m3" && *format != "float8_e4m3fn")
    return unread(folder, "config.json", "FP8 of another kind than e4m3: open the bf16 release");
  return blocks;
}

Expected<ScaleBlocks> readQuantisation(const CheckpointFolder& folder, const Json& config) {
  const Json* holder = &config;
  if (!config.contains("quantization_config") && config.contains("text_config") && config["text_config"].is_object())
    holder = &config["text_config"];
  if (config.contains("quantization") && config["quantization"].is_object())
    return unread(folder, "config.json", "MLX: open the release that it was made from");
  if (!holder->contains("quantization_config") || !(*holder)["quantization_config"].is_object()) return ScaleBlocks{};
  const Json& quantisation = (*holder)["quantization_config"];
  const auto given = quantisation.find("quant_method");
  const std::string method = given != quantisation.end() && given->is_string() ? given->get<std::string>() : "";
  if (method == "fp8") return readFp8(folder, quantisation);
  if (!aboutMethod(method).empty()) return unread(folder, "config.json", aboutMethod(method));
  if (quantisation.value("load_in_4bit", Json(false)) == true ||
      quantisation.value("load_in_8bit", Json(false)) == true)
    return unread(folder, "config.json", aboutMethod("bitsandbytes"));
  return unread(folder, "config.json",
                fmt::format("a method that is not known here, \"{}\": open the release that it was made from",
                            validUtf8(method.substr(0, 64))));
}

// What else lies in a folder without safetensors files.
Expected<void> refuseOtherFiles(const CheckpointFolder& folder) {
  TRY(safe, folder.names(".safetensors"));
  if (!safe.empty() || folder.has("model.safetensors.index.json")) return {};
  struct Ending {
    std::string_view ending, start;
  };
  using namespace std::string_view_literals;
  for (const auto& [ending, start] : {Ending{".gguf", "GGUF"}, Ending{".bin", "PK\3\4"}, Ending{".pt", "PK\3\4"},
                                      Ending{".pth", "PK\3\4"}, Ending{".ckpt", "PK\3\4"}, Ending{".pkl", "\x80\2"},
                                      Ending{".h5", "\x89HDF\r\n\x1a\n"}, Ending{".npz", "PK\3\4"}}) {
    TRY(found, folder.names(ending));
    if (found.empty()) continue;
    const std::string shown = (folder.path() / found.front()).string();
    return inputError(fmt::format("{} has no safetensors files but {}: {}", folder.path().string(), found.front(),
                                  foreignFormat(std::as_bytes(std::span(start)))),
                      shown);
  }
  return {};
}

}  // namespace

Expected<ScaleBlocks> refuseUnread(const CheckpointFolder& folder, const Json& config) {
  TRY_DO(refuseOtherFiles(folder));
  if (!config.is_object())
    return inputError(fmt::format("{} is not a JSON object", (folder.path() / "config.json").string()),
                      (folder.path() / "config.json").string());
  if (folder.has("hf_quant_config.json") && !config.contains("quantization_config"))
    return unread(folder, "hf_quant_config.json", aboutMethod("modelopt"));
  return readQuantisation(folder, config);
}

Error notACheckpoint(const fs::path& path) {
  const std::string name = path.string();
  std::error_code failure;
  if (!fs::is_directory(path, failure)) {
    std::array<std::byte, 64> start{};
    const auto file = InputFile::open(path);
    if (!file) return file.error();
    const auto got = file->readSome(0, start);
    const std::string_view foreign = got ? foreignFormat(std::span(start).first(*got)) : "";
    if (!foreign.empty()) return inputError(fmt::format("{} cannot be imported: {}", name, foreign), name, 0);
    return inputError(
        fmt::format("{} is a file: give the folder that holds config.json and the safetensors files", name), name);
  }
  const auto folder = CheckpointFolder::open(path);
  if (!folder) return folder.error();
  const Expected<void> other = refuseOtherFiles(*folder);
  if (!other) return other.error();
  if (folder->has("params.json"))
    return inputError(
        fmt::format("{} is laid out as Mistral's own releases (params.json), which are not read: open the "
                    "release for transformers, with config.json",
                    name),
        name);
  return inputError(fmt::format("{} has no config.json: give the folder that holds it and the safetensors files", name),
                    name);
}

}  // namespace moescope
