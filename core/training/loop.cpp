// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/loop.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/study/run_file.h"
#include "core/training/probe.h"
#include "core/training/snapshot.h"
#include "core/training/state.h"
#include "core/training/step.h"
#include "core/training/token_loss.h"

namespace moescope {
namespace {

constexpr std::uint64_t probeTokens = 2048;
constexpr std::int64_t promptTokens = 24, sampleTokens = 72;
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The course of one training: what steps need between them.
class Loop {
 public:
  static Expected<Loop> open(TrainingParts& parts, const TrainingSettings& settings, Job& job);
  Expected<TrainingEnd> run();

 private:
  Loop(TrainingParts& parts, const TrainingSettings& settings, Job& job, BatchSource batches, RunWriter run)
      : parts_(parts),
        settings_(settings),
        job_(job),
        batches_(std::move(batches)),
        run_(std::move(run)),
        stepper_(parts.model, settings) {}

  Expected<void> chooseHeldOut();
  Expected<void> resume(const ResumeState& state);
  Expected<void> keepState();
  Expected<bool> applyEvents(std::int64_t step);  // true: a snapshot was asked for
  Expected<void> validate(std::vector<Metric>& metrics);
  Expected<void> sample(std::int64_t step);
  Expected<void> makeStep(std::int64_t step);
  std::vector<NamedTensor> tensors();

