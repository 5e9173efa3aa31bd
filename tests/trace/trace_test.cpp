// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <fstream>

#include "core/base/digest.h"
#include "core/study/hdf5.h"
#include "core/trace/segment.h"
#include "tests/trace/made_trace.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

TEST(Trace, ReadsBackWhatWasWritten) {
  const made::Folder folder("trace-read");
  const made::Rule rule{.loss = true, .logits = true};
  ASSERT_TRUE(made::write(folder.path(), rule));
  auto trace = Trace::open(folder.path());
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->info(), made::info(rule));
  const TraceChunk written = made::chunk(rule);
  auto read = trace->read(0, trace->tokens(), Trace::loss | Trace::weights | Trace::logits);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->id, written.id);
  EXPECT_EQ(read->next, written.next);
  EXPECT_EQ(read->domain, written.domain);
  EXPECT_EQ(read->document, written.document);
  EXPECT_EQ(read->position, written.position);
  EXPECT_EQ(read->tokenClass, written.tokenClass);
  EXPECT_EQ(read->loss, written.loss);
  for (std::size_t layer = 0; layer < written.layers.size(); ++layer) {
    EXPECT_EQ(read->layers[layer].expert, written.layers[layer].expert);
    EXPECT_EQ(read->layers[layer].weight, written.layers[layer].weight);
    EXPECT_EQ(read->layers[layer].logit, written.layers[layer].logit);  // multiples of 1/512 below 4 fit half precision
  }
  auto some = trace->read(17, 5, 0, {1});
  ASSERT_TRUE(some);
  EXPECT_EQ(some->layers.size(), 1u);
  EXPECT_EQ(some->layers[0].expert, made::part(written, 17, 5).layers[1].expert);
  EXPECT_TRUE(some->layers[0].weight.empty());
  EXPECT_FALSE(trace->read(rule.tokens() - 1, 2));
  EXPECT_FALSE(trace->read(0, 1, 0, {2}));
}

TEST(Trace, HoldsWhatTheModelPredicted) {
  const made::Folder folder("trace-predicted");
  const made::Rule rule{.documents = 5};
  TraceInfo info = made::info(rule);
  info.hasPredicted = true;
  TraceChunk chunk = made::chunk(rule);
  EXPECT_FALSE(TraceWriter::open(folder.path() / "lacks", info)->append(chunk));
  Vocabulary words = made::vocabulary();
  words.id.push_back(500);  // nothing but a prediction
  words.bytes.push_back("never read");
  for (std::size_t token = 0; token < chunk.tokens(); ++token) chunk.predicted.push_back(token == 33 ? 500 : 7);
  auto writer = TraceWriter::open(folder.path() / "t", info);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->append(made::part(chunk, 0, 40)));
  ASSERT_TRUE(writer->closeSegment());  // finish() joins the segments again
  ASSERT_TRUE(writer->append(made::part(chunk, 40, chunk.tokens() - 40)));
  ASSERT_TRUE(writer->finish(words));
  auto trace = Trace::open(folder.path() / "t");
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_TRUE(trace->info().hasPredicted);
  EXPECT_EQ(trace->read(0, trace->tokens(), Trace::predicted)->predicted, chunk.predicted);
  EXPECT_TRUE(trace->read(0, 5)->predicted.empty());
  ASSERT_NE(trace->vocabulary()->find(500), nullptr);
  EXPECT_FALSE(TraceWriter::open(folder.path() / "not", made::info(rule))->append(chunk));
}

