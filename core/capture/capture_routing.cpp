// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/operations.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>

#include "core/capture/reading.h"
#include "core/model/folder.h"
#include "core/model/torch_error.h"
#include "core/routing/router_facts.h"
#include "core/trace/trace.h"
#include "core/training/token_loss.h"

namespace moescope {
namespace {

std::vector<Parameter> parameters() {
  std::vector<Parameter> all = readingParameters();
  all.push_back(flag("loss", true, "also the loss of every token's next one"));
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
          "by weight before any drop, ties by number. Capacity counts per window. The trace is written in segments, so "
          "a "
          "stopped capture goes on where it was.",
      .page = "Load",
      .in = {{"model", Kind::model, false, false, "what routes"},
             {"corpus", Kind::corpus, false, false, "what is read"}},
      .out = {{"trace", Kind::trace, false, false, "who was routed where"}},
      .parameters = parameters(),
      .needs = {"torch"},
      .example =
          "moescope-cli run capture.routing --study S --in model=toy --in corpus=text --set tokens=100000 --name t"};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(config, readModelConfig(inputs.at("model").path));
  const double choice = double(config.moe.topK) * (config.moe.experts > 255 ? 6 : 5) +
                        (set.flag("logits") ? 2.0 * double(config.moe.experts) : 0);
  return readingCost(inputs, set, 19 + (set.flag("loss") ? 4 : 0) + double(config.sparseLayers()) * choice);
}

TraceInfo traceInfo(const Inputs& inputs, const Reading& reading, const Parameters& set) {
  const ModelConfig& config = reading.model.config();
  TraceInfo info{.modelDigest = inputs.at("model").id,
                 .tokenizerDigest = reading.tokenizer ? reading.tokenizer->digest() : "",
                 .corpus = inputs.at("corpus").id,
                 .family = familyOf(config),
                 .length = reading.length,
                 .domains = reading.corpus->domains(),
                 .hasLoss = set.flag("loss"),
                 .hasLogits = set.flag("logits")};
  for (const Document& document : reading.corpus->documents()) info.documents.push_back(document.name);
  const RouterFacts facts = routerFacts(config.moe.router, config.moe.topK);
  for (std::int64_t block : reading.model.sparseBlocks())
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

// Block by block, so that a layer's weights are needed once a batch.
Expected<TraceChunk> captureBatch(Reading& reading, std::span<const Window> windows, const Parameters& set) {
  at::NoGradGuard quiet;
  std::int64_t length = 1;
  for (const Window& window : windows) length = std::max<std::int64_t>(length, window.count);
  TRY(batch, gather(*reading.corpus, reading.ids, windows, length));
  const BatchTensors tensors = tensorsOf(batch, reading.model.device());
  const ForwardContext context{.valid = tensors.valid};
  TraceChunk chunk;
  at::Tensor hidden = reading.model.embed(tensors.id);
  for (std::int64_t block = 0; block < reading.model.config().layers; ++block) {
    Forward one;
    hidden = reading.model.block(block, hidden, context, one);
    for (const LayerRouting& routing : one.routing)
      chunk.layers.push_back(layerColumns(routing.assignments, batch.real, set.flag("logits")));
  }
  at::Tensor loss;
  if (set.flag("loss"))
    loss = tokenLoss(reading.model.head(reading.model.finalNorm(hidden)), tensors.next).cpu().contiguous();
  for (std::size_t place = 0; place < batch.real.size(); ++place) {
    if (!batch.real[place]) continue;
    const std::size_t row = place / std::size_t(length);
    chunk.id.push_back(std::int32_t(batch.id[place]));
    chunk.next.push_back(std::int32_t(batch.next[place]));
    chunk.domain.push_back(batch.domain[row]);
    chunk.document.push_back(batch.windows[row].document);
    chunk.position.push_back(batch.windows[row].position + std::uint32_t(place % std::size_t(length)));
    chunk.tokenClass.push_back(reading.tokenizer ? reading.tokenizer->tokenClass(chunk.id.back()) : 0);
    if (loss.defined())
      chunk.loss.push_back(batch.next[place] >= 0 ? loss.const_data_ptr<float>()[place]
                                                  : std::numeric_limits<float>::quiet_NaN());
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
  dropRows(chunk.id, count, all);
  dropRows(chunk.next, count, all);
  dropRows(chunk.domain, count, all);
  dropRows(chunk.document, count, all);
  dropRows(chunk.position, count, all);
  dropRows(chunk.tokenClass, count, all);
}

// Batches are the same groups of windows whatever was captured before, so a resumed trace has the bytes of an unbroken
// one.
Expected<void> captureAll(Reading& reading, TraceWriter& writer, const Parameters& set, Job& job) {
  constexpr auto between = std::chrono::seconds(20);
  auto closed = std::chrono::steady_clock::now();
  const double all = double(reading.tokens());
  std::uint64_t before = 0;  // tokens of the batches so far
  const std::size_t rows = std::size_t(set.integer("batch"));
  for (std::size_t first = 0; first < reading.windows.size(); first += rows) {
    const auto windows = std::span(reading.windows).subspan(first, std::min(rows, reading.windows.size() - first));
    std::uint64_t here = 0;
    for (const Window& window : windows) here += window.count;
    before += here;
    if (before <= writer.tokensWritten()) continue;
    if (job.cancelled()) {
      TRY_DO(writer.closeSegment());
      return cancelledError();
    }
    TRY(chunk, captureBatch(reading, windows, set));
    if (const std::uint64_t known = writer.tokensWritten() + here - before; known > 0)
      dropFirst(chunk, std::size_t(known));
    TRY_DO(writer.append(chunk));
    job.progress(double(before) / all, "routing tokens");
    if (std::chrono::steady_clock::now() - closed < between) continue;
    TRY_DO(writer.closeSegment());
    closed = std::chrono::steady_clock::now();
  }
  return {};
}

// The text of every id that was read, as input or as the next token.
Expected<Vocabulary> vocabularyOf(const Reading& reading) {
  Vocabulary vocabulary;
  if (!reading.tokenizer) return vocabulary;
  std::set<std::int32_t> seen;
  for (const Window& window : reading.windows) {
    const std::uint64_t left = reading.ids.tokens(std::size_t{window.document}) - window.position;
    TRY(ids, reading.ids.read(window.document, window.position, std::min<std::uint64_t>(left, window.count + 1ull)));
    seen.insert(ids.begin(), ids.end());
  }
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
  TRY_DO(captureAll(reading, writer, set, job));
  TRY(vocabulary, vocabularyOf(reading));
  job.progress(1, "counting");
  TRY_DO(writer.finish(vocabulary));
  std::set<std::uint32_t> documents;
  for (const Window& window : reading.windows) documents.insert(window.document);
  Json summary{{"tokens", reading.tokens()},
               {"documents", documents.size()},
               {"layers", reading.model.sparseBlocks().size()},
               {"experts", reading.model.config().moe.experts}};
  return Outputs{{.port = "trace", .kind = Kind::trace, .summary = std::move(summary)}};
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  return guarded([&] { return captureRoutes(inputs, set, job); });
}

}  // namespace

const Operation captureRouting{describe, estimate, run};

}  // namespace moescope
