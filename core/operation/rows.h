// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/study/study.h"

namespace moescope {

// One artifact as `list`, `show` and the protocol's `rows` say it: {"id","kind","names","state","created"}, and with
// `full`
// {"operation","port","path","bytes","summary","tags","note","request":{...},"request_digest","provenance":{...},"inputs":[...]}.
Json rowJson(const Study& study, const Artifact& artifact, bool full);

// The files of an artifact that travel to a window on another machine, relative to its folder (or the file's own name):
// all of a result, plan, run or activations; of a trace its counters; of a model and a corpus what is JSON.
std::vector<std::filesystem::path> travellingFiles(const Artifact& artifact);
// Every file of an artifact, the same way.
std::vector<std::filesystem::path> allFiles(const Artifact& artifact);

}  // namespace moescope
