// SPDX-License-Identifier: GPL-3.0-or-later
// list, show, log, rm: what a study holds and where it came from.
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "app/cli/command.h"
#include "core/base/json_reading.h"
#include "core/operation/rows.h"

namespace moescope::cli {

namespace {

struct Options {
  std::string study, artifact;
  bool json = false, all = false;
};

std::string nameOr(const Artifact& artifact, const char* otherwise) {
  return artifact.names.empty() ? otherwise : artifact.names.front();
}

Expected<void> list(const Options& options) {
  TRY(study, Study::open(options.study, Study::Access::read));
  std::vector<Artifact> artifacts;
  if (options.artifact.empty())
    TRY_ASSIGN(artifacts, study.list(options.all));
  else {
    TRY(one, study.find(options.artifact));
    artifacts.push_back(std::move(one));
  }
  Json json = Json::array();
  for (const Artifact& artifact : artifacts) {
    if (options.json)
      json.push_back(rowJson(study, artifact, false));
    else
      std::cout << fmt::format("{:<10} {:<24} {}  {}  {:>9}  {}{}\n", name(artifact.kind), nameOr(artifact, "-"),
                               artifact.id.substr(0, 12), artifact.created, inBytes(artifact.bytes), artifact.operation,
                               artifact.state == ArtifactState::present ? "" : "  (deleted)");
  }
  if (options.json)
    printJson(json);
  else if (artifacts.empty())
    std::cout << "nothing yet; moescope-cli run corpus.import --study " << options.study
              << " --set path=DIR --name text\n";
  return {};
}

Expected<Json> showJson(const Study& study, const Artifact& artifact) {
  Json json = rowJson(study, artifact, true);
  json["files"] = Json::array();
  for (const auto& file : allFiles(artifact)) json["files"].push_back(file.generic_string());
  return json;
}

Expected<void> show(const Options& options) {
  TRY(study, Study::open(options.study, Study::Access::read));
  TRY(artifact, study.find(options.artifact));
  TRY(json, showJson(study, artifact));
  if (options.json) return printJson(json), Expected<void>{};
  std::cout << fmt::format("{} {}\n  id        {}\n  created   {}\n  state     {}\n  size      {}\n  at        {}\n",
                           name(artifact.kind), artifact.title(), artifact.id, artifact.created, name(artifact.state),
                           inBytes(artifact.bytes), artifact.path.string());
  if (artifact.names.size() > 1) std::cout << fmt::format("  names     {}\n", fmt::join(artifact.names, ", "));
  if (!artifact.operation.empty())
    std::cout << fmt::format("  made by   {} (output {})\n", artifact.operation, artifact.port);
  if (json["request"].is_object()) {
    const Json inputs = json["request"].value("in", Json::object()), set = json["request"].value("set", Json::object());
    for (const auto& [port, ids] : inputs.items())
      for (const Json& id : ids) {
        auto input = study.get(id.get<std::string>());
        std::cout << fmt::format("  in        {} = {}\n", port, input ? input->title() : id.get<std::string>());
      }
    for (const auto& [key, value] : set.items())
      std::cout << fmt::format("  set       {} = {}\n", key, canonical(value));
  }
  if (json["provenance"].is_object())
    for (const auto& [key, value] : json["provenance"].items())
      if (key != "inputs")
        std::cout << fmt::format("  {:<9} {}\n", key, value.is_string() ? value.get<std::string>() : canonical(value));
  for (const auto& [key, value] : json["summary"].items())
    std::cout << fmt::format("  {:<9} {}\n", key, canonical(value));
  for (const Json& file : json["files"]) std::cout << "  file      " << file.get<std::string>() << "\n";
  return {};
}

// The steps that led to an artifact, each after those it needed.
Expected<void> lineage(const Study& study, const Artifact& artifact, std::set<std::string>& seen, Json& steps) {
  if (!seen.insert(artifact.id).second) return {};
  if (auto inputs = study.inputsOf(artifact.request))
    for (const std::string& id : *inputs)
      if (auto input = study.get(id)) TRY_DO(lineage(study, *input, seen, steps));
  steps.push_back(rowJson(study, artifact, true));
  return {};
}

Expected<void> logOf(const Study& study, const Options& options) {
  TRY(artifact, study.find(options.artifact));
  Json steps = Json::array();
  std::set<std::string> seen;
  TRY_DO(lineage(study, artifact, seen, steps));
  if (options.json) return printJson(steps), Expected<void>{};
  for (const Json& step : steps) {
    const Json set = step["request"].is_object() ? step["request"].value("set", Json::object()) : Json::object();
    const std::string id = step["id"].get<std::string>();
    std::cout << fmt::format("{}  {:<18} -> {} {}\n", step["created"].get<std::string>(),
                             step["operation"].get<std::string>(), step["kind"].get<std::string>(),
                             step["names"].empty() ? id.substr(0, 12) : step["names"][0].get<std::string>());
    for (const auto& [key, value] : set.items()) std::cout << fmt::format("    {} = {}\n", key, canonical(value));
  }
  return {};
}

Expected<void> log(const Options& options) {
  TRY(study, Study::open(options.study, Study::Access::read));
  if (!options.artifact.empty()) return logOf(study, options);
  TRY(jobs, study.jobs());
  Json list = Json::array();
  for (const JobRow& job : jobs) {
    const bool lost = job.state == "running" && !job.alive();
    const std::string state = lost ? "killed" : job.state;
    Json row{{"job", job.job},         {"operation", job.operation}, {"state", state},
             {"created", job.created}, {"request", job.request},     {"error", nullptr}};
    if (auto error = parseJson(job.error); error && error->is_object()) row["error"] = *error;
    if (!options.json) {
      const std::string why = row["error"].is_object() ? "  " + row["error"].value("message", "") : "";
      std::cout << fmt::format("{}  {:<18} {:<10} {}{}\n", job.created, job.operation, state, job.job, why);
    }
    list.push_back(std::move(row));
  }
  if (options.json) printJson(list);
  return {};
}

Expected<void> rm(const Options& options) {
  TRY(study, Study::open(options.study, Study::Access::write));
  TRY(artifact, study.find(options.artifact));
  TRY_DO(study.remove(artifact.id));
  if (options.json)
    printJson(Json{{"removed", {{"id", artifact.id}, {"kind", name(artifact.kind)}, {"names", artifact.names}}}});
  else
    std::cout << fmt::format("{} {} is marked deleted; `moescope-cli study undo {}` brings it back\n",
                             name(artifact.kind), artifact.title(), options.study);
  return {};
}

Command command(CLI::App& program, const char* word, const char* help, bool needsArtifact, const char* example,
                Expected<void> (*run)(const Options&)) {
  auto options = std::make_shared<Options>();
  CLI::App* app = program.add_subcommand(word, help);
  wantStudy(*app, options->study);
  auto* artifact = app->add_option("ARTIFACT", options->artifact, "a name, or the first 8 or more digits of an id");
  if (needsArtifact) artifact->required();
  wantJson(*app, options->json);
  if (std::string_view(word) == "list") app->add_flag("--all", options->all, "also what is deleted");
  app->footer(std::string("Example:\n  ") + example);
  return {app, [options, run] { return run(*options); }};
}

}  // namespace

Command listCommand(CLI::App& program) {
  return command(program, "list", "what the study holds, oldest first", false, "moescope-cli list --study S --json",
                 list);
}
Command showCommand(CLI::App& program) {
  return command(program, "show", "one artifact: its request, provenance and files", true,
                 "moescope-cli show --study S toy", show);
}
Command logCommand(CLI::App& program) {
  return command(program, "log", "jobs newest first; or, of one artifact, every step that led to it", false,
                 "moescope-cli log --study S lb", log);
}
Command rmCommand(CLI::App& program) {
  return command(program, "rm", "mark an artifact deleted; undo brings it back", true, "moescope-cli rm --study S lb",
                 rm);
}

}  // namespace moescope::cli
