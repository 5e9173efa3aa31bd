// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/performance.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <new>
#include <system_error>
#include <thread>

#include "core/base/file.h"
#include "core/operation/file_lock.h"
#include "core/operation/plugin.h"
#include "core/operation/preview.h"
#include "core/operation/worker_job.h"

namespace moescope {

namespace fs = std::filesystem;

Description describe(const Operation& operation) {
  Description description = operation.describe();
  const auto& needs = description.needs;
  if (std::find(needs.begin(), needs.end(), "torch") != needs.end()) description.worker = "torch";
  return description;
}

namespace {

// What an order runs: one of this program's operations, or a plugin.
struct Task {
  Description description;
  std::function<Expected<Cost>(const Inputs&, const Parameters&)> estimate;
  std::function<Expected<Outputs>(const Inputs&, const Parameters&, Job&)> run;
};

// What was asked for is what runs: a plugin that changed since is another request.
Expected<Task> pluginTask(const WorkOrder& order) {
  TRY(plugin, readPlugin(order.worker));
  if (plugin.digest != order.request.plugin || plugin.description.id != order.request.operation)
    return inputError(fmt::format("the plugin {} in {} changed after it was asked for; ask again",
                                  order.request.operation, order.worker),
                      order.worker);
  auto run = [plugin](const Inputs& inputs, const Parameters& parameters, Job& job) {
    return runPlugin(plugin, inputs, parameters, job);
  };
  auto estimate = [memory = plugin.memory](const Inputs&, const Parameters&) -> Expected<Cost> {
    return Cost{.memory = memory};
  };
  return Task{plugin.description, std::move(estimate), std::move(run)};
}

Expected<Task> findTask(std::span<const Operation> operations, const WorkOrder& order) {
  for (const Operation& operation : operations) {
    Description description = describe(operation);
    if (description.id == order.request.operation)
      return Task{std::move(description), operation.estimate, operation.run};
  }
  if (!order.request.plugin.empty()) return pluginTask(order);
  return bugError("this worker has no operation " + order.request.operation);
}

// Waits until the lock is free; a cancel ends the wait.
Expected<FileLock> take(const fs::path& file, WorkerJob& job, const std::string& why) {
  while (true) {
    TRY(lock, FileLock::tryTake(file));
    if (lock) return *std::move(lock);
    if (job.cancelled()) return cancelledError();
    job.progress(0, why);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

// Writes results to their places and checks that every declared output is there.
Expected<std::vector<Study::Produced>> placeOutputs(const Description& description, Outputs outputs, WorkerJob& job) {
  std::vector<Study::Produced> produced;
  for (Output& output : outputs) {
    const auto port = std::find_if(description.out.begin(), description.out.end(),
                                   [&](const Port& candidate) { return candidate.name == output.port; });
    if (port == description.out.end() || port->kind != output.kind)
      return bugError(fmt::format("{} gave an output {} of kind {}, which it does not declare", description.id,
                                  output.port, name(output.kind)));
    Study::Produced one{.port = output.port, .kind = output.kind, .written = job.place(output.port)};
    if (output.result) {
      if (output.result->figures.empty()) output.result->figures = description.figures;
      output.result->facts.emplace("operation", description.id);
      TRY_DO(checkResult(*output.result));
      TRY_DO(writeResult(*output.result, one.written / "content.h5"));
    }
    one.outside = output.outside;
    one.id = output.outsideId;
    one.summary = canonical(output.summary);
    produced.push_back(std::move(one));
  }
  for (const Port& port : description.out)
    if (!port.optional &&
        std::none_of(produced.begin(), produced.end(), [&](const auto& one) { return one.port == port.name; }))
      return bugError(fmt::format("{} did not give its output {}", description.id, port.name));
  return produced;
}

Expected<Json> outputsJson(const Study& study, const std::map<std::string, std::string>& ids, bool cached) {
  Json outputs = Json::object();
  for (const auto& [port, id] : ids) {
    TRY(artifact, study.get(id));
    outputs[port] = {{"id", id},
                     {"name", artifact.names.empty() ? "" : artifact.names.front()},
                     {"kind", name(artifact.kind)},
                     {"cached", cached}};
  }
  return outputs;
}

Error outOfMemory(const std::string& operation) {
  return environmentError(
      fmt::format("{} ran out of memory; give it less at a time, or a machine with more", operation));
}

// One order from its lock to its row. What it says in the end is written by the caller.
class Performance {
 public:
  Performance(const WorkOrder& order, Study& study, MessageWriter& messages, const std::atomic<bool>& stop, Task task)
      : order_(order),
        study_(study),
        messages_(messages),
        task_(std::move(task)),
        job_(order_, task_.description, study, messages, stop) {}

  Expected<Json> run() {
    const fs::path folder = study_.jobFolder(digest(order_.request));
    TRY(parameters, checkParameters(task_.description.parameters, order_.request.set));
    TRY(inputs, openInputs(order_.request, study_));
    TRY(cost, task_.estimate(inputs, parameters));
    if (order_.estimateOnly)
      return Json{{"cost", {{"bytes", cost.bytes}, {"memory", cost.memory}, {"seconds", cost.seconds}}}};
    TRY_DO(makeFolders(folder));
    TRY(lock, take(folder / ".lock", job_, "waiting for the same request, which runs already"));
    if (!order_.fresh) {
      TRY(present, study_.outputsOf(digest(order_.request)));
      if (present) return finished(*present, true);
    }
    std::optional<FileLock> device;
    if (order_.exclusive)
      TRY_ASSIGN(device, take(order_.study / "jobs" / (".device-" + deviceOf(order_.resources)), job_,
                              "waiting for the device"));
    TRY_DO(clean(folder, order_.fresh));
    job_.resume();
    TRY(outputs, task_.run(inputs, parameters, job_));
    if (job_.cancelled()) return cancelledError();
    TRY(produced, placeOutputs(task_.description, std::move(outputs), job_));
    TRY(json, file(produced));
    std::error_code code;
    fs::remove_all(folder, code);
    return json;
  }

 private:
  // Scratch never outlives its job; with --fresh nothing of an earlier one does.
  Expected<void> clean(const fs::path& folder, bool everything) {
    std::error_code code;
    if (everything) {
      for (const fs::directory_entry& entry : fs::directory_iterator(folder, code))
        if (entry.path().filename() != ".lock") fs::remove_all(entry.path(), code);
    }
    fs::remove_all(folder / ".scratch", code);
    return {};
  }

  // Into the catalogue, or for a preview into scratch.
  Expected<Json> file(const std::vector<Study::Produced>& produced) {
    job_.flush();
    const Request request = job_.recorded();
    InputRows inputs;
    for (const auto& [port, ids] : request.inputs)
      for (const std::string& id : ids) inputs.emplace_back(port, id);
    Json provenance = job_.provenance();
    provenance["inputs"] = request.inputs;
    const RequestRow row{digest(request), request.operation, request.version, canonical(toJson(request)),
                         canonical(provenance)};
    if (!order_.keep) {
      TRY(outputs, keepPreview(study_, row, inputs, produced));
      return Json{{"outputs", outputs}, {"seconds", job_.seconds()}, {"request", row.digest}};
    }
    TRY(ids, study_.commit(row, inputs, produced));
    return finished(ids, false);
  }

  Expected<Json> finished(const std::map<std::string, std::string>& ids, bool cached) {
    for (const auto& [port, name] : order_.names)
      if (const auto found = ids.find(port); found != ids.end()) TRY_DO(study_.setName(found->second, name));
    for (const auto& [port, id] : ids)
      messages_.write(Json{{"type", "artifact"}, {"job", order_.job}, {"port", port}, {"id", id}, {"final", true}});
    TRY(outputs, outputsJson(study_, ids, cached));
    return Json{{"outputs", outputs}, {"seconds", job_.seconds()}, {"request", digest(job_.recorded())}};
  }

  const WorkOrder& order_;
  Study& study_;
  MessageWriter& messages_;
  Task task_;
  WorkerJob job_;
};

}  // namespace

Expected<Json> perform(std::span<const Operation> operations, const WorkOrder& order, Study& study,
                       MessageWriter& messages, const std::atomic<bool>& stop) {
  TRY(task, findTask(operations, order));
  // Whatever a library throws ends here, as an error of the right kind.
  const std::string& id = order.request.operation;
  try {
    return Performance(order, study, messages, stop, std::move(task)).run();
  } catch (const std::bad_alloc&) {
    return outOfMemory(id);
  } catch (const std::system_error& error) {  // a thread or a folder that the system refused
    return environmentError(fmt::format("{} was refused something by the system: {}", id, error.what()));
  } catch (const std::exception& error) {
    const std::string_view what = error.what();
    if (what.find("can't allocate memory") != what.npos || what.find("out of memory") != what.npos)
      return outOfMemory(id);
    return bugError(fmt::format("{} failed: {}", id, what.substr(0, 2000)));
  } catch (...) {
    return bugError(fmt::format("{} failed with something that is no std::exception", id));
  }
}

}  // namespace moescope
