// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/trace/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "core/base/commit_point.h"
#include "core/base/file.h"

namespace moescope {

namespace {

namespace fs = std::filesystem;

fs::path working(const fs::path& file) {
  return file.string() + ".writing";
}

Expected<void> moveInto(const fs::path& from, const fs::path& to) {
  TRY_DO(syncFile(from));
  pass(CommitPoint::segmentWritten);
  std::error_code code;
  fs::rename(from, to, code);
  if (code) return systemError("rename", from.string(), code.value());
  pass(CommitPoint::segmentRenamed);
  return syncFolder(to.parent_path());
}

Expected<void> makeLayer(hdf5::File& file, const TraceInfo& info, std::size_t index) {
  const TraceLayer& layer = info.layers[index];
  const std::string path = layerPath(index);
  const auto columns = static_cast<std::uint64_t>(layer.columns());
  const auto experts = static_cast<std::uint64_t>(layer.numExperts);
  const hdf5::Type id = layer.numExperts <= 255 ? hdf5::Type::uint8 : hdf5::Type::uint16;
  TRY_DO(file.makeGrowing(path + "/expert", id, {columns}, tokensPerBlock));
  TRY_DO(file.makeGrowing(path + "/weight", hdf5::Type::float32, {columns}, tokensPerBlock));
  if (info.hasLogits) TRY_DO(file.makeGrowing(path + "/logit", hdf5::Type::float16, {experts}, tokensPerBlock));
  TRY_DO(file.setAttribute(path, "block", std::int64_t{layer.block}));
  TRY_DO(file.setAttribute(path, "num_experts", layer.numExperts));
  TRY_DO(file.setAttribute(path, "top_k", layer.topK));
  TRY_DO(file.setAttribute(path, "num_shared", layer.numShared));
  TRY_DO(file.setAttribute(path, "score", layer.score));
  TRY_DO(file.setAttribute(path, "renormalised", std::int64_t{layer.renormalised}));
  return file.setAttribute(path, "scale", layer.scale);
}

Expected<void> makeHeader(hdf5::File& file, const TraceInfo& info, std::uint64_t firstToken) {
  TRY_DO(file.setAttribute("/", "moescope_trace", std::int64_t{1}));
  TRY_DO(file.setAttribute("/", "model_digest", info.modelDigest));
  TRY_DO(file.setAttribute("/", "tokenizer_digest", info.tokenizerDigest));
  TRY_DO(file.setAttribute("/", "corpus", info.corpus));
  TRY_DO(file.setAttribute("/", "family", info.family));
  TRY_DO(file.setAttribute("/", "num_layers", static_cast<std::int64_t>(info.layers.size())));
  TRY_DO(file.setAttribute("/", "length", info.length));
  TRY_DO(file.setAttribute("/", "first_token", static_cast<std::int64_t>(firstToken)));
  TRY_DO(file.setAttribute("/", "phase", info.phase));
  TRY_DO(file.makeGrowing("/tokens/id", hdf5::Type::int32, {}, tokensPerBlock));
  TRY_DO(file.makeGrowing("/tokens/next", hdf5::Type::int32, {}, tokensPerBlock));
  TRY_DO(file.makeGrowing("/tokens/domain", hdf5::Type::uint16, {}, tokensPerBlock));
  TRY_DO(file.makeGrowing("/tokens/document", hdf5::Type::uint32, {}, tokensPerBlock));
  TRY_DO(file.makeGrowing("/tokens/position", hdf5::Type::uint32, {}, tokensPerBlock));
  TRY_DO(file.makeGrowing("/tokens/class", hdf5::Type::uint8, {}, tokensPerBlock));
  if (info.hasLoss) TRY_DO(file.makeGrowing("/tokens/loss", hdf5::Type::float32, {}, tokensPerBlock));
  if (info.hasPredicted) TRY_DO(file.makeGrowing("/tokens/predicted", hdf5::Type::int32, {}, tokensPerBlock));
  for (std::size_t layer = 0; layer < info.layers.size(); ++layer) TRY_DO(makeLayer(file, info, layer));
  TRY_DO(file.writeHeapStrings("/domains", info.domains));
  return file.writeHeapStrings("/documents", info.documents);
}

template <class T>
Expected<void> add(hdf5::File& file, const std::string& path, const std::vector<T>& values) {
  return file.appendRows<T>(path, std::span<const T>(values));
}

// Ids that occur in a segment as input or as the next token, real or predicted, ascending.
Expected<std::vector<std::int32_t>> occurringIds(const hdf5::File& file) {
  TRY(ids, file.read<std::int32_t>("/tokens/id"));
  TRY(next, file.read<std::int32_t>("/tokens/next"));
  ids.insert(ids.end(), next.begin(), next.end());
  if (file.has("/tokens/predicted")) {
    TRY(predicted, file.read<std::int32_t>("/tokens/predicted"));
    ids.insert(ids.end(), predicted.begin(), predicted.end());
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  ids.erase(ids.begin(), std::lower_bound(ids.begin(), ids.end(), 0));  // -1: a document's end
  return ids;
}

Expected<void> writeVocabulary(hdf5::File& file, const Vocabulary& vocabulary, const std::vector<std::int32_t>& ids) {
  std::vector<std::int32_t> known;
  std::vector<std::uint64_t> offset{0};
  std::vector<std::uint8_t> bytes;
  for (std::int32_t id : ids) {
    const std::string* text = vocabulary.find(id);
    if (text == nullptr) continue;
    known.push_back(id);
    bytes.insert(bytes.end(), text->begin(), text->end());
    offset.push_back(bytes.size());
  }
  TRY_DO(file.write<std::int32_t>("/vocabulary/id", known, {known.size()}));
  TRY_DO(file.write<std::uint64_t>("/vocabulary/offset", offset, {offset.size()}));
  return file.write<std::uint8_t>("/vocabulary/bytes", bytes, {bytes.size()});
}

}  // namespace

std::string segmentName(std::size_t index) {
  return fmt::format("{:04}.h5", index);
}
std::string layerPath(std::size_t layer) {
  return fmt::format("/layers/{:02}", layer);
}

Expected<SegmentWriter> SegmentWriter::create(const fs::path& file, const TraceInfo& info, std::uint64_t firstToken) {
  TRY(made, hdf5::File::create(working(file)));
  TRY_DO(makeHeader(made, info, firstToken));
  return SegmentWriter(std::move(made), file, info, firstToken);
}

Expected<void> SegmentWriter::append(TraceChunk& block) {
  TRY_DO(add(working_, "/tokens/id", block.id));
  TRY_DO(add(working_, "/tokens/next", block.next));
  TRY_DO(add(working_, "/tokens/domain", block.domain));
  TRY_DO(add(working_, "/tokens/document", block.document));
  TRY_DO(add(working_, "/tokens/position", block.position));
  TRY_DO(add(working_, "/tokens/class", block.tokenClass));
  if (info_->hasLoss) TRY_DO(add(working_, "/tokens/loss", block.loss));
  if (info_->hasPredicted) TRY_DO(add(working_, "/tokens/predicted", block.predicted));
  for (std::size_t index = 0; index < block.layers.size(); ++index) {
    TraceChunk::Layer& layer = block.layers[index];
    const std::string path = layerPath(index);
    if (info_->layers[index].numExperts <= 255) {  // noExpert is all ones in both widths
      TRY_DO(add(working_, path + "/expert", std::vector<std::uint8_t>(layer.expert.begin(), layer.expert.end())));
    } else {
      TRY_DO(add(working_, path + "/expert", layer.expert));
    }
    TRY_DO(add(working_, path + "/weight", layer.weight));
    if (!info_->hasLogits) continue;
    TRY_DO(add(working_, path + "/logit", layer.logit));
    TRY_ASSIGN(layer.logit, working_.readRows<float>(path + "/logit", tokens_, block.tokens()));
  }
  tokens_ += block.tokens();
  return {};
}

Expected<Segment> SegmentWriter::close() {
  TRY_DO(working_.setAttribute("/", "complete", std::int64_t{1}));
  TRY_DO(working_.close());
  TRY_DO(moveInto(working(file_), file_));
  return Segment{file_, firstToken_, tokens_};
}

Expected<void> addVocabulary(const Segment& segment, const Vocabulary& vocabulary) {
  const fs::path copy = working(segment.file);
  std::error_code code;
  fs::copy_file(segment.file, copy, fs::copy_options::overwrite_existing, code);
  if (code) return systemError("copy", segment.file.string(), code.value());
  TRY(file, hdf5::File::append(copy));
  TRY(ids, occurringIds(file));
  TRY_DO(writeVocabulary(file, vocabulary, ids));
  TRY_DO(file.close());
  return moveInto(copy, segment.file);
}

}  // namespace moescope
