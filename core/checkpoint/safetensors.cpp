// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cstring>

#include "core/base/checked.h"
#include "core/base/json_cursor.h"
#include "core/base/sorted_runs.h"
#include "core/checkpoint/foreign_format.h"

namespace moescope {
namespace {

constexpr std::uint64_t lengthBytes = 8;
constexpr std::size_t highestRank = 64;

constexpr std::array<Dtype, 22> dtypes{
    {{"BF16", 16},       {"F32", 32},        {"F16", 16}, {"F8_E4M3", 8}, {"F64", 64},    {"I64", 64},
     {"I32", 32},        {"U8", 8},          {"I8", 8},   {"BOOL", 8},    {"F8_E5M2", 8}, {"F8_E8M0", 8},
     {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"I16", 16},
     {"U16", 16},        {"U32", 32},        {"U64", 64}, {"C64", 64}}};

std::uint64_t fromLittleEndian(const std::byte* bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = lengthBytes; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

}  // namespace

// Fills a SafetensorsFile from its header: one pass over the text, then the checks that need all tensors.
class HeaderReader {
 public:
  explicit HeaderReader(SafetensorsFile& into) : into_(into), name_(into.path().string()) {}

  Expected<void> read() {
    TRY(length, readText());
    covered_ = into_.dataStart_;
    JsonCursor cursor({into_.header_.get(), length}, name_, lengthBytes);
    into_.tensors_.reserve(length / 96);
    ranks_.reserve(length / 96);
    if (readObject(cursor)) cursor.end();
    if (cursor.failed()) return refusal(cursor.error());
    into_.extents_.shrink_to_fit();
    into_.tensors_.shrink_to_fit();
    placeShapes();
    sortRuns(into_.tensors_, [](const StoredTensor& a, const StoredTensor& b) { return a.name < b.name; });
    TRY_DO(checkNames());
    return checkCoverage();
  }

 private:
  Error refusal(const Error& error) const {
    return inputError(fmt::format("{}; the file is damaged or not a safetensors file: fetch it again", error.message),
                      name_, error.offset);
  }
  Error wrong(std::uint64_t offset, const std::string& reason) const {
    return inputError(fmt::format("{}, byte {}: {}", name_, offset, reason), name_, offset);
  }

  // Most headers lie in the first 128 KiB, so that one read fetches length and header.
  Expected<std::size_t> readText() {
    const InputFile& file = into_.file_;
    thread_local std::array<std::byte, 128 << 10> start;
    TRY(got, file.readSome(0, start));
    const std::string_view foreign = foreignFormat(std::span(start).first(got));
    if (!foreign.empty()) return inputError(fmt::format("{} is not safetensors: {}", name_, foreign), name_, 0);
    if (got < lengthBytes)
      return inputError(fmt::format("{} has {} bytes: too few for a safetensors file; fetch it again", name_, got),
                        name_, got);
    const std::uint64_t length = fromLittleEndian(start.data());
    if (length > SafetensorsFile::longestHeader || length > file.size() - lengthBytes)
      return wrong(0, fmt::format("the header is said to have {} bytes, but the file has {} and a header at most {}: "
                                  "it is cut off or not a safetensors file; fetch it again",
                                  length, file.size(), SafetensorsFile::longestHeader));
    if (length == 0 || (got > lengthBytes && start[lengthBytes] != std::byte{'{'}))
      return wrong(lengthBytes, "the header is not a JSON object: this is not a safetensors file");
    into_.header_ = std::make_unique_for_overwrite<char[]>(length);
    const std::uint64_t here = std::min(length, got - lengthBytes);
    std::memcpy(into_.header_.get(), start.data() + lengthBytes, here);
    TRY_DO(file.read(lengthBytes + here, std::as_writable_bytes(std::span(into_.header_.get() + here, length - here))));
    into_.dataStart_ = lengthBytes + length;
    return length;
  }

  bool readObject(JsonCursor& cursor) {
    std::string_view key;
    if (!cursor.beginObject()) return false;
    while (cursor.nextKey(key))
      if (!(key == "__metadata__" ? readMetadata(cursor) : readEntry(cursor, key))) return false;
    return !cursor.failed();
  }

