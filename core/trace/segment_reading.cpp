// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <numeric>

#include "core/base/checked.h"
#include "core/trace/chunk.h"
#include "core/trace/segment.h"

namespace moescope {

namespace {

namespace fs = std::filesystem;

Error fault(const hdf5::File& file, const std::string& dataset, const std::string& what) {
  return inputError(fmt::format("dataset {} of the trace {} {}", dataset, file.path().string(), what),
                    file.path().string());
}

Error attributeFault(const hdf5::File& file, const std::string& object, const std::string& name,
                     const std::string& what) {
  return inputError(fmt::format("attribute {} of {} in the trace {} {}", name, object, file.path().string(), what),
                    file.path().string());
}

Expected<std::int64_t> integerBetween(const hdf5::File& file, const std::string& object, const std::string& name,
                                      std::int64_t low, std::int64_t high) {
  TRY(value, file.integer(object, name));
  if (value < low || value > high)
    return attributeFault(file, object, name, fmt::format("is {}, not {} to {}", value, low, high));
  return value;
}

std::string nameOf(hdf5::Type type) {
  constexpr std::array<const char*, 11> names{"int8",   "uint8",   "uint16",  "int32",   "uint32",      "int64",
                                              "uint64", "float16", "float32", "float64", "another type"};
  return names[static_cast<std::size_t>(type)];
}

// The dataset has exactly the extent that the rest of the file asks of it, and one of these types: converting others
// would turn a negative document into document 0 without a word.
Expected<void> expectShape(const hdf5::File& file, const std::string& path, const std::vector<std::uint64_t>& extent,
                           std::initializer_list<hdf5::Type> types) {
  TRY(shape, file.shape(path));
  if (shape.extent != extent)
    return fault(file, path,
                 fmt::format("has the extent [{}], not [{}] as the other datasets ask", fmt::join(shape.extent, ", "),
                             fmt::join(extent, ", ")));
  if (std::find(types.begin(), types.end(), shape.type) == types.end())
    return fault(file, path, fmt::format("is of {}, not of {}", nameOf(shape.type), nameOf(*types.begin())));
  return {};
}

Expected<TraceLayer> readLayer(const hdf5::File& file, std::size_t index, std::uint64_t tokens, bool hasLogits) {
  const std::string path = layerPath(index);
  TraceLayer layer;
  TRY(block, integerBetween(file, path, "block", 0, 1 << 20));
  layer.block = static_cast<int>(block);
  TRY_ASSIGN(layer.numExperts, integerBetween(file, path, "num_experts", 1, noExpert));
  TRY_ASSIGN(layer.topK, integerBetween(file, path, "top_k", 1, layer.numExperts));
  TRY_ASSIGN(layer.numShared, integerBetween(file, path, "num_shared", 0, 1 << 20));
  TRY_ASSIGN(layer.score, file.text(path, "score"));
  TRY(renormalised, integerBetween(file, path, "renormalised", 0, 1));
  layer.renormalised = renormalised == 1;
  TRY_ASSIGN(layer.scale, file.real(path, "scale"));
  TRY(shape, file.shape(path + "/expert"));
  if (shape.extent.size() != 2 || shape.extent[0] != tokens || shape.extent[1] < 1 ||
      shape.extent[1] > static_cast<std::uint64_t>(layer.numExperts))
    return fault(
        file, path + "/expert",
        fmt::format("has the extent [{}], not [{}, 1 to {}]", fmt::join(shape.extent, ", "), tokens, layer.numExperts));
  const hdf5::Type wanted = layer.numExperts <= 255 ? hdf5::Type::uint8 : hdf5::Type::uint16;
  if (shape.type != wanted)
    return fault(file, path + "/expert",
                 fmt::format("is not of type {} as its {} experts ask", layer.numExperts <= 255 ? "uint8" : "uint16",
                             layer.numExperts));
  const auto columns = static_cast<std::int64_t>(shape.extent[1]);
  layer.width = columns == layer.topK ? 0 : columns;
  TRY_DO(expectShape(file, path + "/weight", shape.extent, {hdf5::Type::float32, hdf5::Type::float16}));
  if (hasLogits)
    TRY_DO(expectShape(file, path + "/logit", {tokens, static_cast<std::uint64_t>(layer.numExperts)},
                       {hdf5::Type::float16, hdf5::Type::float32}));
  return layer;
}

Expected<void> readNames(const hdf5::File& file, TraceInfo& info) {
  TRY_ASSIGN(info.domains, file.readStrings("/domains", 65536));
  TRY_ASSIGN(info.documents, file.readStrings("/documents"));
  return {};
}

struct Header {
  TraceInfo info;
  Segment segment;
};

Expected<void> checkVersion(const hdf5::File& file) {
  if (!file.hasAttribute("/", "moescope_trace"))
    return inputError(fmt::format("{} is not a trace: it has no attribute moescope_trace", file.path().string()),
                      file.path().string());
  TRY(version, file.integer("/", "moescope_trace"));
  if (version != 1)
    return inputError(fmt::format("the trace {} has version {}, and this Moescope reads version 1: use a newer one",
                                  file.path().string(), version),
                      file.path().string());
  if (!file.hasAttribute("/", "complete"))
    return inputError(fmt::format("the trace {} was not written to its end: capture it again", file.path().string()),
                      file.path().string());
  TRY_DO(integerBetween(file, "/", "complete", 1, 1));
  return {};
}

Expected<Header> readHeader(const hdf5::File& file) {
  TRY_DO(checkVersion(file));
  Header header{.segment = {.file = file.path()}};
  TraceInfo& info = header.info;
  TRY_ASSIGN(info.modelDigest, file.text("/", "model_digest"));
  TRY_ASSIGN(info.tokenizerDigest, file.text("/", "tokenizer_digest"));
  TRY_ASSIGN(info.corpus, file.text("/", "corpus"));
  TRY_ASSIGN(info.family, file.text("/", "family"));
  TRY_ASSIGN(info.phase, file.text("/", "phase"));
  TRY_ASSIGN(info.length, integerBetween(file, "/", "length", 0, std::int64_t{1} << 40));
  TRY(first, integerBetween(file, "/", "first_token", 0, std::int64_t{1} << 48));
  TRY(layers, integerBetween(file, "/", "num_layers", 0, 1 << 14));
  TRY(shape, file.shape("/tokens/id"));
  if (shape.extent.size() != 1) return fault(file, "/tokens/id", "is not one column");
  const std::uint64_t tokens = shape.extent[0];
  if (tokens > 1ull << 48) return fault(file, "/tokens/id", fmt::format("claims {} tokens", tokens));
  using Column = std::pair<const char*, hdf5::Type>;
  for (const auto& [column, type] :
       {Column{"/tokens/id", hdf5::Type::int32}, Column{"/tokens/next", hdf5::Type::int32},
        Column{"/tokens/domain", hdf5::Type::uint16}, Column{"/tokens/document", hdf5::Type::uint32},
        Column{"/tokens/position", hdf5::Type::uint32}, Column{"/tokens/class", hdf5::Type::uint8}})
    TRY_DO(expectShape(file, column, {tokens}, {type}));
  info.hasLoss = file.has("/tokens/loss");
  if (info.hasLoss) TRY_DO(expectShape(file, "/tokens/loss", {tokens}, {hdf5::Type::float32}));
  info.hasPredicted = file.has("/tokens/predicted");
  if (info.hasPredicted) TRY_DO(expectShape(file, "/tokens/predicted", {tokens}, {hdf5::Type::int32}));
  const std::vector<std::string> groups = file.children("/layers");
  if (groups.size() != static_cast<std::size_t>(layers))
    return attributeFault(file, "/", "num_layers",
                          fmt::format("is {}, and the group /layers holds {}", layers, groups.size()));
  info.hasLogits = layers > 0 && file.has(layerPath(0) + "/logit");
  for (std::int64_t index = 0; index < layers; ++index) {
    TRY(layer, readLayer(file, index, tokens, info.hasLogits));
    info.layers.push_back(std::move(layer));
  }
  TRY_DO(readNames(file, info));
  header.segment.firstToken = static_cast<std::uint64_t>(first);
  header.segment.tokens = tokens;
  header.segment.hasVocabulary = file.has("/vocabulary/id");
  return header;
}

Expected<void> readLayerRows(const hdf5::File& file, const TraceLayer& layer, const std::string& path,
                             std::uint64_t first, std::uint64_t count, unsigned columns, TraceChunk::Layer& into) {
  TRY_ASSIGN(into.expert, file.readRows<std::uint16_t>(path + "/expert", first, count));
  if (layer.numExperts <= 255) std::replace(into.expert.begin(), into.expert.end(), std::uint16_t{255}, noExpert);
  if (columns & Trace::weights) TRY_ASSIGN(into.weight, file.readRows<float>(path + "/weight", first, count));
  if (columns & Trace::logits) TRY_ASSIGN(into.logit, file.readRows<float>(path + "/logit", first, count));
  return {};
}

}  // namespace

Expected<SegmentList> listSegments(const fs::path& folder) {
  SegmentList list;
  std::error_code code;
  if (!fs::is_directory(folder, code))
    return inputError(fmt::format("there is no trace at {}", folder.string()), folder.string());
  std::vector<fs::path> files;
  for (std::size_t index = 0; fs::exists(folder / segmentName(index), code); ++index)
    files.push_back(folder / segmentName(index));
  for (const fs::path& path : files) {
    TRY(file, hdf5::File::openForeign(path));
    TRY(header, readHeader(file));
    if (list.segments.empty())
      list.info = std::move(header.info);
    else if (!(header.info == list.info))
      return inputError(fmt::format("{} belongs to another trace than {}: their layers, names or models differ",
                                    path.string(), files.front().string()),
                        path.string());
    if (header.segment.firstToken != list.tokens())
      return inputError(fmt::format("attribute first_token of {} is {}, and the segments before it end at {}",
                                    path.string(), header.segment.firstToken, list.tokens()),
                        path.string());
    list.segments.push_back(std::move(header.segment));
  }
  return list;
}

Expected<TraceChunk> readSegment(const hdf5::File& file, const TraceInfo& info, std::uint64_t first,
                                 std::uint64_t count, unsigned columns, const std::vector<int>& layers) {
  TraceChunk chunk;
  TRY_ASSIGN(chunk.id, file.readRows<std::int32_t>("/tokens/id", first, count));
  TRY_ASSIGN(chunk.next, file.readRows<std::int32_t>("/tokens/next", first, count));
  TRY_ASSIGN(chunk.domain, file.readRows<std::uint16_t>("/tokens/domain", first, count));
  TRY_ASSIGN(chunk.document, file.readRows<std::uint32_t>("/tokens/document", first, count));
  TRY_ASSIGN(chunk.position, file.readRows<std::uint32_t>("/tokens/position", first, count));
  TRY_ASSIGN(chunk.tokenClass, file.readRows<std::uint8_t>("/tokens/class", first, count));
  if ((columns & Trace::loss) && info.hasLoss)
    TRY_ASSIGN(chunk.loss, file.readRows<float>("/tokens/loss", first, count));
  if ((columns & Trace::predicted) && info.hasPredicted)
    TRY_ASSIGN(chunk.predicted, file.readRows<std::int32_t>("/tokens/predicted", first, count));
  if (!info.hasLogits) columns &= ~static_cast<unsigned>(Trace::logits);
  chunk.layers.resize(layers.size());
  for (std::size_t at = 0; at < layers.size(); ++at)
    TRY_DO(
        readLayerRows(file, info.layers[layers[at]], layerPath(layers[at]), first, count, columns, chunk.layers[at]));
  const std::string wrong = faultOf(chunk, info, layers);
  if (!wrong.empty())
    return inputError(
        fmt::format("the trace {} is damaged: of its tokens from {} on, {}", file.path().string(), first, wrong),
        file.path().string());
  return chunk;
}

Expected<Vocabulary> readVocabulary(const hdf5::File& file) {
  Vocabulary vocabulary;
  TRY_ASSIGN(vocabulary.id, file.read<std::int32_t>("/vocabulary/id"));
  TRY(offset, file.read<std::uint64_t>("/vocabulary/offset"));
  TRY(bytes, file.read<std::uint8_t>("/vocabulary/bytes"));
  if (offset.size() != vocabulary.id.size() + 1)
    return fault(file, "/vocabulary/offset",
                 fmt::format("has {} entries for {} ids", offset.size(), vocabulary.id.size()));
  if (offset.front() != 0 || offset.back() != bytes.size() || !std::is_sorted(offset.begin(), offset.end()))
    return fault(file, "/vocabulary/offset", fmt::format("does not rise from 0 to the {} bytes of text", bytes.size()));
  if (std::adjacent_find(vocabulary.id.begin(), vocabulary.id.end(), std::greater_equal<>()) != vocabulary.id.end())
    return fault(file, "/vocabulary/id", "does not ascend");
  for (std::size_t at = 0; at + 1 < offset.size(); ++at)
    vocabulary.bytes.emplace_back(bytes.begin() + offset[at], bytes.begin() + offset[at + 1]);
  return vocabulary;
}

}  // namespace moescope
