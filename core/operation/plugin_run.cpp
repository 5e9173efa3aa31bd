// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "core/base/file.h"
#include "core/base/json_reading.h"
#include "core/operation/plugin.h"
#include "core/operation/plugin_process.h"
#include "core/operation/programs.h"

namespace moescope {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

Json toJson(const Artifact& artifact) {
  return Json{{"kind", name(artifact.kind)}, {"path", fs::absolute(artifact.path).string()}};
}

// The request file of contract section 7.
Json requestOf(const Plugin& plugin, const Inputs& inputs, const Parameters& parameters, const fs::path& scratch) {
  Json in = Json::object(), out = Json::object();
  for (const Port& port : plugin.description.in) {
    const auto artifacts = inputs.all(port.name);
    if (port.many) {
      in[port.name] = Json::array();
      for (const Artifact& artifact : artifacts) in[port.name].push_back(toJson(artifact));
    } else if (!artifacts.empty()) {
      in[port.name] = toJson(artifacts.front());
    }
  }
  for (const Port& port : plugin.description.out) out[port.name] = (scratch / "out" / (port.name + ".h5")).string();
  return Json{{"operation", plugin.description.id},
              {"in", in},
              {"set", parameters.all()},
              {"out", out},
              {"scratch", scratch.string()}};
}

// Ours, with the SDK's Python module within reach and no __pycache__ left in the plugin's folder.
std::vector<std::string> environmentOf() {
  const fs::path python = thisProgram().parent_path().parent_path() / "share/moescope/sdk/python";
  std::string path = python.string();
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (text.starts_with("PYTHONPATH="))
      path.append(":").append(text.substr(11));
    else if (!text.starts_with("PYTHONDONTWRITEBYTECODE=") && !text.starts_with("HDF5_USE_FILE_LOCKING="))
      variables.emplace_back(text);
  }
  variables.push_back("PYTHONPATH=" + path);
  variables.emplace_back("PYTHONDONTWRITEBYTECODE=1");
  variables.emplace_back("HDF5_USE_FILE_LOCKING=FALSE");
  return variables;
}

