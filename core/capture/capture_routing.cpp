// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/operations.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <set>
#include <utility>

#include "core/capture/walk.h"
#include "core/capture/walk_cost.h"
#include "core/model/torch_error.h"
#include "core/routing/router_facts.h"
#include "core/trace/trace.h"

namespace moescope {
namespace {

std::vector<Parameter> parameters() {
  std::vector<Parameter> all = readingParameters();
  all.push_back(flag("loss", true, "also the loss of every token's next one"));
  all.push_back(flag("predicted", false, "also the id that the model thinks likeliest to come next").secondary());
  all.push_back(flag("logits", false, "also the router's raw logits, two bytes a token, layer and expert"));
  return all;
}

Description describe() {
  return {
      .id = "capture.routing",
      .version = 1,
      .title = "Capture routing",
      .help =
          "Runs a corpus through a model and records, for every token and MoE layer, which experts were chosen and "
          "with which "
          "weight. Windows start at multiples of the length within a document and never cross documents; experts are "
          "ordered "
          "by weight before any drop, ties by number. Capacity counts per window. The model runs layer by layer over "
          "as many windows as the memory allows, and of each layer only the experts that got tokens are read from the "
          "files, so that a model may be far larger than memory. After every group of windows that has seen all layers "
          "a segment of the trace is closed; a stopped capture goes on there.",
      .page = "Load",
      .in = {{"model", Kind::model, false, false, "what routes"},
             {"corpus", Kind::corpus, false, false, "what is read"}},
      .out = {{"trace", Kind::trace, false, false, "who was routed where"}},
      .parameters = parameters(),
      .needs = {"torch"},
      .example =
          "moescope-cli run capture.routing --study S --in model=toy --in corpus=text --set tokens=100000 --name t"};
}

// What is held of each position until its group of windows has seen all layers, bytes.
double keptPerToken(const ModelConfig& config, const Parameters& set) {
  const double layer = 6.0 * double(config.moe.topK) + (set.flag("logits") ? 4.0 * double(config.moe.experts) : 0);
  return 24 + double(config.sparseLayers()) * layer;
}

WalkEnd endOf(const ModelConfig& config, const Parameters& set) {
  return set.flag("loss") || set.flag("predicted") ? wholeModel(config) : lastRouter(config);
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(weights, WeightStore::open(inputs.at("model").path));
  const ModelConfig& config = weights.config();
  const double choice = double(config.moe.topK) * (config.moe.experts > 255 ? 6 : 5) +
                        (set.flag("logits") ? 2.0 * double(config.moe.experts) : 0);
  const double bytesPerToken =
      19 + (set.flag("loss") ? 4 : 0) + (set.flag("predicted") ? 4 : 0) + double(config.sparseLayers()) * choice;
  return walkCost(inputs, set, weights, endOf(config, set), keptPerToken(config, set), bytesPerToken);
}

TraceInfo traceInfo(const Inputs& inputs, const Reading& reading, const Parameters& set) {
  const ModelConfig& config = reading.weights.config();
  TraceInfo info{.modelDigest = inputs.at("model").id,
                 .tokenizerDigest = reading.tokenizer ? reading.tokenizer->digest() : "",
                 .corpus = inputs.at("corpus").id,
                 .family = familyOf(config),
                 .length = reading.length,
                 .domains = reading.corpus->domains(),
                 .hasLoss = set.flag("loss"),
                 .hasLogits = set.flag("logits"),
                 .hasPredicted = set.flag("predicted")};
  for (const Document& document : reading.corpus->documents()) info.documents.push_back(document.name);
  const RouterFacts facts = routerFacts(config.moe.router, config.moe.topK);
  for (std::int64_t block = 0; block < config.layers; ++block)
    if (config.isSparse(block))
      info.layers.push_back({int(block), config.moe.experts, config.moe.topK, config.moe.sharedExperts, facts.score,
                             facts.renormalised, facts.scale});
  return info;
}

template <class T, class Kept>
void keepRows(std::vector<T>& into, const at::Tensor& rows, const std::vector<std::uint8_t>& real, Kept convert) {
  const at::Tensor plain = rows.cpu().contiguous();
  const std::int64_t width = plain.size(1);
  into.reserve(std::size_t(plain.numel()));
  for (std::size_t row = 0; row < real.size(); ++row)
    if (real[row])
      for (std::int64_t i = 0; i < width; ++i) into.push_back(convert(plain, std::int64_t(row) * width + i));
}

TraceChunk::Layer layerColumns(const Assignments& routed, const std::vector<std::uint8_t>& real, bool logits) {
  TraceChunk::Layer layer;
  keepRows(layer.expert, routed.expert, real, [](const at::Tensor& rows, std::int64_t i) {
    return std::uint16_t(rows.const_data_ptr<std::int64_t>()[i]);
  });
  const auto number = [](const at::Tensor& rows, std::int64_t i) { return rows.const_data_ptr<float>()[i]; };
  keepRows(layer.weight, routed.weight.to(at::kFloat), real, number);
  if (logits) keepRows(layer.logit, routed.logits.to(at::kFloat), real, number);
  return layer;
}

// The token columns of a batch, without losses.
TraceChunk tokenColumns(const Reading& reading, const Batch& batch) {
  TraceChunk chunk;
  for (std::size_t place = 0; place < batch.real.size(); ++place) {
    if (!batch.real[place]) continue;
    const std::size_t row = place / std::size_t(batch.length);
    chunk.id.push_back(std::int32_t(batch.id[place]));
    chunk.next.push_back(std::int32_t(batch.next[place]));
    chunk.domain.push_back(batch.domain[row]);
    chunk.document.push_back(batch.windows[row].document);
    chunk.position.push_back(batch.windows[row].position + std::uint32_t(place % std::size_t(batch.length)));
    chunk.tokenClass.push_back(reading.tokenizer ? reading.tokenizer->tokenClass(chunk.id.back()) : 0);
  }
  return chunk;
}

template <class T>
void dropRows(std::vector<T>& column, std::size_t rows, std::size_t all) {
  column.erase(column.begin(), column.begin() + std::ptrdiff_t(rows * (column.size() / all)));
}

// Without the first tokens, which a closed segment holds already.
void dropFirst(TraceChunk& chunk, std::size_t count) {
  const std::size_t all = chunk.tokens();
  for (TraceChunk::Layer& layer : chunk.layers) {
    dropRows(layer.expert, count, all);
    dropRows(layer.weight, count, all);
    dropRows(layer.logit, count, all);
  }
  dropRows(chunk.loss, count, all);
  dropRows(chunk.predicted, count, all);
  dropRows(chunk.id, count, all);
  dropRows(chunk.next, count, all);
  dropRows(chunk.domain, count, all);
  dropRows(chunk.document, count, all);
  dropRows(chunk.position, count, all);
  dropRows(chunk.tokenClass, count, all);
}

// Keeps what a group of batches was assigned and appends it when all layers have seen it; the group's end is a resume
// point, unless the last one is seconds old. Batches are the same windows whatever was captured before and however they
// were grouped, so that a resumed trace has the bytes of an unbroken one.
class TraceVisitor : public WalkVisitor {
 public:
  TraceVisitor(const Reading& reading, TraceWriter& writer, const Parameters& set)
      : reading_(reading),
        writer_(writer),
        logits_(set.flag("logits")),
        loss_(set.flag("loss")),
        predicted_(set.flag("predicted")) {}

