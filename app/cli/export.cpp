// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "app/cli/command.h"
#include "app/cli/value_text.h"
#include "core/base/file.h"
#include "core/checkpoint/folder_export.h"
#include "core/operation/rows.h"
#include "core/study/run_file.h"

namespace moescope::cli {

namespace fs = std::filesystem;

namespace {

struct Options {
  std::string study, artifact, format, out;
  bool json = false;
};

Expected<void> copyTo(const fs::path& from, const fs::path& to) {
  std::error_code code;
  if (to.has_parent_path()) TRY_DO(makeFolders(to.parent_path()));
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, code);
  if (code)
    return environmentError(fmt::format("cannot copy {} to {}: {}", from.string(), to.string(), code.message()),
                            to.string());
  return {};
}

// The HDF5 file of an artifact, or all its files into a folder.
Expected<void> exportFiles(const Artifact& artifact, const fs::path& out) {
  const std::vector<fs::path> files = allFiles(artifact);
  if (files.empty()) return inputError("the files of " + artifact.title() + " are gone", artifact.path.string());
  std::error_code code;
  if (!fs::is_directory(artifact.path, code)) return copyTo(artifact.path, out);
  for (const fs::path& file : files) TRY_DO(copyTo(artifact.path / file, out / file));
  return {};
}

Expected<const Value*> findValue(const Result& result, const std::string& artifact, const std::string& name) {
  if (const Value* value = result.find(name)) return value;
  std::vector<std::string> known;
  for (const Value& value : result.values) known.push_back(value.name);
  if (name.empty())
    return usageError(fmt::format("say which value: {}:VALUE with one of {}", artifact, fmt::join(known, ", ")));
  const std::string nearest = nearestName(name, known);
  return usageError(fmt::format(
      "{} has no value {}; {}", artifact, name,
      nearest.empty() ? fmt::format("it has {}", fmt::join(known, ", ")) : "did you mean " + nearest + "?"));
}

Expected<std::string> valueText(const Result& result, const Options& options, const std::string& artifact,
                                const std::string& name) {
  if (options.format == "json" && name.empty()) {
    Json all = Json::array();
    for (const Value& value : result.values) all.push_back(valueJson(result, value));
    return canonical(Json{{"values", std::move(all)}, {"facts", result.facts}}) + "\n";
  }
  TRY(value, findValue(result, artifact, name));
  if (options.format == "json") return canonical(valueJson(result, *value)) + "\n";
  if (options.format == "csv") return valueCsv(result, *value);
  return valueNpy(*value, result);
}

// The axis "layer" or "expert" of that extent; metrics of another extent get an axis of their own.
std::string axisOf(Result& result, std::size_t depth, std::int64_t extent) {
  const std::string plain = depth == 0 ? "layer" : "expert";
  for (const std::string& name : {plain, fmt::format("{}_of_{}", plain, extent)}) {
    const Axis* axis = result.axis(name);
    if (axis != nullptr && std::ssize(axis->labels) != extent) continue;
    if (axis == nullptr) {
      std::vector<std::string> labels;
      for (std::int64_t index = 0; index < extent; ++index) labels.push_back(std::to_string(index));
      result.axes.push_back({name, std::move(labels)});
    }
    return name;
  }
  return plain;
}

// The metrics of a run as values over steps, so that they export like any other.
Expected<Result> valuesOfRun(const fs::path& folder) {
  TRY(series, readRun(folder));
  Result result;
  std::vector<std::string> steps;
  for (const std::int64_t step : series.step) steps.push_back(std::to_string(step));
  result.axes.push_back({"step", std::move(steps)});
  for (auto& [name, metric] : series.metrics) {
    std::vector<std::string> axes{"step"};
    for (std::size_t depth = 0; depth < metric.shape.size(); ++depth)
      axes.push_back(axisOf(result, depth, metric.shape[depth]));
    result.add(name, "", std::move(axes), std::move(metric.values));
  }
  return result;
}

Expected<void> run(const Options& options) {
  TRY(study, Study::open(options.study, Study::Access::read));
  const std::size_t colon = options.artifact.find(':');
  const std::string name = options.artifact.substr(0, colon);
  const std::string value = colon == std::string::npos ? "" : options.artifact.substr(colon + 1);
  TRY(artifact, study.find(name));
  if (options.format == "hf") {
    if (artifact.kind != Kind::model)
      return usageError(fmt::format("hf exports models; {} is a {}", name, moescope::name(artifact.kind)));
    TRY_DO(exportFolder(artifact.path, options.out, [](std::uint64_t done, std::uint64_t total) {
      if (::isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\rcopied {} of {} MB", done / 1'000'000, total / 1'000'000);
      return true;
    }));
    if (::isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\n");
  } else if (options.format == "h5") {
    if (artifact.kind == Kind::model || artifact.kind == Kind::corpus)
      return usageError(fmt::format("{} is a {}, which is not kept as HDF5{}", name, moescope::name(artifact.kind),
                                    artifact.kind == Kind::model ? "; use --format hf" : ""));
    TRY_DO(exportFiles(artifact, options.out));
  } else {
    if (artifact.kind != Kind::result && artifact.kind != Kind::run)
      return usageError(fmt::format("{} exports values of results and metrics of runs; {} is a {}", options.format,
                                    name, moescope::name(artifact.kind)));
    TRY(result, artifact.kind == Kind::run ? valuesOfRun(artifact.path) : readResult(artifact.path));
    TRY(text, valueText(result, options, name, value));
    if (options.out == "-")
      std::cout << text;
    else
      TRY_DO(writeFileSafely(options.out, text));
  }
  if (options.json)
    printJson(Json{{"out", options.out}, {"bytes", bytesBelow(options.out)}});
  else if (options.out != "-")
    std::cout << "wrote " << options.out << "\n";
  return {};
}

}  // namespace

Command exportCommand(CLI::App& program) {
  auto options = std::make_shared<Options>();
  CLI::App* word = program.add_subcommand("export", "write an artifact, or one value of a result, in another format");
  wantStudy(*word, options->study);
  word->add_option("ARTIFACT", options->artifact, "ID|NAME, and for one value of a result NAME:VALUE")->required();
  word->add_option("--format", options->format,
                   "csv, json, npy: a value of a result or a metric of a run; h5: the file; hf: a model's folder")
      ->required()
      ->check(CLI::IsMember({"csv", "json", "npy", "h5", "hf"}))
      ->type_name("FORMAT");
  word->add_option("--out", options->out, "file or folder to write; - prints csv, json or npy")
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
