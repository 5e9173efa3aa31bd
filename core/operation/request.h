// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/operation/operation.h"
#include "core/study/study.h"

namespace moescope {

// An operation with its inputs and parameters. Its digest finds the outputs again (design section 1, "Two digests").
// JSON: {"operation","version","in":{PORT:[ID...]},"set":{},"outside":{},"events":[],"plugin"}, empty members left out.
struct Request {
  std::string operation;
  int version = 1;
  std::map<std::string, std::vector<std::string>> inputs = {};  // ids by port, in order; names before resolveRequest()
  Json set = Json::object();                                    // what differs from that version's defaults
  Json outside =
      Json::object();  // by path parameter: {"digest","files","bytes"} of what is there, in place of the string
  Json events = Json::array();  // live events, once there were any: [{"step","set"}]
  std::string plugin = {};      // digest of plugin.json and executable, for plugins
};

Json toJson(const Request& request);
// Also what people and recipes write: a port may hold one string in place of a list; version may be missing.
Expected<Request> requestFromJson(const Json& json);
std::string digest(const Request& request);

// Turns names into ids and values into checked ones, and looks at the outside paths (relative ones from the working
// folder). Usage errors: port, number or kind of inputs, parameters; input errors: an outside path that is missing.
Expected<Request> resolveRequest(const Request& asked, const Description& description, const Study& study);

// The artifacts of a resolved request.
Expected<Inputs> openInputs(const Request& request, const Study& study);

// What stands for an outside file or folder in a digest: its files' relative names, sizes and times, digested; how
// many, how large.
Expected<Json> outsideFiles(const std::filesystem::path& path);

// Usage error that names the known description nearest to `id`.
Expected<const Description*> findDescription(const std::vector<Description>& known, const std::string& id);

}  // namespace moescope
