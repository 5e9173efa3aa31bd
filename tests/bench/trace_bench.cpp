// SPDX-License-Identifier: GPL-3.0-or-later
// How long traces take: counting 1e8 expert ids against reading them, and writing, counting and analysing a trace of
// 1e6 tokens, 16 layers, k 8 of 64 experts, 1000 documents. Prints one line a measurement.
#include <fmt/format.h>

#include <chrono>
#include <numeric>

#include "core/operations.h"
#include "kernels/kernels.h"
#include "tests/trace/made_trace.h"

namespace moescope {
namespace {

template <class Work>
double seconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void countIds() {
  constexpr std::size_t ids = 100'000'000;
  std::vector<std::uint16_t> expert(ids);
  for (std::size_t at = 0; at < ids; ++at) expert[at] = static_cast<std::uint16_t>(made::number(1, at) % 64);
  std::vector<std::int64_t> count(64);
  std::uint64_t sum = 0;
  const double reading = seconds([&] { sum = std::accumulate(expert.begin(), expert.end(), std::uint64_t{0}); });
  const double counting = seconds([&] { kernels::countAssignments(expert, count); });
  fmt::print("count 1e8 ids: {:.3f} s, {:.2f} GB/s; summing them alone: {:.3f} s, {:.2f} GB/s (sum {})\n", counting,
             ids * 2e-9 / counting, reading, ids * 2e-9 / reading, sum);
}

// Cheap to make: three independent bytes a token, spread over layers and ranks.
TraceChunk chunk(const made::Rule& rule, std::int64_t first, std::int64_t count) {
  TraceChunk made;
  made.layers.resize(rule.layers);
  for (std::int64_t token = first; token < first + count; ++token) {
    const std::int64_t document = token / rule.tokensPerDocument;
    made.id.push_back(static_cast<std::int32_t>(made::number(1, token) % 1000));
    made.next.push_back(-1);
    made.domain.push_back(static_cast<std::uint16_t>(document % rule.domains));
    made.document.push_back(static_cast<std::uint32_t>(document));
    made.position.push_back(static_cast<std::uint32_t>(token % rule.tokensPerDocument));
    made.tokenClass.push_back(textToken);
    for (std::int64_t layer = 0; layer < rule.layers; ++layer) {
      const std::uint64_t start = made::number(2 + layer, token),
                          stride = 2 * (start >> 40) + 1;  // odd: all ids differ
      for (std::int64_t rank = 0; rank < rule.topK; ++rank) {
        made.layers[layer].expert.push_back(static_cast<std::uint16_t>((start + rank * stride) % rule.experts));
        made.layers[layer].weight.push_back(0.125f);
      }
    }
  }
  return made;
}

int analyse() {
  const made::Folder folder("bench-trace");
  const made::Rule rule{
      .layers = 16, .experts = 64, .topK = 8, .domains = 6, .documents = 1000, .tokensPerDocument = 1000};
  double making = 0;
  const double writing = seconds([&] {
    auto writer = TraceWriter::open(folder.path() / "t", made::info(rule));
    for (std::int64_t first = 0; first < rule.tokens(); first += 50000) {
      TraceChunk part;
      making += seconds([&] { part = chunk(rule, first, 50000); });
      if (!writer->append(part)) return;
    }
    static_cast<void>(writer->finish(made::vocabulary()));
  });
  fmt::print("write and count 1e6 tokens x 16 layers x 8: {:.2f} s\n", writing - making);
  std::filesystem::rename(folder.path() / "t/counters.h5", folder.path() / "counters.h5");
  fmt::print("read and count them again: {:.2f} s\n",
             seconds([&] { static_cast<void>(Trace::open(folder.path() / "t")->counters()); }));
  std::filesystem::rename(folder.path() / "counters.h5", folder.path() / "t/counters.h5");
  for (const Operation& operation : lightOperations()) {
    const Description description = operation.describe();
    if (description.in.size() != 1 || description.in[0].kind != Kind::trace) continue;
    Inputs inputs;
    inputs.add("trace", Artifact{.id = std::string(64, '1'), .kind = Kind::trace, .path = folder.path() / "t"});
    QuietJob job(folder.path() / "job");
    auto set = checkParameters(description.parameters, {});
    const double took = seconds([&] {
      auto outputs = operation.run(inputs, *set, job);
      if (!outputs) fmt::print("{}: {}\n", description.id, outputs.error().message);
    });
    fmt::print("{}: {:.2f} s\n", description.id, took);
  }
  return 0;
}

}  // namespace
}  // namespace moescope

int main() {
  moescope::countIds();
  return moescope::analyse();
}