TEST(Trace, ExpertsBeyond255AndMissingExpertsKeepTheirNumbers) {
  const made::Folder folder("trace-wide");
  for (std::int64_t experts : {std::int64_t{255}, std::int64_t{256}, std::int64_t{300}}) {
    made::Rule rule{.layers = 1, .experts = experts, .topK = 3, .documents = 2};
    TraceChunk chunk = made::chunk(rule);
    chunk.layers[0].expert[0] = static_cast<std::uint16_t>(experts - 1);
    chunk.layers[0].expert[2] = noExpert;
    const fs::path place = folder.path() / std::to_string(experts);
    auto writer = TraceWriter::open(place, made::info(rule));
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->append(chunk));
    ASSERT_TRUE(writer->finish({}));
    auto trace = Trace::open(place);
    ASSERT_TRUE(trace) << trace.error().message;
    auto read = trace->read(0, trace->tokens());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->layers[0].expert, chunk.layers[0].expert);
    auto counters = trace->counters();
    ASSERT_TRUE(counters);
    std::int64_t assignments = 0;
    for (std::int64_t count : counters->layers[0].count) assignments += count;
    EXPECT_EQ(assignments, rule.tokens() * 3 - 1);
  }
}

TEST(Trace, VocabularyHoldsTheIdsThatOccur) {
  const made::Folder folder("trace-words");
  const made::Rule rule{.documents = 1, .tokensPerDocument = 5};
  ASSERT_TRUE(made::write(folder.path(), rule));
  auto trace = Trace::open(folder.path());
  ASSERT_TRUE(trace);
  auto words = trace->vocabulary();
  ASSERT_TRUE(words) << words.error().message;
  for (std::int32_t id : made::chunk(rule).id) {
    ASSERT_NE(words->find(id), nullptr);
    EXPECT_EQ(*words->find(id), made::word(id));
  }
  EXPECT_LE(words->id.size(), 5u);
  EXPECT_EQ(words->find(-1), nullptr);
}

TEST(Trace, ADenseModelHasNoLayers) {
  const made::Folder folder("trace-dense");
  const made::Rule rule{.layers = 0};
  ASSERT_TRUE(made::write(folder.path(), rule));
  auto trace = Trace::open(folder.path());
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_TRUE(trace->info().layers.empty());
  auto counters = trace->counters();
  ASSERT_TRUE(counters) << counters.error().message;
  EXPECT_EQ(counters->tokens, rule.tokens());
}

TEST(Trace, AnEmptyTraceOpens) {
  const made::Folder folder("trace-empty");
  const made::Rule rule{.documents = 0};
  ASSERT_TRUE(made::write(folder.path(), rule));
  auto trace = Trace::open(folder.path());
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->tokens(), 0u);
  EXPECT_TRUE(trace->read(0, 0));
}

// A file of h5py's habits, made by tests/reference/h5py_trace.py.
TEST(Trace, ReadsWhatOthersWroteWithH5py) {
  auto trace = Trace::open(std::string(MOESCOPE_SOURCE_DIR) + "/tests/reference/h5py_trace");
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->info().phase, "decode");
  EXPECT_EQ(trace->info().domains, (std::vector<std::string>{"alpha", "bêta"}));
  EXPECT_TRUE(trace->info().layers[1].renormalised);
  EXPECT_EQ(trace->info().layers[1].block, 2);
  auto chunk = trace->read(0, 20, Trace::weights);
  ASSERT_TRUE(chunk) << chunk.error().message;
  for (std::size_t token = 0; token < 20; ++token)
    for (std::size_t layer = 0; layer < 2; ++layer) {
      const std::size_t first = (3 * token + layer) % 6;
      EXPECT_EQ(chunk->layers[layer].expert[2 * token], first);
      EXPECT_EQ(chunk->layers[layer].expert[2 * token + 1], token % 4 == 3 ? noExpert : (first + 2) % 6);
      EXPECT_EQ(chunk->layers[layer].weight[2 * token], 0.75f);
    }
  auto counters = trace->counters();
  ASSERT_TRUE(counters) << counters.error().message;
  EXPECT_EQ(counters->layers[0].rank, (std::vector<std::int64_t>{10, 0, 0, 10, 0, 0, 0, 0, 10, 0, 0, 5}));
  EXPECT_TRUE(trace->vocabulary()->id.empty());
}

