// SPDX-License-Identifier: GPL-3.0-or-later
// A real worker whose operations count: the tests of supervisor and protocol need jobs that are long, crash, hang or
// take events, on machines without LibTorch too. It is put beside a moescope-cli under the name of the LibTorch worker.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <new>
#include <stdexcept>
#include <thread>

#include "core/base/file.h"
#include "core/operation/worker.h"
#include "core/study/run_file.h"
#include "tests/trace/made_trace.h"

namespace moescope {
namespace {

Description describeCount() {
  return {.id = "test.count",
          .title = "Count slowly",
          .help = "Counts steps, emits one metric a step, and gives the sum of what it added.",
          .out = {{"result", Kind::result}},
          .parameters = {integer("steps", 10, 1, 1000000, "", "how far"),
                         real("pause", 0, 0, 10000, "ms", "time between two steps"),
                         real("add", 1, -1000, 1000, "", "what a step adds; may change on the way"),
                         choice("end", "done",
                                {{"done", "as it should"},
                                 {"crash", "with a segmentation fault"},
                                 {"hang", "not even when asked"},
                                 {"memory", "with std::bad_alloc"},
                                 {"throw", "with an exception"}},
                                "how it ends"),
                         integer("seed", 0, 0, 1000, "", "only tells requests apart")},
          .needs = {"torch"}};
}

Description describeQuick() {
  Description description = describeCount();
  description.id = "test.quick";
  description.interactive = true;
  return description;
}

Expected<Cost> estimate(const Inputs&, const Parameters& set) {
  if (set.integer("steps") == 13) return usageError("steps is 13; nobody counts to 13");
  return Cost{
      .bytes = 1000, .memory = 2000, .seconds = static_cast<double>(set.integer("steps")) * set.real("pause") / 1000};
}

void endBadly(const std::string& how) {
  if (how == "crash") ::raise(SIGSEGV);
  if (how == "memory") throw std::bad_alloc();
  if (how == "throw") throw std::runtime_error("as asked");
  while (how == "hang") {
    ::signal(SIGTERM, SIG_IGN);
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

Expected<void> keepSnapshot(double sum, std::int64_t step, Job& job) {
  const std::filesystem::path folder = job.scratch() / "snapshot";
  std::filesystem::create_directories(folder);
  Result result;
  result.add("sum", "", {}, {sum});
  TRY_DO(writeResult(result, folder / "content.h5"));
  TRY_DO(job.commit("result", folder, Json{{"step", step}}));
  return {};
}

// Whole or not at all, as a kill may come at any moment.
void keepState(std::int64_t step, double sum, double add, Job& job) {
  const std::filesystem::path file = job.state() / "count";
  std::ofstream(file.string() + ".part") << step << " " << sum << " " << add;
  std::filesystem::rename(file.string() + ".part", file);
}

Expected<Outputs> run(const Inputs&, const Parameters& set, Job& job) {
  const std::int64_t steps = set.integer("steps");
  double add = set.real("add"), sum = 0;
  std::int64_t first = 1;
  if (std::ifstream state(job.state() / "count"); state >> first >> sum >> add) ++first;
  for (std::int64_t step = first; step <= steps; ++step) {
    for (const LiveEvent& event : job.events(step)) {
      if (event.set->contains("add")) add = (*event.set)["add"].get<double>();
      if (event.set->contains("snapshot")) TRY_DO(keepSnapshot(sum, step, job));
    }
    sum += add;
    job.emit(step, std::vector<Metric>{{"sum", {sum}}, {"load", {sum, 2 * sum}, {2}}});
    job.progress(static_cast<double>(step) / static_cast<double>(steps), "counting");
    keepState(step, sum, add, job);
    if (job.cancelled()) return cancelledError();
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(set.real("pause")));
  }
  endBadly(set.text("end"));
  Result result;
  result.add("sum", "", {}, {sum});
  return one("result", std::move(result), Json{{"first", first}});
}

// A trace by the rule of tests/trace/made_trace.h, for tests of its file and of its analyses.
Description describeTrace() {
  return {.id = "test.trace",
          .title = "Make a trace",
          .help = "Writes the trace of a rule.",
          .out = {{"trace", Kind::trace}},
          .parameters = {integer("layers", 2, 0, 100, "", ""), integer("experts", 8, 1, 1000, "", ""),
                         integer("top_k", 2, 1, 64, "", ""), integer("domains", 3, 1, 100, "", ""),
                         integer("documents", 12, 0, 10000, "", ""),
                         integer("tokens_per_document", 50, 1, 100000, "tokens", ""),
                         integer("preference", 0, 0, 256, "", "of 256 choices"), flag("loss", false, ""),
                         flag("logits", false, "")},
          .needs = {"torch"}};
}

Expected<Outputs> makeTrace(const Inputs&, const Parameters& set, Job& job) {
  const made::Rule rule{.layers = set.integer("layers"),
                        .experts = set.integer("experts"),
                        .topK = set.integer("top_k"),
                        .domains = set.integer("domains"),
                        .documents = set.integer("documents"),
                        .tokensPerDocument = set.integer("tokens_per_document"),
                        .preference = static_cast<std::uint64_t>(set.integer("preference")),
                        .loss = set.flag("loss"),
                        .logits = set.flag("logits")};
  TRY_DO(made::write(job.place("trace"), rule));
  return Outputs{{.port = "trace", .kind = Kind::trace, .summary = {{"tokens", rule.tokens()}}}};
}

// A run as a training writes one: segments on the way, one file at the end, and the same bytes after any kill.
Description describeRun() {
  return {.id = "test.run",
          .title = "Write a run",
          .help = "Writes a metric a step, a segment every few steps.",
          .out = {{"run", Kind::run}},
          .parameters = {integer("steps", 20, 1, 100000, "", ""), integer("every", 4, 1, 1000, "steps", ""),
                         real("pause", 0, 0, 1000, "ms", "")},
          .needs = {"torch"}};
}

Expected<Outputs> runRun(const Inputs&, const Parameters& set, Job& job) {
  const std::filesystem::path folder = job.place("run"), state = job.state() / "step";
  std::int64_t last = 0;
  std::ifstream(state) >> last;
  TRY(run, RunWriter::open(folder, last));
  for (std::int64_t step = last + 1; step <= set.integer("steps"); ++step) {
    const double value = static_cast<double>(step * step);
    TRY_DO(run.append(step, std::vector<Metric>{{"loss", {1 / value}}, {"load", {value, -value}, {2}}}));
    TRY_DO(run.appendTiming(step, std::vector<Metric>{{"seconds", {value}}}));
    if (step % set.integer("every") == 0) {
      TRY_DO(run.closeSegment());
      TRY_DO(writeFileSafely(state, std::to_string(step)));
    }
    if (job.cancelled()) return cancelledError();
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(set.real("pause")));
  }
  TRY_DO(run.finish());
  return Outputs{{.port = "run", .kind = Kind::run, .summary = {{"first", last + 1}}}};
}

Description describeRead() {
  return {.id = "test.read",
          .title = "Count files",
          .help = "Gives the number of files of a corpus.",
          .in = {{"corpus", Kind::corpus}},
          .out = {{"result", Kind::result}},
          .needs = {"torch"}};
}

Expected<Outputs> runRead(const Inputs& inputs, const Parameters&, Job&) {
  double files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(inputs.at("corpus").path))
    files += entry.is_regular_file();
  Result result;
  result.add("files", "", {}, {files});
  return one("result", std::move(result));
}

}  // namespace
}  // namespace moescope

int main(int argc, char** argv) {
  using namespace moescope;
  const auto free = [](const Inputs&, const Parameters&) -> Expected<Cost> { return Cost{}; };
  static const std::vector<Operation> operations{{describeCount, estimate, run},
                                                 {describeQuick, estimate, run},
                                                 {describeTrace, free, makeTrace},
                                                 {describeRun, free, runRun},
                                                 {describeRead, free, runRead}};
  return runWorker(operations, argc - 1, argv + 1);
}
