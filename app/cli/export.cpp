// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "app/cli/command.h"
#include "app/cli/exporter.h"
#include "core/base/file.h"
#include "core/operation/rows.h"

namespace moescope::cli {

namespace {

struct Options {
  std::string study, artifact, format, out;
  bool json = false;
};

Expected<void> run(const Options& options) {
  TRY(study, Study::open(options.study, Study::Access::read));
  const std::size_t colon = options.artifact.find(':');
  Export wanted{.name = options.artifact.substr(0, colon), .out = options.out};
  if (colon != std::string::npos) wanted.value = options.artifact.substr(colon + 1);
  TRY_ASSIGN(wanted.artifact, study.find(wanted.name));
  for (const Exporter& exporter : exporters())
    if (exporter.format == options.format) TRY_DO(exporter.write(wanted));
  if (options.json)
    printJson(Json{{"out", options.out}, {"bytes", bytesBelow(options.out)}});
  else if (options.out != "-")
    std::cout << "wrote " << options.out << "\n";
  return {};
}

std::string formatHelp() {
  std::string help;
  for (const Exporter& exporter : exporters())
    help += fmt::format("{}{}: {}", help.empty() ? "" : "; ", exporter.format, exporter.help);
  return help;
}

}  // namespace

Command exportCommand(CLI::App& program) {
  auto options = std::make_shared<Options>();
  CLI::App* word = program.add_subcommand("export", "write an artifact, or one value of a result, in another format");
  wantStudy(*word, options->study);
  word->add_option("ARTIFACT", options->artifact, "ID|NAME, and for one value of a result NAME:VALUE")->required();
  std::vector<std::string> formats;
  for (const Exporter& exporter : exporters()) formats.emplace_back(exporter.format);
  word->add_option("--format", options->format, formatHelp())
      ->required()
      ->check(CLI::IsMember(formats))
      ->type_name("FORMAT");
  word->add_option("--out", options->out, "file or folder to write; - prints what is text")
      ->required()
      ->type_name("PATH");
  wantJson(*word, options->json);
  word->footer(
      "Examples:\n"
      "  moescope-cli export --study S lb:utilisation --format csv --out load.csv\n"
      "  moescope-cli export --study S lb:cv --format npy --out cv.npy\n"
      "  moescope-cli export --study S toy --format hf --out toy/");
  return {word, [options] { return run(*options); }};
}

}  // namespace moescope::cli