// Interrupted after any number of tokens, in pieces of any size: the same bytes.
TEST(TraceWriter, ResumingGivesTheBytesOfAnUninterruptedRun) {
  const made::Folder folder("trace-resume");
  const made::Rule rule{.documents = 60,
                        .tokensPerDocument = 400,
                        .loss = true,
                        .logits = true,
                        .paddedEnds = true};  // 24000: three blocks
  ASSERT_TRUE(made::write(folder.path() / "whole", rule));
  const TraceChunk all = made::chunk(rule);
  const std::size_t step = 777;
  for (std::size_t closeAfter : {1u, 9u, 14u}) {
    const fs::path place = folder.path() / ("close" + std::to_string(closeAfter));
    for (bool done = false; !done;) {
      auto writer = TraceWriter::open(place, made::info(rule));
      ASSERT_TRUE(writer) << writer.error().message;
      std::size_t at = writer->tokensWritten();
      for (std::size_t pieces = 0; pieces < closeAfter && at < all.tokens(); ++pieces) {
        const std::size_t count = std::min(step, all.tokens() - at);
        ASSERT_TRUE(writer->append(made::part(all, at, count)));
        at += count;
      }
      ASSERT_EQ(writer->tokensWritten(), at);
      ASSERT_TRUE(writer->closeSegment());
      if (at < all.tokens()) {  // killed in the middle of the next segment
        ASSERT_TRUE(writer->append(made::part(all, at, 1)));
        continue;
      }
      ASSERT_TRUE(writer->finish(made::vocabulary()));
      done = true;
    }
    EXPECT_EQ(*contentDigest(place), *contentDigest(folder.path() / "whole")) << closeAfter;
  }
}

TEST(TraceWriter, SegmentsEndAt2To20Tokens) {
  const made::Folder folder("trace-segments");
  const made::Rule rule{.layers = 1, .experts = 4, .topK = 1, .documents = 3, .tokensPerDocument = 400000};
  ASSERT_TRUE(made::write(folder.path() / "whole", rule));
  EXPECT_TRUE(fs::exists(folder.path() / "whole/0001.h5"));
  EXPECT_FALSE(fs::exists(folder.path() / "whole/0002.h5"));
  auto trace = Trace::open(folder.path() / "whole");
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->tokens(), 1200000u);
  auto across = trace->read(tokensPerSegment - 3, 6);
  ASSERT_TRUE(across);
  const TraceChunk all = made::chunk(rule);
  EXPECT_EQ(across->layers[0].expert, made::part(all, tokensPerSegment - 3, 6).layers[0].expert);
  // Stopped in the first segment and gone on: merged to the same two.
  for (std::size_t first : {std::size_t{0}, std::size_t{300000}, std::size_t{1100000}}) {
    auto writer = TraceWriter::open(folder.path() / "again", made::info(rule));
    ASSERT_TRUE(writer);
    ASSERT_EQ(writer->tokensWritten(), first);
    const std::size_t end = first == 0 ? 300000 : first == 300000 ? 1100000 : 1200000;
    ASSERT_TRUE(writer->append(made::part(all, first, end - first)));
    ASSERT_TRUE(end < 1200000 ? writer->closeSegment() : writer->finish(made::vocabulary()));
  }
  EXPECT_EQ(*contentDigest(folder.path() / "again"), *contentDigest(folder.path() / "whole"));
}

TEST(TraceWriter, RefusesSegmentsOfAnotherTraceAndWrongChunks) {
  const made::Folder folder("trace-other");
  ASSERT_TRUE(made::write(folder.path(), made::Rule{}));
  auto other = TraceWriter::open(folder.path(), made::info({.experts = 9}));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::input);
  auto writer = TraceWriter::open(folder.path() / "new", made::info(made::Rule{}));
  ASSERT_TRUE(writer);
  TraceChunk chunk = made::chunk(made::Rule{});
  chunk.layers[1].expert[3] = 8;  // of 8
  EXPECT_FALSE(writer->append(chunk));
  chunk = made::chunk(made::Rule{});
  chunk.domain.pop_back();
  EXPECT_FALSE(writer->append(chunk));
}

}  // namespace
}  // namespace moescope
