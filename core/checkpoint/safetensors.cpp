// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/safetensors.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/base/checked.h"
#include "core/base/json_reading.h"

namespace moescope {
namespace {

constexpr std::uint64_t longestHeader = 100u << 20;

constexpr std::array<Dtype, 17> dtypes{{{"BOOL", 1},
                                        {"U8", 1},
                                        {"I8", 1},
                                        {"F8_E5M2", 1},
                                        {"F8_E4M3", 1},
                                        {"F8_E8M0", 1},
                                        {"I16", 2},
                                        {"U16", 2},
                                        {"F16", 2},
                                        {"BF16", 2},
                                        {"I32", 4},
                                        {"U32", 4},
                                        {"F32", 4},
                                        {"F64", 8},
                                        {"I64", 8},
                                        {"U64", 8},
                                        {"C64", 8}}};

std::uint64_t fromLittleEndian(const std::array<std::byte, 8>& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

// The library keeps the last of two equal keys; which tensor a name means would then depend on the reader.
class TwiceNamed final : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }
  bool start_object(std::size_t) override { return open_.emplace_back(), true; }
  bool end_object() override { return open_.pop_back(), true; }
  bool key(string_t& name) override {
    if (open_.back().emplace(name, true).second) return true;
    twice = name;
    return false;
  }
  std::string twice;

 private:
  std::vector<std::map<std::string, bool>> open_;
};

Expected<Json> readHeader(const InputFile& file, std::uint64_t& dataStart) {
  const std::string name = file.path().string();
  std::array<std::byte, 8> start{};
  if (file.size() < start.size())
    return inputError(fmt::format("{} has {} bytes: too few for a safetensors file", name, file.size()), name, 0);
  TRY_DO(file.read(0, start));
  const std::uint64_t length = fromLittleEndian(start);
  if (length > longestHeader || length > file.size() - start.size())
    return inputError(
        fmt::format(
            "{} says at byte 0 that its header has {} bytes, but the file has {} and a header at most {}: it is "
            "cut off or not a safetensors file",
            name, length, file.size(), longestHeader),
        name, 0);
  std::string text(length, '\0');
  TRY_DO(file.read(start.size(), std::as_writable_bytes(std::span(text))));
  if (!text.starts_with('{'))
    return inputError(fmt::format("{}: the header at byte 8 is not a JSON object", name), name, 8);
  TRY(json, parseJson(text, name));
  TwiceNamed names;
  if (!Json::sax_parse(text, &names))
    return inputError(fmt::format("{}: the header names \"{}\" twice", name, names.twice), name, 8);
  dataStart = start.size() + length;
  return json;
}

// One entry of the header; offsets count from the start of the data, which has `dataBytes` bytes.
Expected<StoredTensor> readEntry(const std::string& file, const std::string& name, const Json& json,
                                 std::uint64_t dataStart, std::uint64_t dataBytes) {
  const auto bad = [&](const std::string& reason) {
    return inputError(fmt::format("{}: tensor \"{}\" {}", file, name, reason), file, dataStart);
  };
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets"))
    return bad("must have dtype, shape and data_offsets, and nothing else");
  StoredTensor tensor{name};
  const Json& dtype = json["dtype"];
  tensor.dtype = dtype.is_string() ? findDtype(dtype.get_ref<const std::string&>()) : nullptr;
  if (!tensor.dtype) return bad(fmt::format("has the unknown type {}", dtype.dump()));
  const Json &shape = json["shape"], &offsets = json["data_offsets"];
  if (!shape.is_array() || shape.size() > 8) return bad("must have a shape of at most 8 extents");
  for (const Json& extent : shape) {
    if (!extent.is_number_unsigned() || extent.get<std::uint64_t>() > INT64_MAX)
      return bad("has an extent that is not a size");
    tensor.shape.push_back(extent.get<std::int64_t>());
  }
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned())
    return bad("must have two data_offsets");
  const std::uint64_t first = offsets[0].get<std::uint64_t>(), last = offsets[1].get<std::uint64_t>();
  if (first > last || last > dataBytes)
    return bad(
        fmt::format("lies at {} to {} of {} bytes of data: the file is cut off or damaged", first, last, dataBytes));
  const std::optional<std::int64_t> elements = checkedProduct(std::span<const std::int64_t>(tensor.shape));
  const std::optional<std::uint64_t> bytes =
      elements ? checkedMultiply(static_cast<std::uint64_t>(*elements), tensor.dtype->bytes) : std::nullopt;
  if (!bytes || *bytes != last - first)
    return bad(fmt::format("has shape {} of {} but {} bytes of data", shape.dump(), tensor.dtype->name, last - first));
  tensor.offset = dataStart + first;
  tensor.bytes = last - first;
  return tensor;
}

// Every byte of data belongs to exactly one tensor, as the format asks: a file may hide nothing.
Expected<void> checkCoverage(const std::string& file, const std::map<std::string, StoredTensor, std::less<>>& tensors,
                             std::uint64_t dataStart, std::uint64_t fileBytes) {
  std::vector<const StoredTensor*> order;
  for (const auto& [name, tensor] : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const StoredTensor* a, const StoredTensor* b) {
    return std::pair(a->offset, a->bytes) < std::pair(b->offset, b->bytes);
  });
  std::uint64_t end = dataStart;
  for (const StoredTensor* tensor : order) {
    if (tensor->offset != end)
      return inputError(
          fmt::format("{}: tensor \"{}\" starts at byte {} where byte {} is due: the data overlap or have a hole", file,
                      tensor->name, tensor->offset, end),
          file, tensor->offset);
    end += tensor->bytes;
  }
  if (end != fileBytes)
    return inputError(fmt::format("{}: the last tensor ends at byte {}, the file at {}", file, end, fileBytes), file,
                      end);
  return {};
}

}  // namespace

const Dtype* findDtype(std::string_view name) {
  const auto found = std::find_if(dtypes.begin(), dtypes.end(), [&](const Dtype& dtype) { return dtype.name == name; });
  return found == dtypes.end() ? nullptr : &*found;
}

Expected<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  TRY(input, InputFile::open(path));
  SafetensorsFile result(std::move(input));
  const std::string name = path.string();
  std::uint64_t dataStart = 0;
  TRY(header, readHeader(result.file_, dataStart));
  for (const auto& [key, value] : header.items()) {
    if (key == "__metadata__") {
      if (!value.is_object())
        return inputError(fmt::format("{}: __metadata__ must be an object of strings", name), name, 8);
      for (const auto& [about, text] : value.items()) {
        if (!text.is_string()) return inputError(fmt::format("{}: __metadata__ must hold strings only", name), name, 8);
        result.metadata_[about] = text.get<std::string>();
      }
      continue;
    }
    TRY(tensor, readEntry(name, key, value, dataStart, result.file_.size() - dataStart));
    result.tensors_.emplace(key, std::move(tensor));
  }
  TRY_DO(checkCoverage(name, result.tensors_, dataStart, result.file_.size()));
  return result;
}

Expected<void> SafetensorsFile::read(const StoredTensor& tensor, std::span<std::byte> into) const {
  if (into.size() != tensor.bytes)
    return bugError(fmt::format("{} has {} bytes, not {}", tensor.name, tensor.bytes, into.size()));
  return file_.read(tensor.offset, into);
}

}  // namespace moescope
