// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/analysis/analysed.h"

// What tests/reference/load_oracle.py found on the same traces.
namespace moescope::made {

inline const Json& loadOracle() {
  static const Json json = *readJson(std::string(MOESCOPE_SOURCE_DIR) + "/tests/reference/load_oracle.json");
  return json;
}

inline Rule oracleRule(const char* name = "rule") {
  Rule rule = ruleOf(loadOracle()[name]);
  rule.loss = rule.logits = true;
  return rule;
}

// The trace of a rule, in windows as long as the oracle's.
inline Expected<void> writeOracle(const std::filesystem::path& folder, const Rule& rule) {
  TraceInfo information = info(rule);
  information.length = loadOracle()["length"];
  TRY(writer, TraceWriter::open(folder, information));
  TRY_DO(writer.append(chunk(rule)));
  return writer.finish(vocabulary());
}

// Compares [layer, ...] values with one entry a layer of the oracle's, a number or a list.
inline void expectLayers(const Array& array, const Json& layers, const char* name, double tolerance = 1e-9) {
  std::vector<double> expected;
  for (const Json& layer : layers) {
    const Json& of = layer[name];
    if (of.is_array())
      for (const Json& value : of) expected.push_back(value.get<double>());
    else
      expected.push_back(of.get<double>());
  }
  ASSERT_EQ(array.values.size(), expected.size()) << name;
  for (std::size_t at = 0; at < expected.size(); ++at)
    EXPECT_NEAR(array.values[at], expected[at], tolerance) << name << " " << at;
}

}  // namespace moescope::made
