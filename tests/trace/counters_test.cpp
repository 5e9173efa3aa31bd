// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/trace/counters.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/trace/made_trace.h"

namespace moescope {
namespace {

Counters count(const TraceInfo& info, const TraceChunk& all, const std::vector<std::size_t>& cuts) {
  Counters sum = Counters::emptyFor(info);
  for (std::size_t at = 0; at + 1 < cuts.size(); ++at) {
    Counters part = Counters::emptyFor(info);
    part.add(made::part(all, cuts[at], cuts[at + 1] - cuts[at]));
    sum.add(part);
  }
  return sum;
}

std::int64_t total(const std::vector<std::int64_t>& values) {
  return std::accumulate(values.begin(), values.end(), std::int64_t{0});
}

TEST(Counters, AreEqualOverAnySplit) {
  const made::Rule rule{.layers = 3, .experts = 16, .topK = 4, .logits = true, .paddedEnds = true};
  const TraceInfo info = made::info(rule);
  const TraceChunk all = made::chunk(rule);
  const Counters whole = count(info, all, {0, all.tokens()});
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    std::vector<std::size_t> cuts{0, all.tokens()};
    for (int cut = 0; cut < 7; ++cut) cuts.push_back(made::number(seed, cut) % all.tokens());
    std::sort(cuts.begin(), cuts.end());
    EXPECT_EQ(count(info, all, cuts), whole);
  }
}

TEST(Counters, AddUpToTheTokens) {
  const made::Rule rule{.experts = 16, .topK = 4, .logits = true, .paddedEnds = true};
  const Counters counters = count(made::info(rule), made::chunk(rule), {0, static_cast<std::size_t>(rule.tokens())});
  const std::int64_t tokens = rule.tokens() - rule.documents;  // one of padding a document
  EXPECT_EQ(counters.tokens, tokens);
  EXPECT_EQ(counters.seen, rule.tokens());
  EXPECT_EQ(total(counters.tokensByDomain), tokens);
  EXPECT_EQ(total(counters.tokensByDocument), tokens);
  for (const LayerCounters& layer : counters.layers) {
    EXPECT_EQ(total(layer.count), tokens * 4);
    EXPECT_EQ(total(layer.domain), tokens * 4);
    EXPECT_EQ(std::accumulate(layer.document.begin(), layer.document.end(), std::int64_t{0}), tokens * 4);
    for (std::int64_t rank = 0; rank < 4; ++rank)
      EXPECT_EQ(std::accumulate(layer.rank.begin() + rank * 16, layer.rank.begin() + (rank + 1) * 16, std::int64_t{0}),
                tokens);
    EXPECT_EQ(total(layer.entropy), tokens);
    EXPECT_EQ(total(layer.margin), tokens);
    EXPECT_EQ(total(layer.gap), tokens);
    // A13: a row of co-activation without its diagonal is k - 1 a token; pairs of transitions are N k^2.
    for (std::int64_t e = 0; e < 16; ++e) {
      EXPECT_EQ(layer.coactivation[e * 16 + e], layer.count[e]);
      EXPECT_EQ(std::accumulate(layer.coactivation.begin() + e * 16, layer.coactivation.begin() + (e + 1) * 16,
                                std::int64_t{0}),
                4 * layer.count[e]);
    }
  }
  EXPECT_EQ(total(counters.layers[0].transition), tokens * 16);
  EXPECT_TRUE(counters.layers[1].transition.empty());
}

TEST(Counters, ConfidenceOfAFlatRouterAndOfASharpOne) {
  made::Rule rule{.layers = 1, .experts = 4, .topK = 2, .documents = 1, .tokensPerDocument = 2, .logits = true};
  TraceChunk chunk = made::chunk(rule);
  chunk.layers[0].expert = {0, 1, 2, 3};
  chunk.layers[0].weight = {0.5f, 0.5f, 0.9f, 0.1f};
  chunk.layers[0].logit = {0, 0, 0, 0, -20, -20, 3, 1};
  Counters counters = Counters::emptyFor(made::info(rule));
  counters.add(chunk);
  const LayerCounters& layer = counters.layers[0];
  EXPECT_EQ(layer.entropy[histogramBins - 1], 1);  // ln 4 / ln 4
  // p = (0, 0, 0.8808, 0.1192): H / ln 4 = 0.2638, in bin floor(64 * 0.2638) = 16.
  EXPECT_EQ(layer.entropy[16], 1);
  EXPECT_EQ(layer.margin[32], 1);                 // 0
  EXPECT_EQ(layer.margin[histogramBins - 1], 1);  // 21, beyond the end
  EXPECT_EQ(layer.gap[0], 1);
  EXPECT_EQ(layer.gap[51], 1);  // 0.8
}

TEST(Counters, WeightsAreExactUnitsAndDropsAreCounted) {
  made::Rule rule{.layers = 1, .experts = 4, .topK = 2, .documents = 1, .tokensPerDocument = 2};
  TraceChunk chunk = made::chunk(rule);
  chunk.layers[0].expert = {0, 1, 0, 2};
  chunk.layers[0].weight = {0.25f, 0.75f, 0.5f, 0.0f};
  Counters counters = Counters::emptyFor(made::info(rule));
  counters.add(chunk);
  EXPECT_EQ(counters.layers[0].weight, (std::vector<std::int64_t>{3 << 22, 3 << 22, 0, 0}));
  EXPECT_EQ(counters.layers[0].dropped, (std::vector<std::int64_t>{0, 0, 1, 0}));
  chunk.layers[0].weight[0] = std::numeric_limits<float>::quiet_NaN();
  counters.add(chunk);
  EXPECT_EQ(counters.layers[0].nonfinite, (std::vector<std::int64_t>{1, 0, 0, 0}));
}

TEST(Counters, FileReadsBackAndRecountingAgrees) {
  const made::Folder folder("counters-file");
  const made::Rule rule{.experts = 12, .topK = 3, .logits = true, .paddedEnds = true};
  ASSERT_TRUE(made::write(folder.path(), rule));
  auto stored = readCounters(folder.path() / "counters.h5");
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(*stored, count(made::info(rule), made::chunk(rule), {0, static_cast<std::size_t>(rule.tokens())}));
  std::filesystem::remove(folder.path() / "counters.h5");
  auto trace = Trace::open(folder.path());
  ASSERT_TRUE(trace);
  auto recounted = trace->counters();
  ASSERT_TRUE(recounted) << recounted.error().message;
  EXPECT_EQ(*recounted, *stored);
}

TEST(Counters, TablesThatNoMachineHoldsAreRefused) {
  TraceInfo info = made::info({.layers = 8, .experts = 60000, .topK = 1});
  EXPECT_FALSE(checkCountersFit(info));
  EXPECT_TRUE(checkCountersFit(made::info({.layers = 58, .experts = 256, .topK = 8, .documents = 1000})));
}

}  // namespace
}  // namespace moescope