  bool readMetadata(JsonCursor& cursor) {
    if (metadataSeen_) return cursor.fail("the header has __metadata__ twice");
    metadataSeen_ = true;
    if (cursor.null() || cursor.failed()) return !cursor.failed();
    if (!cursor.beginObject()) return false;
    into_.metadataAt_ = cursor.offset() - 1;
    std::string_view key, text;
    while (cursor.nextKey(key))
      if (!cursor.string(text)) return false;
    into_.metadataBytes_ = cursor.offset() - into_.metadataAt_;
    return !cursor.failed();
  }

  // One tensor; offsets in the header count from the start of the data.
  bool readEntry(JsonCursor& cursor, std::string_view name) {
    const std::uint64_t at = cursor.offset();
    StoredTensor tensor{name};
    std::size_t rank = 0;
    std::uint64_t first = 0, last = 0;
    bool dtype = false, shape = false, offsets = false;
    std::string_view key;
    if (!cursor.beginObject()) return false;
    while (cursor.nextKey(key)) {
      bool* seen = key == "dtype" ? &dtype : key == "shape" ? &shape : key == "data_offsets" ? &offsets : nullptr;
      if (seen && *seen) return cursor.fail(fmt::format("tensor \"{}\" has {} twice", shown(name), key));
      if (!seen ? !cursor.skip()
                : !(seen == &dtype   ? readDtype(cursor, tensor)
                    : seen == &shape ? readShape(cursor, rank)
                                     : readOffsets(cursor, first, last)))
        return false;
      if (seen) *seen = true;
    }
    if (cursor.failed()) return false;
    if (!dtype || !shape || !offsets)
      return cursor.fail(fmt::format("tensor \"{}\" must have dtype, shape and data_offsets", shown(name)), at);
    const std::uint64_t dataBytes = into_.file_.size() - into_.dataStart_;
    if (first > last || last > dataBytes)
      return cursor.fail(
          fmt::format(
              "tensor \"{}\" is said to lie at {} to {} of {} bytes of data: the file has {} bytes and is cut off",
              shown(name), first, last, dataBytes, into_.file_.size()),
          at);
    const std::span<const std::int64_t> extents = std::span(into_.extents_).last(rank);
    if (bytesOf(*tensor.dtype, extents) != last - first)
      return cursor.fail(fmt::format("tensor \"{}\" has shape [{}] of {} but {} bytes of data", shown(name),
                                     fmt::join(extents, ", "), tensor.dtype->name, last - first),
                         at);
    tensor.offset = into_.dataStart_ + first;
    tensor.bytes = last - first;
    inOrder_ = inOrder_ && tensor.offset == covered_;
    covered_ = tensor.offset + tensor.bytes;
    into_.tensors_.push_back(tensor);
    ranks_.push_back(static_cast<std::uint8_t>(rank));
    return true;
  }

  static std::string_view shown(std::string_view name) { return name.substr(0, 256); }

  bool readDtype(JsonCursor& cursor, StoredTensor& tensor) {
    std::string_view text;
    const std::uint64_t at = cursor.offset();
    if (!cursor.string(text)) return false;
    tensor.dtype = findDtype(text);
    return tensor.dtype ||
           cursor.fail(fmt::format("tensor \"{}\" has the unknown type \"{}\"", shown(tensor.name), text.substr(0, 64)),
                       at);
  }

  bool readShape(JsonCursor& cursor, std::size_t& rank) {
    if (!cursor.beginArray()) return false;
    for (std::uint64_t extent = 0; cursor.nextItem(); ++rank) {
      if (!cursor.size(extent)) return false;
      if (extent > INT64_MAX) return cursor.fail("an extent does not fit 63 bits");
      if (rank == highestRank) return cursor.fail(fmt::format("a tensor has more than {} extents", highestRank));
      into_.extents_.push_back(static_cast<std::int64_t>(extent));
    }
    return !cursor.failed();
  }

  bool readOffsets(JsonCursor& cursor, std::uint64_t& first, std::uint64_t& last) {
    return cursor.beginArray() && cursor.nextItem() && cursor.size(first) && cursor.nextItem() && cursor.size(last) &&
           ((!cursor.nextItem() && !cursor.failed()) || cursor.fail("data_offsets must be two numbers"));
  }

  // Only now do the extents stay where they are.
  void placeShapes() {
    const std::int64_t* next = into_.extents_.data();
    for (std::size_t index = 0; index < ranks_.size(); next += ranks_[index++])
      into_.tensors_[index].shape = {next, ranks_[index]};
  }

