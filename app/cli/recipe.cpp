// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/cli/command.h"
#include "app/cli/one_request.h"
#include "core/base/json_reading.h"

extern char** environ;

namespace moescope::cli {

namespace {

struct Options {
  std::string file, study;
  bool json = false;
};

struct Step {
  std::string name;
  Request request;
};

Expected<std::vector<Step>> stepsOf(const Json& recipe, const std::string& file) {
  if (!recipe.is_object() || recipe.value("moescope_recipe", Json()) != 1)
    return inputError(file + R"( is not a recipe of version 1: it needs "moescope_recipe":1)", file);
  if (!recipe.contains("steps") || !recipe["steps"].is_array())
    return inputError(file + " has no list of \"steps\"", file);
  std::vector<Step> steps;
  for (const Json& json : recipe["steps"]) {
    auto request = requestFromJson(json);
    if (!request)
      return inputError(fmt::format("{}: step {}: {}", file, steps.size() + 1, request.error().message), file);
    const bool named = json.contains("name") && json["name"].is_string();
    steps.push_back({named ? json["name"].get<std::string>() : "", *std::move(request)});
  }
  return steps;
}

// The window's program draws; it goes offscreen by itself.
Expected<void> renderFigure(const Json& figure, const std::string& study) {
  const std::string program = (programFolder() / "moescope").string();
  if (::access(program.c_str(), X_OK) != 0)
    return environmentError("figures are drawn by " + program + ", which is not there", program);
  std::vector<std::string> words{program, "render", "--study", study};
  for (const char* key : {"result", "out", "preset", "figure", "column"})
    if (figure.contains(key) && figure[key].is_string())
      words.insert(words.end(), {std::string("--") + key, figure[key].get<std::string>()});
  if (figure.contains("set") && figure["set"].is_object())
    for (const auto& [key, value] : figure["set"].items())
      words.insert(words.end(),
                   {"--set", key + "=" + (value.is_string() ? value.get<std::string>() : canonical(value))});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, 2, 1);  // standard output is for our own words only
  pid_t pid = 0;
  const int code = ::posix_spawn(&pid, program.c_str(), &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (code != 0) return environmentError(fmt::format("cannot start {}", program), program);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  const ErrorKind kind = WIFEXITED(status) && WEXITSTATUS(status) == 2   ? ErrorKind::usage
                         : WIFEXITED(status) && WEXITSTATUS(status) == 3 ? ErrorKind::input
                                                                         : ErrorKind::environment;
  return Error{kind, "the figure " + canonical(figure) + " could not be drawn"};
}

Expected<void> run(const Options& options) {
  const auto started = std::chrono::steady_clock::now();
  TRY(recipe, readJson(options.file, 16u << 20));
  TRY(steps, stepsOf(recipe, options.file));
  std::vector<std::string> inbox;
  TRY(supervisor, superviseStudy(options.study, inbox));
  Json report{{"steps", Json::array()}, {"figures", Json::array()}};
  for (const Step& step : steps) {
    const std::string shown = step.name.empty() ? step.request.operation : step.name;
    auto done = runToEnd(*supervisor, {.request = step.request, .name = step.name}, inbox);
    if (!done) {
      Error error = std::move(done).error();
      error.message = fmt::format("step {}: {}", shown, error.message);
      return error;
    }
    if (!options.json)
      std::cout << fmt::format("{:<24} {}\n", shown,
                               (*done)["seconds"] == 0 ? "cached" : inTime((*done).value("seconds", 0.0)));
    report["steps"].push_back(
        {{"name", step.name}, {"operation", step.request.operation}, {"outputs", (*done)["outputs"]}});
  }
  if (recipe.contains("figures") && recipe["figures"].is_array())
    for (const Json& figure : recipe["figures"]) {
      if (!figure.is_object() || !figure.contains("out") || !figure["out"].is_string())
        return inputError(options.file + R"(: a figure needs "result" and "out")", options.file);
      TRY_DO(renderFigure(figure, options.study));
      if (!options.json) std::cout << figure["out"].get<std::string>() << "\n";
      report["figures"].push_back(figure["out"]);
    }
  report["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  if (options.json) printJson(report);
  return {};
}

}  // namespace

Command recipeCommand(CLI::App& program) {
  auto options = std::make_shared<Options>();
  CLI::App* word =
      program.add_subcommand("recipe", "run a list of requests, then draw its figures; cached ones are skipped");
  word->add_option("FILE", options->file, "the recipe, JSON")->required();
  wantStudy(*word, options->study);
  wantJson(*word, options->json);
  word->footer(
      "A recipe names its steps, and later steps use the names:\n"
      R"(  {"moescope_recipe":1,"steps":[{"name":"text","operation":"corpus.import","set":{"path":"texts"}},)"
      "\n"
      R"(    {"name":"toy","operation":"train.lm","in":{"corpus":"text"},"set":{"steps":300}}],"figures":[]})"
      "\nExample:\n  moescope-cli recipe demo.json --study S");
  return {word, [options] { return run(*options); }};
}

}  // namespace moescope::cli
