// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/expected.h"

// How `serve` speaks: one JSON object a line, UTF-8, under 1 MiB; a message with a top-level integer "bytes" (up to 8
// MiB) is followed by that many raw bytes behind its newline. Every message has a "type"; answers repeat the request's
// "seq". Requests (window -> supervisor), beyond what contract section 6 says:
//   submit  {"job","view","keep","fresh","name","names":{PORT:NAME},"device","threads","memory",
//            "request":{"operation","in":{PORT:ID|[ID...]},"set":{}}}
//   event   {"job","event":{"set":{NAME:VALUE}} | {"snapshot":true} | {"pause":true} | {"resume":true}}
//   edit    {"change":{"edit":"name"|"remove"|"tag"|"note"|"undo"|"redo","id","name","tag","on","note"}}
//   attach  {"job","from_step"} sends all metrics from that step on; of jobs submitted on this connection they come
//   unasked
// Answers: accepted{job,request,cached[,joined]} edited{what} rows{rows,more,revision} part{...,more}
// error{error[,job]}
namespace moescope::protocol {

inline constexpr int version = 1;
inline constexpr std::size_t longestLine = 1u << 20;
inline constexpr std::size_t mostBytes = 8u << 20;

struct Incoming {
  Json message;                     // an object, unless `error`
  std::string bytes = {};           // what followed it
  std::optional<Error> error = {};  // the line was no message
  bool ends = false;                // after this the stream cannot be read any further
};

// Cuts a stream into messages. Garbage gives an error and costs one line.
class Reader {
 public:
  void feed(std::string_view bytes);
  std::optional<Incoming> next();

 private:
  std::optional<Incoming> withBytes(Json message);
  std::string buffer_;
  std::optional<Json> waiting_;  // for its bytes
  std::size_t waitingFor_ = 0;
  bool skipping_ = false;  // the rest of a line that is too long
  bool ended_ = false;
};

}  // namespace moescope::protocol
