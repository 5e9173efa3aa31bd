// SPDX-License-Identifier: GPL-3.0-or-later
// Routing of 2,048 tokens through a model in memory, against `transformers` on the same weights, ids and threads:
//   capture_bench [PYTHON] [--threads N] [--trials N]
// PYTHON is an interpreter that has transformers (capture_peer.py beside this file's source runs in it); without it
// only our own figures. Trials are interleaved; medians. Two shapes: 4 layers, hidden 512, 64 experts of width 256, 8 a
// token; 8 of width 1792, 2 a token.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/capture/walk.h"
#include "core/model/folder.h"
#include "core/model/threads.h"
#include "core/text/windows.h"
#include "tests/bench/measuring.h"

namespace {

using namespace moescope;
namespace fs = std::filesystem;

constexpr std::int64_t tokens = 2048, vocabulary = 8192;

template <class T>
T sound(Expected<T> value) {
  if (!value) std::fprintf(stderr, "%s\n", value.error().message.c_str()), std::exit(1);
  return *std::move(value);
}
void sound(const Expected<void>& done) {
  if (!done) std::fprintf(stderr, "%s\n", done.error().message.c_str()), std::exit(1);
}

// What a capture keeps of the routing.
class Sink : public WalkVisitor {
 public:
  Expected<void> routed(std::size_t, std::int64_t, const Assignments& routed, const at::Tensor&) override {
    expert.push_back(routed.expert);
    return {};
  }
  Expected<void> end(std::span<const Batch>) override { return {}; }
  std::vector<at::Tensor> expert;  // [layer]
};

Reading readingOf(const fs::path& folder) {
  const fs::path place = folder / "corpus";
  auto writer = sound(CorpusWriter::create(place, {"d"}, false));
  std::vector<std::int32_t> ids;
  std::uint64_t state = 1;
  for (std::int64_t i = 0; i < tokens; ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    ids.push_back(std::int32_t(state >> 51));
  }
  sound(writer.add("one", 0, ids));
  sound(writer.finish(0, 1, Json::object()));
  auto corpus = std::make_unique<Corpus>(sound(Corpus::open(place)));
  auto tokenised = sound(TokenisedCorpus::open(*corpus, nullptr, tokenCacheFor(place)));
  auto windows = sound(chooseWindows(*corpus, tokenised, {.length = std::uint32_t(tokens)}));
  return {sound(WeightStore::open(folder / "model")),
          at::kCPU,
          nullptr,
          std::move(corpus),
          std::move(tokenised),
          tokens,
          std::move(windows)};
}

struct Trial {
  bench::Seconds ours, eager, grouped, body, product;
};
struct Goal {
  double wanted, aim;
};

// Of the products that a capture cannot do without: matrices of layers, the experts of all but the last, scores and
// mixing below the diagonal.
double operationsOf(const ModelConfig& config, const WeightStore& weights) {
  double operations = 0;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    double met = double(weights.layer(layer).parameters);
    if (layer + 1 < config.layers) met += double(config.moe.topK) * double(weights.expert(layer, 0).parameters);
    operations +=
        2.0 * double(tokens) * (met + double(tokens) * double(config.attention.heads * config.attention.headWidth));
  }
  return operations;
}