std::string lastLine(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \n\r\t");
  if (end == std::string::npos) return {};
  const std::size_t begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

// What a plugin says on standard output: {"progress":0.5,"stage":"..."}, {"log":"...","level":"warning"},
// {"error":{"kind","message"}}.
class Listener {
 public:
  explicit Listener(Job& job) : job_(job) {}
  void hear(const std::string& line) {
    if (!line.starts_with('{')) return print(line);
    const auto json = parseJson(line);
    if (!json || !json->is_object()) return print(line);
    if (json->contains("progress")) {
      const double fraction = realFromJson((*json)["progress"]);
      if (fraction >= 0 && fraction <= 1) job_.progress(fraction, text(*json, "stage"));
    }
    if (json->contains("log"))
      job_.log(text(*json, "level") == "warning" ? "warning" : "info", text(*json, "log").substr(0, 2000));
    if (json->contains("error") && (*json)["error"].is_object()) said = errorFromJson((*json)["error"]);
  }
  std::optional<Error> said;

 private:
  // Prints of a library; a flood of them is not worth keeping.
  void print(const std::string& line) {
    if (!line.empty() && ++plain_ <= 100) job_.log("info", line.substr(0, 500));
  }
  static std::string text(const Json& json, const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
  }
  Job& job_;
  int plain_ = 0;
};

// Its exit code is one of contract section 1; anything else is a crash of foreign code, never ours.
Error failureOf(const Plugin& plugin, int status, const std::optional<Error>& said, const std::string& errors) {
  const std::string& id = plugin.description.id;
  const std::string last = lastLine(errors);
  const std::string behind = last.empty() ? "" : "; it said: " + last;
  if (WIFSIGNALED(status))
    return environmentError(fmt::format("the plugin {} crashed: signal {} ({}), with a limit of {} MiB of memory{}", id,
                                        WTERMSIG(status), strsignal(WTERMSIG(status)), plugin.memory >> 20, behind),
                            plugin.folder.string());
  const int code = WEXITSTATUS(status);
  std::string message = said ? said->message : last;
  for (const ErrorKind kind :
       {ErrorKind::usage, ErrorKind::input, ErrorKind::environment, ErrorKind::cancelled, ErrorKind::bug})
    if (exitCode(kind) == code)
      return {
          kind,
          fmt::format("the plugin {} failed: {}", id, message.empty() ? fmt::format("exit code {}", code) : message),
          said && !said->file.empty() ? said->file : plugin.folder.string(), said ? said->offset : std::nullopt};
  return environmentError(fmt::format("the plugin {} crashed with exit code {}{}", id, code, behind),
                          plugin.folder.string());
}

// Follows the process to its end; an error unless that was a good one.
Expected<void> follow(const Plugin& plugin, PluginProcess& process, Job& job) {
  Listener listener(job);
  const auto started = Clock::now();
  std::optional<Clock::time_point> asked;  // to stop
  bool tooLong = false, open = true;
  for (;;) {
    if (open)
      open = process.wait(50);
    else
      ::usleep(5000);
    for (const std::string& line : process.lines()) listener.hear(line);
    if (const auto status = process.status()) {
      // What is still in the pipes; a process that left the group could hold them open for ever.
      for (int round = 0; round < 20 && process.wait(10); ++round)
        for (const std::string& line : process.lines()) listener.hear(line);
      for (const std::string& line : process.lines()) listener.hear(line);
      if (job.cancelled()) return cancelledError();
      if (tooLong) break;
      if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return {};
      return failureOf(plugin, *status, listener.said, process.errors());
    }
    const auto now = Clock::now();
    tooLong = tooLong || now - started > std::chrono::duration<double>(plugin.seconds);
    if ((job.cancelled() || tooLong) && !asked) {
      process.signalGroup(SIGTERM);
      asked = now;
    }
    // The worker itself is killed 2 s after it was asked to stop.
    if (asked && now - *asked > 1s) process.signalGroup(SIGKILL);
  }
  return environmentError(fmt::format("the plugin {} did not finish within its limit of {} s and was stopped; raise "
                                      "limits.seconds in {} if it needs longer",
                                      plugin.description.id, plugin.seconds, (plugin.folder / "plugin.json").string()),
                          plugin.folder.string());
}

Expected<Output> readOutput(const Plugin& plugin, const Port& port, const fs::path& file) {
  std::error_code code;
  auto garbage = [&](const std::string& why) {
    return inputError(fmt::format("the plugin {} gave no sound {}: {}", plugin.description.id, port.name, why),
                      plugin.folder.string());
  };
  if (!fs::is_regular_file(fs::symlink_status(file, code)))
    return garbage("it wrote no file at the path that it was given");
  auto result = readForeignResult(file);
  if (!result) return garbage(result.error().message);
  // Sizes that do not fit together are a bug of whoever made the result, and here that is not us.
  if (const auto sound = checkResult(*result); !sound) return garbage(sound.error().message);
  Output output{.port = port.name, .kind = Kind::result};
  output.result = *std::move(result);
  // What a figure shows is declared once, in plugin.json.
  if (!plugin.description.figures.empty()) output.result->figures.clear();
  return output;
}

}  // namespace

Expected<Outputs> runPlugin(const Plugin& plugin, const Inputs& inputs, const Parameters& parameters, Job& job) {
  const fs::path scratch = fs::absolute(job.scratch());
  std::error_code code;
  fs::remove_all(scratch / "out", code);
  TRY_DO(makeFolders(scratch / "out"));
  const fs::path request = scratch / "request.json";
  TRY_DO(writeFileSafely(request, canonical(requestOf(plugin, inputs, parameters, scratch)) + "\n"));
  std::vector<std::string> command = plugin.command;
  command.push_back(request.string());
  const std::uint64_t given = job.resources().memory;
  Plugin limited = plugin;
  if (given > 0) limited.memory = std::min(limited.memory, given);
  {
    TRY(process, PluginProcess::start(command, scratch, environmentOf(), limited.memory));
    job.progress(0, "the plugin runs");
    TRY_DO(follow(limited, process, job));
  }
  Outputs outputs;
  for (const Port& port : plugin.description.out) {
    const fs::path file = scratch / "out" / (port.name + ".h5");
    if (port.optional && !fs::exists(file, code)) continue;
    TRY(output, readOutput(plugin, port, file));
    outputs.push_back(std::move(output));
  }
  return outputs;
}

}  // namespace moescope