  // Which tensor a name means would depend on the reader.
  Expected<void> checkNames() const {
    const auto same = [](const StoredTensor& a, const StoredTensor& b) { return a.name == b.name; };
    const auto twice = std::adjacent_find(into_.tensors_.begin(), into_.tensors_.end(), same);
    if (twice == into_.tensors_.end()) return {};
    const auto at = lengthBytes + static_cast<std::uint64_t>(twice[1].name.data() - into_.header_.get());
    return wrong(at, fmt::format("the header names \"{}\" twice: which of the two is meant cannot be known",
                                 shown(twice->name)));
  }

  // Every byte of data belongs to exactly one tensor, as the format asks: a file may hide nothing.
  Expected<void> checkCoverage() const {
    std::uint64_t end = into_.dataStart_;
    if (inOrder_) {
      end = covered_;
    } else {
      std::vector<const StoredTensor*> order;
      for (const StoredTensor& tensor : into_.tensors_) order.push_back(&tensor);
      std::sort(order.begin(), order.end(), [](const StoredTensor* a, const StoredTensor* b) {
        return std::pair(a->offset, a->bytes) < std::pair(b->offset, b->bytes);
      });
      for (const StoredTensor* tensor : order) {
        if (tensor->offset != end)
          return wrong(tensor->offset, fmt::format("tensor \"{}\" starts here, but byte {} is due: the data overlap or "
                                                   "have a hole; the file is damaged",
                                                   shown(tensor->name), end));
        end += tensor->bytes;
      }
    }
    const std::uint64_t size = into_.file_.size();
    if (end == size) return {};
    return wrong(end, fmt::format("the last tensor ends here, but the file has {} bytes, {} more: it is not the file "
                                  "that was written; fetch it again",
                                  size, size - end));
  }

  SafetensorsFile& into_;
  std::string name_;
  std::vector<std::uint8_t> ranks_;
  bool metadataSeen_ = false;
  bool inOrder_ = true;        // so far each tensor starts where the one before ends
  std::uint64_t covered_ = 0;  // the end of the last one
};

const Dtype* findDtype(std::string_view name) {
  const auto found = std::find_if(dtypes.begin(), dtypes.end(), [&](const Dtype& dtype) { return dtype.name == name; });
  return found == dtypes.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> bytesOf(const Dtype& dtype, std::span<const std::int64_t> shape) {
  const std::optional<std::int64_t> elements = checkedProduct(shape);
  const auto bits = elements ? checkedMultiply(static_cast<std::uint64_t>(*elements), dtype.bits) : std::nullopt;
  return bits && *bits % 8 == 0 ? std::optional(*bits / 8) : std::nullopt;
}

Expected<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  TRY(input, InputFile::open(path));
  return open(std::move(input));
}

Expected<SafetensorsFile> SafetensorsFile::open(InputFile file) {
  SafetensorsFile result(std::move(file));
  TRY_DO(HeaderReader(result).read());
  return result;
}

const StoredTensor* SafetensorsFile::find(std::string_view name) const {
  const auto found =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const StoredTensor& tensor, std::string_view key) { return tensor.name < key; });
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

Expected<std::map<std::string, std::string>> SafetensorsFile::metadata() const {
  std::map<std::string, std::string> result;
  if (metadataBytes_ == 0) return result;
  std::string text(metadataBytes_, '\0');
  TRY_DO(file_.read(metadataAt_, std::as_writable_bytes(std::span(text))));
  JsonCursor cursor(text, path().string(), metadataAt_);
  std::string_view key, value;
  if (cursor.beginObject())
    while (cursor.nextKey(key) && cursor.string(value)) result.insert_or_assign(std::string(key), std::string(value));
  if (cursor.failed()) return cursor.error();
  return result;
}

Expected<void> SafetensorsFile::read(const StoredTensor& tensor, std::span<std::byte> into) const {
  if (into.size() != tensor.bytes)
    return bugError(fmt::format("{} has {} bytes, not {}", tensor.name, tensor.bytes, into.size()));
  return file_.read(tensor.offset, into);
}

Expected<void> SafetensorsFile::read(const StoredTensor& tensor, std::uint64_t from, std::span<std::byte> into) const {
  if (from > tensor.bytes || into.size() > tensor.bytes - from)
    return bugError(fmt::format("{} has {} bytes, not {} from {} on", tensor.name, tensor.bytes, into.size(), from));
  return file_.read(tensor.offset + from, into);
}

}  // namespace moescope
