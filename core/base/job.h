// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

// One named value of one step: a scalar (no shape), [layer], or [layer, expert] in row-major order. Names are lower_snake_case.
struct Metric {
  std::string name;
  std::vector<double> values;
  std::vector<std::int64_t> shape = {};
};

// A change of parameters that arrived while the job ran; `set` holds parameter names and new values.
struct LiveEvent {
  std::int64_t step = 0;
  Json* set = nullptr;  // never null; owned by the Job, valid until the next call of events()
};

// What a job may use. Recorded in provenance, never hashed.
struct Resources {
  std::string device = "auto";  // "cpu", "cuda", "cuda:N", "auto"
  int threads = 0;              // 0: as many as the machine has
  std::uint64_t memory = 0;     // bytes; 0: no stated budget
};

// An operation's only door outwards. Called from the thread that runs the operation unless said otherwise.
class Job {
 public:
  virtual ~Job() = default;

  // Share done in [0, 1] and the stage in plain words ("reading documents"); the host works out the time left. Any thread.
  virtual void progress(double fraction, std::string_view stage) = 0;
  // Poll at least every 50 ms of work; when true, stop and return cancelledError(). Any thread.
  virtual bool cancelled() const = 0;
  virtual void log(std::string_view level, std::string_view text) = 0;  // "info", "warning"

  // The live tail of a run; the run file is written by the operation itself (study/run_file.h).
  virtual void emit(std::int64_t step, std::span<const Metric> metrics) = 0;
  // Parameter changes that take effect at `step`, in order; each is recorded with the request, so that the run replays headless.
  // Keys "pause", "resume" and "snapshot" are commands of the window and are not recorded.
  virtual std::vector<LiveEvent> events(std::int64_t step) = 0;

  // The folder in which the artifact of an output port is written; it is there, and what a killed job left is still in it.
  virtual std::filesystem::path place(std::string_view port) = 0;
  // State to resume from; kept when the job is killed or cancelled, removed when it is done.
  virtual std::filesystem::path state() = 0;
  virtual std::filesystem::path scratch() = 0;  // removed when the job ends
  // Makes the folder `written` an artifact of its own now (a snapshot); gives its id. `summary` as in Output.
  virtual Expected<std::string> commit(std::string_view port, const std::filesystem::path& written, const Json& summary) = 0;

  virtual const Resources& resources() const = 0;
};

// A Job for tests and for inner calls: keeps everything below `folder`, prints nothing, is never cancelled unless asked.
class QuietJob : public Job {
 public:
  explicit QuietJob(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void progress(double, std::string_view) override {}
  bool cancelled() const override { return stop; }
  void log(std::string_view, std::string_view) override {}
  void emit(std::int64_t, std::span<const Metric>) override {}
  std::vector<LiveEvent> events(std::int64_t) override { return {}; }
  std::filesystem::path place(std::string_view port) override { return made(port); }
  std::filesystem::path state() override { return made("state"); }
  std::filesystem::path scratch() override { return made("scratch"); }
  Expected<std::string> commit(std::string_view, const std::filesystem::path&, const Json&) override { return std::string(64, '0'); }
  const Resources& resources() const override { return resourcesUsed; }

  bool stop = false;
  Resources resourcesUsed = {};

 private:
  std::filesystem::path made(std::string_view name) {
    std::filesystem::create_directories(folder_ / name);
    return folder_ / name;
  }
  std::filesystem::path folder_;
};

}  // namespace moescope
