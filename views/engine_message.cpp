// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/engine_message.h"

#include <QFileInfo>
#include <limits>

#include "core/base/json_reading.h"

namespace moescope {

std::vector<Description> descriptionsFromJson(const Json& json, QStringList* rejected) {
  std::vector<Description> result;
  const auto inner = json.is_object() ? json.find("operations") : json.end();
  const Json& list = inner != json.end() ? *inner : json;
  if (!list.is_array()) return result;
  for (const Json& item : list) {
    auto description = descriptionFromJson(item, "operations.json");
    if (description) {
      result.push_back(*std::move(description));
    } else if (rejected != nullptr) {
      rejected->append(QString::fromStdString(description.error().message));
    }
  }
  return result;
}

Expected<std::vector<Description>> describedOperations(const QString& programFolder) {
  for (const char* place : {"/operations.json", "/../share/moescope/operations.json"}) {
    const QString path = programFolder + QLatin1String(place);
    if (!QFileInfo::exists(path)) continue;
    TRY(json, readJson(path.toStdString()));
    return descriptionsFromJson(json);
  }
  return inputError("operations.json is not beside the program; build the target operations_json",
                    programFolder.toStdString());
}

MetricsBatch metricsFromJson(const Json& message) {
  MetricsBatch batch;
  if (const auto job = message.find("job"); job != message.end() && job->is_string())
    batch.job = QString::fromStdString(job->get<std::string>());
  const auto list = [&](const char* key) {
    const auto found = message.find(key);
    return found != message.end() && found->is_array() ? *found : Json::array();
  };
  const Json steps = list("steps"), names = list("names"), shapes = list("shapes"), values = list("values");
  for (const Json& step : steps) batch.steps.push_back(step.is_number() ? step.get<std::int64_t>() : -1);
  for (std::size_t i = 0; i < names.size() && i < values.size(); ++i) {
    if (!names[i].is_string() || !values[i].is_array() || values[i].size() != batch.steps.size()) continue;
    std::vector<std::int64_t> shape;
    std::size_t width = 1;
    if (i < shapes.size() && shapes[i].is_array())
      for (const Json& extent : shapes[i]) {
        shape.push_back(extent.is_number_integer() ? std::max<std::int64_t>(0, extent.get<std::int64_t>()) : 0);
        width *= static_cast<std::size_t>(shape.back());
      }
    if (width > (1u << 20)) continue;
    std::vector<double> flat;
    for (const Json& value : values[i]) {
      const std::size_t begin = flat.size();
      if (value.is_array()) {
        for (const Json& part : value) flat.push_back(realFromJson(part));
      } else {
        flat.push_back(realFromJson(value));
      }
      flat.resize(begin + width, std::numeric_limits<double>::quiet_NaN());
    }
    batch.names.push_back(names[i].get<std::string>());
    batch.shapes.push_back(std::move(shape));
    batch.values.push_back(std::move(flat));
  }
  return batch;
}

}  // namespace moescope