void compare(const ModelConfig& config, const fs::path& folder, const std::string& peerCommand, int trials,
             const Goal& goal) {
  fs::remove_all(folder);
  auto model = sound(Decoder::make(config, 1));
  sound(saveModel(model, nullptr, Json::object(), folder / "model"));
  const Reading reading = readingOf(folder);
  const auto batches = batchesOf(reading.windows, 16);
  const WalkEnd end = lastRouter(config);
  WalkPlan plan = planWalk(reading.weights, end, extentOf(batches, 0), 0);
  plan.keep = true;  // as the peer's, the weights are in memory
  ReadAhead ahead(reading.weights, readingChoice(plan));
  QuietJob job(folder / "job");
  Sink sink;
  sound(walk(reading, batches, end, plan, ahead, sink, job));
  // The peer routes the same tokens to the same experts, or the comparison means nothing.
  {
    at::Tensor chosen = at::stack(sink.expert).to(at::kInt).contiguous();
    std::vector<std::int32_t> flat(chosen.const_data_ptr<std::int32_t>(),
                                   chosen.const_data_ptr<std::int32_t>() + chosen.numel());
    FILE* file = std::fopen((folder / "experts.i32").c_str(), "wb");
    std::fwrite(flat.data(), 4, flat.size(), file);
    std::fclose(file);
  }
  std::printf("\n%lld layers, hidden %lld, %lld experts of width %lld, %lld a token; %lld tokens, %d threads\n",
              static_cast<long long>(config.layers), static_cast<long long>(config.hidden),
              static_cast<long long>(config.moe.experts), static_cast<long long>(config.moe.expertWidth),
              static_cast<long long>(config.moe.topK), static_cast<long long>(tokens), at::get_num_threads());
  std::unique_ptr<bench::Peer> peer;
  if (!peerCommand.empty()) {
    peer = std::make_unique<bench::Peer>(peerCommand + " " + folder.string() + " " +
                                         std::to_string(at::get_num_threads()));
    std::printf("same experts as the peer: %.4f of choices\n", peer->ask("agreement").wall);
  }
  const at::Tensor left = at::rand({2048, 2048}), right = at::rand({2048, 2048});
  bench::Trials ours, body, eager, grouped, product;
  for (int trial = 0; trial < trials + 1; ++trial) {
    Trial one;
    one.ours = bench::measured([&] {
      Sink again;
      sound(walk(reading, batches, end, plan, ahead, again, job));
    });
    if (peer) one.eager = peer->ask("eager"), one.grouped = peer->ask("grouped_mm"), one.body = peer->ask("body");
    one.product = bench::measured([&] { at::mm(left, right); });
    if (trial == 0) continue;  // the first fills caches
    ours.add(one.ours), eager.add(one.eager), grouped.add(one.grouped), body.add(one.body), product.add(one.product);
  }
  const double rate = 2 * std::pow(2048.0, 3) / product.wall(), operations = operationsOf(config, reading.weights);
  std::printf(
      "capture %.0f ms (%.0f..%.0f), %.0f ms of processors; sgemm of 2048^3 %.0f GF/s, products here %.0f: %.0f %%\n",
      1e3 * ours.wall(), 1e3 * ours.best(), 1e3 * ours.worst(), 1e3 * ours.processor(), rate / 1e9,
      operations / ours.wall() / 1e9, 100 * operations / ours.wall() / rate);
  if (!peer) return;
  std::printf(
      "transformers eager %.0f ms (%.0f of processors), grouped_mm %.0f (%.0f), the faster without its head %.0f "
      "(%.0f): %.2f times\n",
      1e3 * eager.wall(), 1e3 * eager.processor(), 1e3 * grouped.wall(), 1e3 * grouped.processor(), 1e3 * body.wall(),
      1e3 * body.processor(), body.wall() / ours.wall());
  bench::line("capture, E " + std::to_string(config.moe.experts) + ", against transformers",
              std::min(eager.wall(), grouped.wall()) / ours.wall(),
              std::min(eager.processor(), grouped.processor()) / ours.processor(), goal.wanted, goal.aim);
  fs::remove_all(folder);
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  int threads = 0, trials = 7;
  std::string python;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--threads" && i + 1 < argc)
      threads = std::atoi(argv[++i]);
    else if (word == "--trials" && i + 1 < argc)
      trials = std::max(5, std::atoi(argv[++i]));
    else
      python = word;
  }
  useThreads(threads);
  const std::string peer = python.empty() ? "" : python + " -B " MOESCOPE_SOURCE_DIR "/tests/bench/capture_peer.py";
  const fs::path folder = fs::temp_directory_path() / ("capture_bench." + std::to_string(::getpid()));
  ModelConfig config{};
  config.vocabulary = vocabulary;
  config.hidden = 512;
  config.layers = 4;
  config.length = tokens;
  config.attention.heads = config.attention.keyHeads = 8;
  config.attention.headWidth = 64;
  config.moe.experts = 64;
  config.moe.topK = 8;
  config.moe.expertWidth = 256;
  config.attention.qkNorm = QkNorm::head;
  compare(config, folder, peer, trials, {1.5, 2});
  config.attention.qkNorm = QkNorm::none;
  config.moe.experts = 8;
  config.moe.topK = 2;
  config.moe.expertWidth = 1792;
  compare(config, folder, peer, trials, {1.1, 1.3});
}
