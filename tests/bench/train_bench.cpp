// SPDX-License-Identifier: GPL-3.0-or-later
// A step of training against `transformers` with the same sizes and threads, the share of this machine's matrix
// products that it reaches, and where the time goes:
//   train_bench [PYTHON] [--threads N] [--steps N] [KEY=VALUE of train.lm ...]
// PYTHON is an interpreter that has transformers (train_peer.py beside this file's source runs in it); without it only
// our own figures. Trials are interleaved; medians. The shape without arguments: 4 layers, hidden 128, 8 experts of
// width 256, 2 a token, 16 x 128 tokens.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <ATen/record_function.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/model/threads.h"
#include "core/training/step.h"
#include "tests/bench/measuring.h"

namespace {

using namespace moescope;

// Ids from a fixed multiplicative sequence: what they are does not change the time.
Batch someBatch(std::int64_t rows, std::int64_t length) {
  Batch batch{.rows = rows, .length = length};
  std::uint64_t state = 1;
  for (std::int64_t place = 0; place < rows * length; ++place) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    batch.id.push_back(std::int64_t(state >> 56));
    batch.next.push_back(std::int64_t((state >> 48) & 255));
    batch.real.push_back(1);
  }
  return batch;
}

// Seconds that each operator of LibTorch, and each of ours that learns, took by itself, without those it called.
class Stages {
 public:
  Stages() {
    at::RecordFunctionCallback callback(&Stages::begin, &Stages::end);
    handle_ = at::addGlobalCallback(callback.scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
  }
  ~Stages() { at::removeCallback(handle_); }

  void print(int steps, std::size_t most) const {
    std::vector<std::pair<std::string, double>> all(seconds.begin(), seconds.end());
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    double sum = 0, rest = 0;
    for (const auto& [name, took] : all) sum += took;
    std::printf("%8s %7s  operator (one thread's own time, while watched)\n", "ms", "share");
    for (std::size_t i = 0; i < all.size(); ++i)
      if (i < most)
        std::printf("%8.2f %6.1f%%  %s\n", 1e3 * all[i].second / steps, 100 * all[i].second / sum,
                    all[i].first.c_str());
      else
        rest += all[i].second;
    std::printf("%8.2f %6.1f%%  %zu more\n", 1e3 * rest / steps, 100 * rest / sum,
                all.size() - std::min(most, all.size()));
  }

 private:
  struct Started : at::ObserverContext {
    double at = 0;
  };
  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction&) {
    auto started = std::make_unique<Started>();
    started->at = bench::clockNow(CLOCK_MONOTONIC);
    inner.push_back(0);
    return started;
  }
  static void end(const at::RecordFunction& function, at::ObserverContext* context) {
    const double took = bench::clockNow(CLOCK_MONOTONIC) - static_cast<Started*>(context)->at;
    const double own = took - inner.back();
    inner.pop_back();
    if (!inner.empty()) inner.back() += took;
    const std::lock_guard lock(mutex);
    seconds[function.name()] += own;
  }

  at::CallbackHandle handle_;
  static thread_local std::vector<double> inner;  // of the calls that each open one made
  static std::mutex mutex;
  static std::map<std::string, double> seconds;
};
thread_local std::vector<double> Stages::inner;
std::mutex Stages::mutex;
std::map<std::string, double> Stages::seconds;

struct Options {
  std::string python;
  int threads = 0, steps = 20;
  Json given{{"expert_width", 256}};
};

