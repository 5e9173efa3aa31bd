// SPDX-License-Identifier: GPL-3.0-or-later
// Tokens per second of training and of a forward, and the share of this machine's matrix products that training
// reaches:
//   train_bench [--threads N] [--steps N] [KEY=VALUE of train.lm ...]
// The shape without arguments: 4 layers, hidden 128, 8 experts of width 256, 2 a token, 16 x 128 tokens.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/model/threads.h"
#include "core/training/step.h"

namespace {

using namespace moescope;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

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

double median(std::vector<double> seconds) {
  std::nth_element(seconds.begin(), seconds.begin() + std::ptrdiff_t(seconds.size() / 2), seconds.end());
  return seconds[seconds.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  int threads = 0, steps = 20;
  Json given{{"expert_width", 256}};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--threads" && i + 1 < argc)
      threads = std::atoi(argv[++i]);
    else if (word == "--steps" && i + 1 < argc)
      steps = std::max(1, std::atoi(argv[++i]));
    else if (const auto at = word.find('='); at != std::string::npos)
      given[word.substr(0, at)] = word.substr(at + 1);
    else
      return std::fprintf(stderr, "train_bench: what is %s?\n", argv[i]), 2;
  }
  useThreads(threads);
  const auto set = checkParameters(trainingParameters(), given);
  if (!set) return std::fprintf(stderr, "%s\n", set.error().message.c_str()), 2;
  const auto settings = trainingSettings(*set);
  const auto config = modelConfigOf(*set, 256);
  if (!settings || !config)
    return std::fprintf(stderr, "%s\n", (settings ? config.error() : settings.error()).message.c_str()), 2;
  auto model = Decoder::make(*config, 1);
  Stepper stepper(*model, *settings);
  const Batch batch = someBatch(settings->batch, settings->length);
  const BatchTensors tensors = tensorsOf(batch, model->device());

  std::vector<double> training, forward;
  for (int step = 1; step <= steps + 3; ++step) {
    const double start = now();
    if (const auto made = stepper.make(step, batch, {settings->schedule.peak, settings->balance, settings->zLoss});
        !made)
      return std::fprintf(stderr, "%s\n", made.error().message.c_str()), 1;
    if (step > 3) training.push_back(now() - start);  // the first ones fill caches
  }
  for (int trial = 0; trial < steps; ++trial) {
    at::NoGradGuard quiet;
    const double start = now();
    model->forward(tensors.id);
    forward.push_back(now() - start);
  }
  const double tokens = double(batch.tokens()), seconds = median(training), rate = measuredRate();
  const double operations = 6 * double(sizeOf(*config).active) * tokens;
  std::printf("parameters %lld, active %lld, threads %d\n", static_cast<long long>(sizeOf(*config).parameters),
              static_cast<long long>(sizeOf(*config).active), at::get_num_threads());
  std::printf("training %.1f ms a step, %.0f tokens/s, %.0f %% of %.0f Gop/s\n", 1e3 * seconds, tokens / seconds,
              100 * operations / seconds / rate, rate / 1e9);
  std::printf("forward  %.1f ms a batch, %.0f tokens/s\n", 1e3 * median(forward), tokens / median(forward));
}
