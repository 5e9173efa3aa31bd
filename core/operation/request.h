// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/operation/operation.h"

namespace moescope {

// An operation with its inputs and parameters. Its digest finds the outputs again (design section 1, "Two digests").
struct Request {
  std::string operation;
  int version = 1;
  std::map<std::string, std::vector<std::string>> inputs;  // ids by port, in order
  Json set = Json::object();                               // what differs from that version's defaults
  Json outside = Json::object();                           // path parameters: relative names, sizes and times of their files, in place of the string
  Json events = Json::array();                             // live events, once there were any: [{"step","set"}]
  std::string plugin = {};                                 // digest of plugin.json and executable, for plugins
};

Json toJson(const Request& request);
Expected<Request> requestFromJson(const Json& json);
std::string digest(const Request& request);

}  // namespace moescope