  Expected<void> begin(std::span<const Batch> group) override {
    group_ = group;
    chunks_.clear();
    for (const Batch& batch : group) chunks_.push_back(tokenColumns(reading_, batch));
    return {};
  }
  Expected<void> routed(std::size_t batch, std::int64_t, const Assignments& assignments, const at::Tensor&) override {
    chunks_[batch].layers.push_back(layerColumns(assignments, group_[batch].real, logits_));
    return {};
  }
  Expected<void> predicted(std::size_t batch, std::span<const float> loss,
                           std::span<const std::int32_t> likeliest) override {
    const Batch& here = group_[batch];
    for (std::size_t place = 0; place < here.real.size(); ++place) {
      if (!here.real[place]) continue;
      if (loss_)
        chunks_[batch].loss.push_back(here.next[place] >= 0 ? loss[place] : std::numeric_limits<float>::quiet_NaN());
      if (predicted_) chunks_[batch].predicted.push_back(likeliest[place]);
    }
    return {};
  }
  Expected<void> end(std::span<const Batch>) override {
    for (TraceChunk& chunk : chunks_) {
      // A closed segment may hold the first tokens of the first batch.
      if (skip_ > 0) dropFirst(chunk, std::size_t(std::exchange(skip_, 0)));
      TRY_DO(writer_.append(chunk));
      chunk = {};
    }
    if (std::chrono::steady_clock::now() - closed_ < std::chrono::seconds(5)) return {};
    closed_ = std::chrono::steady_clock::now();
    return writer_.closeSegment();
  }
  void skip(std::uint64_t tokens) { skip_ = tokens; }

