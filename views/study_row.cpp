// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/study_row.h"

#include <QLocale>
#include <cmath>

namespace moescope {
namespace {

std::string wordAt(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json partAt(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return Json::object();
  if (found->is_object()) return *found;
  if (!found->is_string()) return Json::object();
  Json parsed = Json::parse(found->get<std::string>(), nullptr, false);
  return parsed.is_object() ? parsed : Json::object();
}

void addIds(const Json& value, std::vector<std::string>& into) {
  if (value.is_string()) into.push_back(value.get<std::string>());
  if (value.is_structured())
    for (const Json& part : value) addIds(part, into);
}

double numberAt(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : std::nan("");
}

QString shortReal(double value) {
  return QLocale::c().toString(value, 'g', value >= 100 ? 3 : value >= 10 ? 3 : 2);
}

}  // namespace

Expected<StudyRow> studyRowFromJson(const Json& json) {
  if (!json.is_object()) return inputError("a row of the study is not a JSON object");
  StudyRow row;
  row.artifact.id = wordAt(json, "id");
  const auto kind = kindFromName(wordAt(json, "kind"));
  if (row.artifact.id.empty() || !kind)
    return inputError("a row of the study has no id or no known kind: " + canonical(json).substr(0, 200));
  row.artifact.kind = *kind;
  const std::string state = wordAt(json, "state");
  row.artifact.state = state == "deleted"   ? ArtifactState::deleted
                       : state == "evicted" ? ArtifactState::evicted
                                            : ArtifactState::present;
  if (const auto names = json.find("names"); names != json.end()) addIds(*names, row.artifact.names);
  row.artifact.created = wordAt(json, "created");
  row.artifact.path = wordAt(json, "path");
  row.artifact.operation = wordAt(json, "operation");
  row.artifact.port = wordAt(json, "port");
  if (const double bytes = numberAt(json, "bytes"); bytes > 0) row.artifact.bytes = static_cast<std::uint64_t>(bytes);
  row.summary = partAt(json, "summary");
  row.request = partAt(json, "request");
  row.provenance = partAt(json, "provenance");
  // A digest, or the request itself: what stands there tells which outputs belong together.
  row.artifact.request = wordAt(json, "request_digest");
  if (row.artifact.request.empty()) row.artifact.request = wordAt(json, "request");
  if (row.artifact.request.empty() && !row.request.empty()) row.artifact.request = canonical(row.request);
  if (row.artifact.operation.empty()) row.artifact.operation = wordAt(row.request, "operation");
  for (const char* key : {"inputs", "in"})
    if (const auto found = json.find(key); found != json.end() && row.inputs.empty()) addIds(*found, row.inputs);
  for (const char* key : {"in", "inputs"})
    if (const auto found = row.request.find(key); found != row.request.end() && row.inputs.empty())
      addIds(*found, row.inputs);
  return row;
}

QString smallFact(const StudyRow& row) {
  const auto number = [&](const char* key) { return numberAt(row.summary, key); };
  switch (row.artifact.kind) {
    case Kind::model:
      if (const double step = number("step"); step > 0) return QStringLiteral("step ") + inCount(step);
      if (const double experts = number("experts"); experts > 0) return inCount(experts) + QStringLiteral(" experts");
      break;
    case Kind::run:
      for (const char* key : {"step", "steps"})
        if (const double step = number(key); step > 0) return QStringLiteral("step ") + inCount(step);
      break;
    case Kind::trace:
      if (const double tokens = number("tokens"); tokens > 0) return inCount(tokens);
      break;
    case Kind::result:
      return {};
    default:
      break;
  }
  return row.artifact.bytes > 0 ? inBytes(static_cast<double>(row.artifact.bytes)) : QString();
}

QString inBytes(double bytes) {
  constexpr const char* units[] = {"bytes", "kB", "MB", "GB", "TB"};
  int unit = 0;
  while (bytes >= 999.5 && unit < 4) bytes /= 1000, ++unit;
  const QString amount = unit == 0 ? QString::number(bytes, 'f', 0) : shortReal(bytes);
  return amount + QLatin1Char(' ') + QLatin1String(units[unit]);
}

QString inCount(double count) {
  if (!std::isfinite(count)) return {};
  if (std::fabs(count) < 10000) return QString::number(count, 'f', 0);
  constexpr const char* units[] = {"", " k", " M", " B", " T"};
  int unit = 0;
  while (std::fabs(count) >= 999.5 && unit < 4) count /= 1000, ++unit;
  return QLocale::c().toString(count, 'g', 3) + QLatin1String(units[unit]);
}

QString inTime(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return {};
  const auto whole = static_cast<qint64>(std::llround(seconds));
  if (whole < 60) return QStringLiteral("%1 s").arg(whole);
  if (whole < 3600)
    return whole % 60 == 0 ? QStringLiteral("%1 min").arg(whole / 60)
                           : QStringLiteral("%1 min %2 s").arg(whole / 60).arg(whole % 60);
  return QStringLiteral("%1 h %2 min").arg(whole / 3600).arg(whole / 60 % 60);
}

QString inWords(const Json& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return QString::fromStdString(value.get<std::string>());
  if (value.is_boolean()) return value.get<bool>() ? QStringLiteral("yes") : QStringLiteral("no");
  if (value.is_array()) {
    QStringList parts;
    for (const Json& part : value) parts << inWords(part);
    return parts.join(QStringLiteral(", "));
  }
  return QString::fromStdString(value.dump());
}

}  // namespace moescope
