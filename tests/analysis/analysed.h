// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/base/json_reading.h"
#include "core/operations.h"
#include "tests/trace/made_trace.h"

// Runs an analysis of the list of operations the way a worker does, on a trace in a folder.
namespace moescope::made {

inline const Operation& operation(const std::string& id) {
  for (const Operation& candidate : lightOperations())
    if (candidate.describe().id == id) return candidate;
  throw std::logic_error("no operation " + id);
}

inline Inputs inputs(const std::filesystem::path& trace) {
  Inputs in;
  in.add("trace", Artifact{.id = std::string(64, '1'), .kind = Kind::trace, .names = {"t"}, .path = trace});
  return in;
}

inline Expected<Result> analyse(const std::string& id, const Inputs& in, const std::filesystem::path& folder,
                                const Json& set, int threads) {
  const Operation& chosen = operation(id);
  TRY(parameters, checkParameters(chosen.describe().parameters, set));
  QuietJob job(folder / "job");
  job.resourcesUsed.threads = threads;
  TRY_DO(chosen.estimate(in, parameters));
  TRY(outputs, chosen.run(in, parameters, job));
  TRY_DO(checkResult(*outputs.at(0).result));
  return std::move(*outputs.at(0).result);
}

inline Expected<Result> analyse(const std::string& id, const std::filesystem::path& trace,
                                const Json& set = Json::object(), int threads = 1) {
  return analyse(id, inputs(trace), trace.parent_path(), set, threads);
}

// Of several traces: port and path.
inline Expected<Result> analyseSeveral(const std::string& id,
                                       const std::vector<std::pair<std::string, std::filesystem::path>>& traces,
                                       const Json& set = Json::object(), int threads = 1) {
  Inputs in;
  for (const auto& [port, path] : traces)
    in.add(port, Artifact{.id = std::string(64, '1'), .kind = Kind::trace, .names = {path.filename()}, .path = path});
  return analyse(id, in, traces.front().second.parent_path(), set, threads);
}

inline const Array& array(const Result& result, const std::string& name) {
  const Array* found = result.array(name);
  if (found == nullptr) throw std::logic_error("no array " + name);
  return *found;
}

// A trace whose experts a function of (layer, token, rank) gives.
template <class Choose>
Expected<void> writeChosen(const std::filesystem::path& folder, const Rule& rule, Choose choose) {
  TraceChunk all = chunk(rule);
  for (std::int64_t layer = 0; layer < rule.layers; ++layer)
    for (std::int64_t token = 0; token < rule.tokens(); ++token)
      for (std::int64_t rank = 0; rank < rule.topK; ++rank)
        all.layers[layer].expert[token * rule.topK + rank] = static_cast<std::uint16_t>(choose(layer, token, rank));
  TRY(writer, TraceWriter::open(folder, info(rule)));
  TRY_DO(writer.append(all));
  return writer.finish(vocabulary());
}

inline const Json& oracle() {  // tests/reference/analysis_oracle.py
  static const Json json = *readJson(std::string(MOESCOPE_SOURCE_DIR) + "/tests/reference/analysis_oracle.json");
  return json;
}

inline Rule ruleOf(const Json& json) {
  return {.layers = json["layers"],
          .experts = json["experts"],
          .topK = json["top_k"],
          .domains = json["domains"],
          .documents = json["documents"],
          .tokensPerDocument = json["tokens_per_document"],
          .preference = json["preference"]};
}

}  // namespace moescope::made
