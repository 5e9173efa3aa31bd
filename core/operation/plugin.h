// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/operation/operation.h"
#include "core/study/study.h"

// Plugins (contract section 7): a folder with plugin.json, which is a description as `operations --json` prints it plus
//   "command": ["./program", ...]  relative words that name a file of the folder mean that file; a bare program is
//   looked up in PATH "limits": {"memory": BYTES, "seconds": N}  optional
// and an executable in any language. Nothing of it is ever loaded into a process of ours.
namespace moescope {

struct Plugin {
  Description description;  // its `worker` is the folder
  std::filesystem::path folder;
  std::vector<std::string> command;  // absolute where it means files of the folder
  std::string digest;                // of plugin.json and the files that the command names
  std::uint64_t memory = 0;          // address space it may have, bytes
  double seconds = 0;                // it may take
};

// Input errors name plugin.json and what is wrong with it.
Expected<Plugin> readPlugin(const std::filesystem::path& folder);

// A plugin that is there and cannot be used, with the reason.
struct RejectedPlugin {
  std::filesystem::path folder;
  Error reason;
};

struct Plugins {
  std::vector<Plugin> usable;
  std::vector<RejectedPlugin> rejected;
};

// Where plugins are looked for, in order: each folder of $MOESCOPE_PLUGIN_PATH, the study's plugins/, the user's data
// folder, the installation of `program`. A folder there is a plugin, or holds plugins.
std::vector<std::filesystem::path> pluginSearchPath(const std::filesystem::path& program, const Study* study);

// All plugins of the search path beside the operations that are known. The first one of an id counts; what is built in
// comes before any plugin. The plugins in the folder of a study that is not trusted are rejected.
Plugins findPlugins(const std::filesystem::path& program, const Study* study, const std::vector<Description>& known);

// The usable plugin of that id; else the reason why it was rejected; else a usage error with the nearest operation.
Expected<Plugin> findPlugin(const std::string& id, const std::filesystem::path& program, const Study* study,
                            std::vector<Description> known);

// Rejected ones as rows of `operations --json`: {"id","plugin":folder,"rejected":reason}.
Json toJson(const RejectedPlugin& rejected);

// Runs a plugin on resolved inputs under its limits, in `job.scratch()`, and reads what it wrote as foreign. Its
// failure is an error of the kind of its exit code; a crash, a hang or too much memory is an environment error, garbage
// an input error.
Expected<Outputs> runPlugin(const Plugin& plugin, const Inputs& inputs, const Parameters& parameters, Job& job);

}  // namespace moescope
