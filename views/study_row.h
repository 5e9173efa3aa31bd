// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/expected.h"
#include "core/study/artifact.h"

namespace moescope {

// An artifact as the window knows it: the row that `serve` sent, with what made it.
struct StudyRow {
  Artifact artifact;
  Json summary = Json::object();
  Json request = Json::object();     // {"operation","in","set",...}; empty for what was not made here
  Json provenance = Json::object();  // version, host, seed, start, duration
  std::vector<std::string> inputs;   // ids, in order of the ports
};

// Unknown fields are ignored; without an id or a known kind there is no row (input error).
Expected<StudyRow> studyRowFromJson(const Json& json);

// The small fact at the right of a tree row: "3.1 MB", "step 840", "8 experts", "412 k". May be empty.
QString smallFact(const StudyRow& row);

QString inBytes(double bytes);       // "3.1 MB"
QString inCount(double count);       // "412", "98 k", "1.72 M", "30.5 B"
QString inTime(double seconds);      // "6 s", "1 min 20 s", "2 h 5 min"
QString inWords(const Json& value);  // a parameter's value as a form shows it

}  // namespace moescope
