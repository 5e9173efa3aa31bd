// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/job.h"
#include "core/operation/parameter.h"
#include "core/result/figure.h"
#include "core/result/result.h"
#include "core/study/artifact.h"

namespace moescope {

struct Port {
  std::string name;
  Kind kind;
  bool optional = false;
  bool many = false;
  std::string help = {};
};

// Everything a caller needs to know of an operation without running it: command line, form, digest, page and help come
// from this.
struct Description {
  std::string id;     // "area.verb"
  int version = 1;    // raised when the same request would give other numbers
  std::string title;  // plain words, sentence case
  std::string help;   // one paragraph: what, formula, source
  std::string page;   // the window's page: "Load"; "" for none
  std::vector<Port> in = {};
  std::vector<Port> out = {};
  std::vector<Parameter> parameters = {};
  std::vector<Figure> figures = {};
  std::vector<std::string> needs = {};  // "torch", "activations"
  bool interactive = false;             // answers in about a second: may run in the warm worker
  std::string example = {};             // one command line
  std::string worker = "light";         // "light", "torch" or the plugin's folder; filled by whoever lists it
};

// The resolved artifacts of one call. Ports were checked against the description.
class Inputs {
 public:
  void add(std::string port, Artifact artifact) { byPort_[std::move(port)].push_back(std::move(artifact)); }
  const Artifact& at(std::string_view port) const;             // a required port
  const Artifact* find(std::string_view port) const;           // an optional one, or null
  std::span<const Artifact> all(std::string_view port) const;  // in the order given
  const std::map<std::string, std::vector<Artifact>, std::less<>>& byPort() const { return byPort_; }

 private:
  std::map<std::string, std::vector<Artifact>, std::less<>> byPort_;
};

struct Cost {
  std::uint64_t bytes = 0;   // written
  std::uint64_t memory = 0;  // resident, bytes
  double seconds = 0;        // on this machine, roughly; 0 = not known
};

// One output. Either a Result, which the host writes, or the files that the operation wrote below job.place(port).
struct Output {
  std::string port;
  Kind kind = Kind::result;
  std::optional<Result> result = {};
  Json summary = Json::object();  // small facts for lists and trees: tokens, documents, experts, layers, parameters
  std::optional<std::filesystem::path> outside = {};  // a referenced model: where it is,
  std::string outsideId = {};                         // and its id
};
using Outputs = std::vector<Output>;

// What a user does. Three functions and nothing else; no state between calls, no hidden randomness.
struct Operation {
  Description (*describe)();
  Expected<Cost> (*estimate)(const Inputs&, const Parameters&);  // validates combinations; reads headers at most
  Expected<Outputs> (*run)(const Inputs&, const Parameters&, Job&);
};

// The one output "result" of an analysis.
Outputs one(std::string port, Result result, Json summary = Json::object());

// The form that `operations --json` prints and that plugin.json uses; what is empty or false may be left out:
//   {"id","version","title","help","page","worker","needs":[],"interactive":false,"example",
//    "in":[{"name","kind","optional":false,"many":false,"help"}], "out":[...as "in"],
//    "parameters":[{"name","type":integer|real|flag|text|path|choice|list,"default","low","high","unit","help","primary":true,
//                   "options":[{"name","help","parameters":[...]}]}],
//    "figures":[...result/figure.h]}
// low and high are needed for numbers (may be "inf", "-inf"); a default of null, or none, means that a value must be
// given.
Json toJson(const Description& description);
// Input errors name `file` and the member that is wrong.
Expected<Description> descriptionFromJson(const Json& json, const std::string& file = {});

}  // namespace moescope