 private:
  const Reading& reading_;
  TraceWriter& writer_;
  const bool logits_, loss_, predicted_;
  std::uint64_t skip_ = 0;
  std::chrono::steady_clock::time_point closed_ = std::chrono::steady_clock::now();
  std::span<const Batch> group_;
  std::vector<TraceChunk> chunks_;
};

// Gives the bytes that were read of the model.
Expected<std::uint64_t> captureAll(const Reading& reading, TraceWriter& writer, const Parameters& set, Job& job) {
  const std::vector<std::span<const Window>> batches = batchesOf(reading.windows, set.integer("batch"));
  TraceVisitor visitor(reading, writer, set);
  std::uint64_t before = 0;
  std::size_t first = 0;
  for (; first < batches.size(); ++first) {
    std::uint64_t here = 0;
    for (const Window& window : batches[first]) here += window.count;
    if (before + here > writer.tokensWritten()) break;
    before += here;
  }
  visitor.skip(writer.tokensWritten() - before);
  const ModelConfig& config = reading.weights.config();
  const std::span<const std::span<const Window>> left = std::span(batches).subspan(first);
  const WalkEnd end = endOf(config, set);
  const WalkPlan plan =
      planWalk(reading.weights, end, extentOf(left, keptPerToken(config, set)), job.resources().memory);
  sayPlan(plan, job);
  ReadAhead ahead(reading.weights, readingChoice(plan));
  const Expected<void> walked = walk(reading, left, end, plan, ahead, visitor, job);
  if (!walked && walked.error().kind == ErrorKind::cancelled) TRY_DO(writer.closeSegment());
  if (!walked) return walked.error();
  return ahead.bytesRead();
}

// The text of every id that was read, as input or as the next token; what a model predicts may be any.
Expected<Vocabulary> vocabularyOf(const Reading& reading, bool predicted) {
  Vocabulary vocabulary;
  if (!reading.tokenizer) return vocabulary;
  std::set<std::int32_t> seen;
  for (const Window& window : reading.windows) {
    const std::uint64_t left = reading.ids.tokens(std::size_t{window.document}) - window.position;
    TRY(ids, reading.ids.read(window.document, window.position, std::min<std::uint64_t>(left, window.count + 1ull)));
    seen.insert(ids.begin(), ids.end());
  }
  for (std::int32_t id = 0; predicted && id < reading.tokenizer->vocabularySize(); ++id) seen.insert(id);
  for (std::int32_t id : seen) {
    vocabulary.id.push_back(id);
    vocabulary.bytes.push_back(reading.tokenizer->bytes(id));
  }
  return vocabulary;
}

Expected<Outputs> captureRoutes(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(reading, openReading(inputs, set, job));
  TRY(writer, TraceWriter::open(job.place("trace"), traceInfo(inputs, reading, set)));
  if (writer.tokensWritten() > 0)
    job.log("info", fmt::format("Going on after {} of {} tokens.", writer.tokensWritten(), reading.tokens()));
  TRY(bytesRead, captureAll(reading, writer, set, job));
  TRY(vocabulary, vocabularyOf(reading, set.flag("predicted")));
  job.progress(1, "counting");
  TRY_DO(writer.finish(vocabulary));
  std::set<std::uint32_t> documents;
  for (const Window& window : reading.windows) documents.insert(window.document);
  Json summary{{"tokens", reading.tokens()},
               {"documents", documents.size()},
               {"layers", reading.weights.config().sparseLayers()},
               {"experts", reading.weights.config().moe.experts},
               {"bytes_read", bytesRead}};
  return Outputs{{.port = "trace", .kind = Kind::trace, .summary = std::move(summary)}};
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  return guarded([&] { return captureRoutes(inputs, set, job); });
}

}  // namespace

const Operation captureRouting{describe, estimate, run};

}  // namespace moescope