  TrainingParts& parts_;
  const TrainingSettings& settings_;
  Job& job_;
  BatchSource batches_;
  RunWriter run_;
  Stepper stepper_;
  LiveValues live_;
  std::vector<Window> validation_;
  std::optional<Probe> probe_;
  std::int64_t made_ = 0;     // steps whose row is in the run
  std::int64_t updated_ = 0;  // steps that changed the weights: one ahead while validation and sample are made
  std::int64_t resumedAfter_ = std::numeric_limits<std::int64_t>::min();
  double loss_ = unknown, validationLoss_ = unknown;
  double keptAt_ = 0, keepingTook_ = 0;
};

Expected<Loop> Loop::open(TrainingParts& parts, const TrainingSettings& settings, Job& job) {
  TRY(batches, BatchSource::open(parts.corpus, parts.ids,
                                 {.seed = settings.seed,
                                  .rows = settings.batch,
                                  .length = settings.length,
                                  .domainTemperature = settings.domainTemperature}));
  TRY(state, loadState(job.state()));
  TRY(run, RunWriter::open(job.place("run"), state ? state->step : 0));
  Loop loop(parts, settings, job, std::move(batches), std::move(run));
  loop.live_ = {settings.schedule.peak, settings.balance, settings.zLoss};
  TRY_DO(loop.chooseHeldOut());
  if (state)
    TRY_DO(loop.resume(*state));
  else  // a run says what it is wherever it is taken to
    TRY_DO(loop.run_.event(0, {{"kind", "start"}, {"settings", parts.record.value("set", Json::object())}}));
  loop.keptAt_ = now();
  return loop;
}

Expected<void> Loop::chooseHeldOut() {
  const std::uint64_t held = parts_.ids.tokens(Split::validation), length = std::uint64_t(settings_.length);
  // The same held-out text for every seed: seeds are compared on it.
  BatchChoice choice{.split = Split::validation, .seed = 0, .length = settings_.length};
  auto source = BatchSource::open(parts_.corpus, parts_.ids, choice);
  if (source && settings_.validationTokens > 0 && std::uint64_t(settings_.validationTokens) < held) {
    validation_ = source->evenly((std::uint64_t(settings_.validationTokens) + length - 1) / length);
  } else if (source) {
    TRY_ASSIGN(validation_,
               chooseWindows(parts_.corpus, parts_.ids, {.length = std::uint32_t(length), .split = Split::validation}));
  } else {
    job_.log("info", "The corpus has no validation split, so there is no validation loss.");
    choice.split = Split::train;
    source = BatchSource::open(parts_.corpus, parts_.ids, choice);
    if (!source) return source.error();
  }
  TRY_ASSIGN(probe_, Probe::open(parts_.corpus, parts_.ids,
                                 source->evenly(std::max<std::uint64_t>(1, probeTokens / length)), settings_.length));
  return {};
}

std::vector<NamedTensor> Loop::tensors() {
  std::vector<NamedTensor> all = stepper_.optimiser().state();
  for (const NamedTensor& parameter : parts_.model.parameters())
    all.push_back({"model." + parameter.name, parameter.value});
  for (const NamedTensor& buffer : parts_.model.buffers()) all.push_back({"model." + buffer.name, buffer.value});
  return all;
}

Expected<void> Loop::resume(const ResumeState& state) {
  TRY_DO(restore(state, tensors()));
  std::map<std::string, at::Tensor> seen;
  for (const auto& [name, tensor] : state.tensors)
    if (name.starts_with("probe.")) seen.emplace(name, tensor);
  probe_->resume(std::move(seen));
  made_ = updated_ = resumedAfter_ = state.step;
  live_ = {state.facts.value("learning_rate", live_.learningRate), state.facts.value("balance", live_.balance),
           state.facts.value("z_loss", live_.zLoss)};
  loss_ = realFromJson(state.facts.value("loss", Json()));
  validationLoss_ = realFromJson(state.facts.value("validation_loss", Json()));
  job_.log("info", fmt::format("Going on after step {} of {}.", made_, settings_.steps));
  // Whoever follows this job sees the whole run, not what comes from here on.
  TRY_DO(forEachStep(job_.place("run"),
                     [&](std::int64_t step, std::span<const Metric> metrics) { job_.emit(step, metrics); }));
  return {};
}

Expected<void> Loop::keepState() {
  const double start = now();
  TRY_DO(run_.closeSegment());
  ResumeState state{.step = made_,
                    .facts = {{"learning_rate", live_.learningRate},
                              {"balance", live_.balance},
                              {"z_loss", live_.zLoss},
                              {"loss", jsonReal(loss_)},
                              {"validation_loss", jsonReal(validationLoss_)}},
                    .tensors = probe_->seen()};
  for (const NamedTensor& tensor : tensors()) state.tensors.emplace(tensor.name, tensor.value);
  TRY_DO(saveState(state, job_.state()));
  keptAt_ = now();
  keepingTook_ = keptAt_ - start;
  return {};
}

Expected<bool> Loop::applyEvents(std::int64_t step) {
  bool snapshot = false, paused = false;
  do {
    if (job_.cancelled()) return cancelledError();
    for (const LiveEvent& event : job_.events(step)) {
      if (event.step <= resumedAfter_) continue;  // is in the state already
      Json changes = Json::object();
      for (const auto& [name, value] : event.set->items()) {
        double* target = name == "learning_rate" ? &live_.learningRate
                         : name == "balance"     ? &live_.balance
                         : name == "z_loss"      ? &live_.zLoss
                                                 : nullptr;
        if (name == "pause")
          paused = true;
        else if (name == "resume")
          paused = false;
        else if (name == "snapshot")
          snapshot = true;
        else if (target && value.is_number() && value.get<double>() >= 0)
          changes[name] = *target = value.get<double>();
        else
          job_.log("warning", fmt::format("{} cannot be changed to {} while training; learning_rate, balance and "
                                          "z_loss can, to numbers from 0.",
                                          name, value.dump()));
      }
      if (!changes.empty()) TRY_DO(run_.event(step, {{"kind", "change"}, {"set", changes}}));
    }
    if (paused) {
      job_.progress(double(made_) / double(settings_.steps), "paused");
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  } while (paused);
  return snapshot;
}

Expected<void> Loop::validate(std::vector<Metric>& metrics) {
  if (validation_.empty()) return {};
  TRY(sums, lossSums(parts_.model, parts_.corpus, parts_.ids, validation_, settings_.batch,
                     [&] { return job_.cancelled(); }));
  validationLoss_ = sums.mean();
  metrics.push_back({"validation_loss", {validationLoss_}});
  for (std::size_t domain = 0; domain < parts_.corpus.domains().size(); ++domain) {
    std::string name = parts_.corpus.domains()[domain];
    std::replace(name.begin(), name.end(), '/', '_');  // a slash would be a group of the run file
    metrics.push_back({"validation_loss." + name, {sums.mean(parts_.corpus, std::uint16_t(domain))}});
  }
  return {};
}

Expected<void> Loop::sample(std::int64_t step) {
  // A prompt from another row of the probe every time, so that every domain has its turn.
  const Batch& probe = probe_->batch();
  const auto row = std::size_t(step / std::max<std::int64_t>(1, settings_.snapshotEvery)) % probe.windows.size();
  std::vector<std::int32_t> prompt;
  const std::int64_t given =
      std::min<std::int64_t>({promptTokens, std::int64_t(probe.windows[row].count), settings_.length});
  for (std::int64_t i = 0; i < given; ++i)
    prompt.push_back(std::int32_t(probe.id[row * std::size_t(probe.length) + std::size_t(i)]));
  const Sampling sampling{.tokens = sampleTokens, .temperature = 0.8, .seed = settings_.seed + std::uint64_t(step)};
  TRY(text, generate(parts_.model, prompt, sampling, [&] { return job_.cancelled(); }));
  const Json event = sampleEvent(step, text, parts_.tokenizer);
  job_.log("sample", canonical(event));
  return run_.event(step, {{"kind", "sample"}, {"sample", event}});
}

Expected<void> Loop::makeStep(std::int64_t step) {
  TRY(asked, applyEvents(step));
  const double start = now();
  TRY(batch, batches_.at(step));
  TRY(report, stepper_.make(step, batch, live_));
  const double seconds = now() - start;
  loss_ = report.loss;
  updated_ = step;
  std::vector<Metric> metrics = report.metrics();
  const bool last = step == settings_.steps;
  const bool snapshot = last || (settings_.snapshotEvery > 0 && step % settings_.snapshotEvery == 0);
  if (snapshot || (settings_.validateEvery > 0 && step % settings_.validateEvery == 0)) TRY_DO(validate(metrics));
  if (snapshot) {
    for (Metric& metric : probe_->look(parts_.model)) metrics.push_back(std::move(metric));
    TRY_DO(sample(step));
  }
  const std::vector<Metric> timing{{"seconds", {seconds}}, {"tokens_per_second", {double(report.tokens) / seconds}}};
  made_ = step;
  TRY_DO(run_.append(step, metrics));
  TRY_DO(run_.appendTiming(step, timing));
  metrics.insert(metrics.end(), timing.begin(), timing.end());
  job_.emit(step, metrics);
  job_.progress(double(step) / double(settings_.steps), "training");
  if ((snapshot && !last) || asked) TRY_DO(commitSnapshot(parts_.model, parts_.tokenizer, step, parts_.record, job_));
  // Saving takes at most a twentieth of the time, however large the model is.
  if (snapshot || asked || now() - keptAt_ > std::max(8.0, 20 * keepingTook_)) TRY_DO(keepState());
  return {};
}

Expected<TrainingEnd> Loop::run() {
  while (made_ < settings_.steps) {
    if (const Expected<void> made = makeStep(made_ + 1); !made) {
      // What was made stays: cancelled, it is where the next run goes on; otherwise it is the record of what went
      // wrong.
      if (made.error().kind == ErrorKind::cancelled)
        TRY_DO(keepState());
      else
        TRY_DO(run_.closeSegment());
      return made.error();
    }
  }
  TRY_DO(run_.finish());
  return TrainingEnd{made_, loss_, validationLoss_};
}

}  // namespace

Expected<TrainingEnd> train(TrainingParts parts, const TrainingSettings& settings, Job& job) {
  TRY(loop, Loop::open(parts, settings, job));
  return loop.run();
}

}  // namespace moescope
