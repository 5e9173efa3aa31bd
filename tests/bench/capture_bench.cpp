// SPDX-License-Identifier: GPL-3.0-or-later
// Routing of 2,048 tokens through a model in memory, against `transformers` on the same weights, ids and threads:
//   capture_bench PYTHON [--threads N] [--trials N]
// PYTHON is an interpreter that has transformers (capture_peer.py beside this file's source runs in it). Trials are
// interleaved; medians. Two shapes: 4 layers, hidden 512, 64 experts of width 256, 8 a token; 8 of width 1792, 2 a
// token.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
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

namespace {

using namespace moescope;
namespace fs = std::filesystem;

constexpr std::int64_t tokens = 2048, vocabulary = 8192;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <class T>
T sound(Expected<T> value) {
  if (!value) std::fprintf(stderr, "%s\n", value.error().message.c_str()), std::exit(1);
  return *std::move(value);
}
void sound(const Expected<void>& done) {
  if (!done) std::fprintf(stderr, "%s\n", done.error().message.c_str()), std::exit(1);
}

// The peer's process: one line in, one line out.
class Peer {
 public:
  explicit Peer(const std::string& command) : in_(nullptr), out_(nullptr) {
    int to[2], from[2];
    if (::pipe(to) != 0 || ::pipe(from) != 0) std::exit(1);
    if (::fork() == 0) {
      ::dup2(to[0], 0), ::dup2(from[1], 1);
      ::close(to[1]), ::close(from[0]);
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      std::_Exit(127);
    }
    ::close(to[0]), ::close(from[1]);
    in_ = ::fdopen(to[1], "w"), out_ = ::fdopen(from[0], "r");
  }
  ~Peer() { std::fclose(in_), std::fclose(out_); }
  // Seconds of one forward, or whatever number the peer answers with.
  double ask(const std::string& what) {
    std::fprintf(in_, "%s\n", what.c_str());
    std::fflush(in_);
    char line[256];
    if (!std::fgets(line, sizeof line, out_)) std::fprintf(stderr, "the peer has ended\n"), std::exit(1);
    return std::atof(line);
  }

 private:
  FILE *in_, *out_;
};

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

void compare(const ModelConfig& config, const fs::path& folder, const std::string& peerCommand, int trials) {
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
  Peer peer(peerCommand + " " + folder.string() + " " + std::to_string(at::get_num_threads()));
  std::printf("\n%lld layers, hidden %lld, %lld experts of width %lld, %lld a token; %lld tokens, %d threads\n",
              static_cast<long long>(config.layers), static_cast<long long>(config.hidden),
              static_cast<long long>(config.moe.experts), static_cast<long long>(config.moe.expertWidth),
              static_cast<long long>(config.moe.topK), static_cast<long long>(tokens), at::get_num_threads());
  std::printf("same experts as the peer: %.4f of choices\n", peer.ask("agreement"));
  const at::Tensor left = at::rand({2048, 2048}), right = at::rand({2048, 2048});
  std::vector<double> ours, body, eager, grouped, product;
  for (int trial = 0; trial < trials + 1; ++trial) {
    double start = now();
    Sink again;
    sound(walk(reading, batches, end, plan, ahead, again, job));
    const double own = now() - start;
    const double eagerSeconds = peer.ask("eager"), groupedSeconds = peer.ask("grouped_mm"),
                 bodySeconds = peer.ask("body");
    start = now();
    at::mm(left, right);
    const double products = now() - start;
    if (trial == 0) continue;  // the first fills caches
    ours.push_back(own), eager.push_back(eagerSeconds), grouped.push_back(groupedSeconds), body.push_back(bodySeconds);
    product.push_back(products);
  }
  const double seconds = median(ours), rate = 2 * std::pow(2048.0, 3) / median(product);
  double operations = 0;
  for (std::int64_t layer = 0; layer < config.layers; ++layer)
    operations +=
        2.0 * double(tokens) *
        (double(reading.weights.layer(layer).parameters) +
         (layer + 1 < config.layers ? double(config.moe.topK) * double(reading.weights.expert(layer, 0).parameters)
                                    : 0));
  const double best = std::min({median(eager), median(grouped), median(body)});
  std::printf(
      "capture %.0f ms (%.0f..%.0f); transformers eager %.0f, grouped_mm %.0f, the faster without its head %.0f ms\n",
      1e3 * seconds, 1e3 * *std::min_element(ours.begin(), ours.end()),
      1e3 * *std::max_element(ours.begin(), ours.end()), 1e3 * median(eager), 1e3 * median(grouped),
      1e3 * median(body));
  std::printf(
      "%.2f times the faster of eager and grouped_mm, %.2f times without the head; sgemm of 2048^3 %.0f GF/s, "
      "products here %.0f GF/s: %.0f %%\n",
      std::min(median(eager), median(grouped)) / seconds, best / seconds, rate / 1e9, operations / seconds / 1e9,
      100 * operations / seconds / rate);
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
  if (python.empty()) return std::fprintf(stderr, "capture_bench: name a Python that has transformers\n"), 2;
  useThreads(threads);
  const std::string peer = python + " -B " MOESCOPE_SOURCE_DIR "/tests/bench/capture_peer.py";
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
  compare(config, folder, peer, trials);
  config.attention.qkNorm = QkNorm::none;
  config.moe.experts = 8;
  config.moe.topK = 2;
  config.moe.expertWidth = 1792;
  compare(config, folder, peer, trials);
}
