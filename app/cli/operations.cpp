// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "app/cli/command.h"
#include "core/operation/plugin.h"
#include "core/operation/request.h"

namespace moescope::cli {

namespace {

struct Options {
  std::string study, id;
  bool json = false;
};

std::string portWords(const std::vector<Port>& ports) {
  std::string words;
  for (const Port& port : ports) {
    if (!words.empty()) words += ", ";
    words += fmt::format("{} ({}{}{})", port.name, name(port.kind), port.optional ? ", optional" : "",
                         port.many ? ", several" : "");
  }
  return words.empty() ? "nothing" : words;
}

std::string range(const Parameter& parameter) {
  if (!parameter.options.empty()) {
    std::string names;
    for (const Option& option : parameter.options) names += (names.empty() ? "" : " | ") + option.name;
    return names;
  }
  if (parameter.low < parameter.high)
    return fmt::format("{} to {}{}", parameter.low, parameter.high, parameter.unit.empty() ? "" : " " + parameter.unit);
  return parameter.type == ParameterType::flag   ? "true | false"
         : parameter.type == ParameterType::list ? "list"
                                                 : "text";
}

void printParameters(const std::vector<Parameter>& parameters, const std::string& prefix) {
  for (const Parameter& parameter : parameters) {
    const std::string initial = parameter.initial.is_null() ? "needed" : canonical(parameter.initial);
    std::cout << fmt::format("  {}{} = {}   [{}]\n      {}\n", prefix, parameter.name, initial, range(parameter),
                             parameter.help);
    for (const Option& option : parameter.options) {
      std::cout << fmt::format("      {}: {}\n", option.name, option.help);
      printParameters(option.parameters, prefix + option.name + ".");
    }
  }
}

void printOne(const Description& description) {
  std::cout << description.id << "  " << description.title << " (version " << description.version << ")\n\n"
            << description.help << "\n\n  in   " << portWords(description.in) << "\n  out  "
            << portWords(description.out) << "\n";
  if (!description.parameters.empty()) std::cout << "\nParameters (--set KEY=VALUE):\n";
  printParameters(description.parameters, "");
  if (!description.example.empty()) std::cout << "\nExample:\n  " << description.example << "\n";
}

// Built-in operations and plugins, and the plugins that cannot be used.
struct Known {
  std::vector<Description> descriptions = operations();
  std::vector<RejectedPlugin> rejected;
};

Expected<Known> everything(const std::string& folder) {
  Known known;
  std::optional<Study> study;
  if (!folder.empty()) {
    TRY(opened, Study::open(folder, Study::Access::read));
    study = std::move(opened);
  }
  Plugins plugins = findPlugins(thisProgram(), study ? &*study : nullptr, known.descriptions);
  for (Plugin& plugin : plugins.usable) known.descriptions.push_back(std::move(plugin.description));
  known.rejected = std::move(plugins.rejected);
  return known;
}

Expected<void> run(const Options& options) {
  TRY(known, everything(options.study));
  if (!options.id.empty()) {
    for (const RejectedPlugin& rejected : known.rejected)
      if (toJson(rejected).at("id") == options.id) return rejected.reason;
    TRY(description, findDescription(known.descriptions, options.id));
    if (options.json)
      printJson(toJson(*description));
    else
      printOne(*description);
    return {};
  }
  if (options.json) {
    Json list = Json::array();
    for (const Description& description : known.descriptions) list.push_back(toJson(description));
    for (const RejectedPlugin& rejected : known.rejected) list.push_back(toJson(rejected));
    printJson(list);
    return {};
  }
  for (const Description& description : known.descriptions)
    std::cout << fmt::format("{:<24} {:<44} {} -> {}\n", description.id, description.title, portWords(description.in),
                             portWords(description.out));
  for (const RejectedPlugin& rejected : known.rejected)
    std::cout << fmt::format("{:<24} rejected: {}\n", toJson(rejected).at("id").get<std::string>(),
                             rejected.reason.message);
  std::cout << "\n`moescope-cli operations ID` explains one: its formula, its parameters and an example.\n";
  return {};
}

}  // namespace

Command operationsCommand(CLI::App& program) {
  auto options = std::make_shared<Options>();
  CLI::App* word =
      program.add_subcommand("operations", "everything that can be done, with inputs, outputs and parameters");
  word->add_option("ID", options->id, "explain this one");
  word->add_option("--study", options->study, "also the plugins of this study")->type_name("S");
  wantJson(*word, options->json);
  word->footer("Examples:\n  moescope-cli operations\n  moescope-cli operations load.balance");
  return {word, [options] { return run(*options); }};
}

}  // namespace moescope::cli