int run(const Options& options) {
  const auto set = checkParameters(trainingParameters(), options.given);
  if (!set) return std::fprintf(stderr, "%s\n", set.error().message.c_str()), 2;
  const auto settings = trainingSettings(*set);
  const auto config = modelConfigOf(*set, 256);
  if (!settings || !config)
    return std::fprintf(stderr, "%s\n", (settings ? config.error() : settings.error()).message.c_str()), 2;
  auto model = Decoder::make(*config, 1);
  Stepper stepper(*model, *settings);
  const Batch batch = someBatch(settings->batch, settings->length);
  const BatchTensors tensors = tensorsOf(batch, model->device());
  std::int64_t made = 0;
  const auto step = [&] {
    const auto report = stepper.make(++made, batch, {settings->schedule.peak, settings->balance, settings->zLoss});
    if (!report) std::fprintf(stderr, "%s\n", report.error().message.c_str()), std::exit(1);
  };
  std::unique_ptr<bench::Peer> peer;
  if (!options.python.empty())
    peer = std::make_unique<bench::Peer>(
        fmt::format("{} -B " MOESCOPE_SOURCE_DIR "/tests/bench/train_peer.py {} {} {} {} {} {} {} {} {}",
                    options.python, at::get_num_threads(), config->layers, config->hidden, config->attention.heads,
                    config->moe.experts, config->moe.topK, config->moe.expertWidth, settings->batch, settings->length));
  const at::Tensor left = at::rand({1024, 1024}), right = at::rand({1024, 1024});
  bench::Trials training, forward, eager, grouped, product;
  for (int trial = 0; trial < options.steps + 3; ++trial) {
    const bench::Seconds ours = bench::measured(step);
    const bench::Seconds theirs = peer ? peer->ask("eager") : bench::Seconds{};
    const bench::Seconds also = peer ? peer->ask("grouped_mm") : bench::Seconds{};
    const bench::Seconds one = bench::measured([&] { at::mm(left, right); });
    const bench::Seconds only = bench::measured([&] {
      at::NoGradGuard quiet;
      model->forward(tensors.id);
    });
    if (trial < 3) continue;  // the first ones fill caches
    training.add(ours), eager.add(theirs), grouped.add(also), product.add(one), forward.add(only);
  }
  const double tokens = double(batch.tokens()), rate = 2 * std::pow(1024.0, 3) / product.wall();
  const double operations = 6 * double(sizeOf(*config).active) * tokens;
  std::printf(
      "\nE %lld k %lld width %lld, hidden %lld, %lld layers, %lld x %lld tokens; parameters %lld, active %lld; %d "
      "threads\n",
      static_cast<long long>(config->moe.experts), static_cast<long long>(config->moe.topK),
      static_cast<long long>(config->moe.expertWidth), static_cast<long long>(config->hidden),
      static_cast<long long>(config->layers), static_cast<long long>(settings->batch),
      static_cast<long long>(settings->length), static_cast<long long>(sizeOf(*config).parameters),
      static_cast<long long>(sizeOf(*config).active), at::get_num_threads());
  std::printf(
      "training %.1f ms a step (%.1f..%.1f), %.1f of processors, %.0f tokens/s; %.0f %% of an sgemm's %.0f GF/s\n",
      1e3 * training.wall(), 1e3 * training.best(), 1e3 * training.worst(), 1e3 * training.processor(),
      tokens / training.wall(), 100 * operations / training.wall() / rate, rate / 1e9);
  std::printf("forward  %.1f ms a batch, %.1f of processors\n", 1e3 * forward.wall(), 1e3 * forward.processor());
  if (peer) {
    std::printf("transformers eager %.1f ms (%.1f of processors), grouped_mm %.1f (%.1f)\n", 1e3 * eager.wall(),
                1e3 * eager.processor(), 1e3 * grouped.wall(), 1e3 * grouped.processor());
    const bool fine = config->moe.experts >= 64;
    bench::line(fmt::format("training step, E {}, against transformers", config->moe.experts),
                std::min(eager.wall(), grouped.wall()) / training.wall(),
                std::min(eager.processor(), grouped.processor()) / training.processor(), fine ? 2 : 1.3,
                fine ? 2.5 : 1.8);
  }
  const Stages stages;
  for (int trial = 0; trial < options.steps; ++trial) step();
  stages.print(options.steps, 16);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--threads" && i + 1 < argc)
      options.threads = std::atoi(argv[++i]);
    else if (word == "--steps" && i + 1 < argc)
      options.steps = std::max(5, std::atoi(argv[++i]));
    else if (const auto at = word.find('='); at != std::string::npos)
      options.given[word.substr(0, at)] = word.substr(at + 1);
    else
      options.python = word;
  }
  useThreads(options.threads);
  return run(options);
}
