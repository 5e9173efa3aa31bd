// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>
#include <vector>

#include "core/operation/operation.h"

namespace moescope {

// Steps of a training as they came over the wire; values[i] holds metric i, step after step, each of shapes[i].
struct MetricsBatch {
  QString job;
  std::vector<std::string> names;
  std::vector<std::vector<std::int64_t>> shapes;
  std::vector<std::int64_t> steps;
  std::vector<std::vector<double>> values;
};

// The operations.json that the build wrote beside the programs: forms exist before the engine answers.
Expected<std::vector<Description>> describedOperations(const QString& programFolder);
std::vector<Description> descriptionsFromJson(const Json& json, QStringList* rejected = nullptr);
// values[s] is a number or a flat list; NaN is null.
MetricsBatch metricsFromJson(const Json& message);

}  // namespace moescope
