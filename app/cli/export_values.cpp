// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "app/cli/exporter.h"
#include "app/cli/value_text.h"
#include "core/base/file.h"
#include "core/operation/parameter.h"
#include "core/study/run_file.h"

namespace moescope::cli {

namespace fs = std::filesystem;

namespace {

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

using TextOf = Expected<std::string> (*)(const Result&, const Value&);

Expected<Result> valuesOf(const Export& wanted, std::string_view format) {
  const Artifact& artifact = wanted.artifact;
  if (artifact.kind == Kind::run) return valuesOfRun(artifact.path);
  if (artifact.kind == Kind::result) return readResult(artifact.path);
  return usageError(fmt::format("{} exports values of results and metrics of runs; {} is a {}", format, wanted.name,
                                moescope::name(artifact.kind)));
}

Expected<void> writeText(const Export& wanted, const std::string& text) {
  if (wanted.out != "-") return writeFileSafely(wanted.out, text);
  std::cout << text;
  return {};
}

Expected<void> exportText(const Export& wanted, std::string_view format, TextOf textOf) {
  TRY(result, valuesOf(wanted, format));
  TRY(value, findValue(result, wanted.name, wanted.value));
  TRY(text, textOf(result, *value));
  return writeText(wanted, text);
}

}  // namespace

Expected<void> exportCsv(const Export& wanted) {
  return exportText(wanted, "csv", valueCsv);
}
Expected<void> exportLatex(const Export& wanted) {
  return exportText(wanted, "latex", valueLatex);
}
Expected<void> exportNpy(const Export& wanted) {
  return exportText(wanted, "npy", [](const Result& result, const Value& value) { return valueNpy(value, result); });
}

Expected<void> exportJson(const Export& wanted) {
  if (!wanted.value.empty())
    return exportText(wanted, "json", [](const Result& result, const Value& value) -> Expected<std::string> {
      return canonical(valueJson(result, value)) + "\n";
    });
  TRY(result, valuesOf(wanted, "json"));
  Json all = Json::array();
  for (const Value& value : result.values) all.push_back(valueJson(result, value));
  return writeText(wanted, canonical(Json{{"values", std::move(all)}, {"facts", result.facts}}) + "\n");
}

}  // namespace moescope::cli
