// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/plugin.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>

#include "core/base/process.h"
#include "core/operation/request.h"
#include "core/study/trust.h"
#include "tests/study/temporary_folder.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

Json descriptionOf(const std::string& id) {
  return Json{{"id", id},
              {"version", 1},
              {"title", "A test"},
              {"help", "A test."},
              {"page", "Load"},
              {"in", {{{"name", "trace"}, {"kind", "trace"}}}},
              {"out", {{{"name", "result"}, {"kind", "result"}}}},
              {"command", {"/bin/sh", "run.sh"}}};
}

// A Job that keeps what it was told.
struct ListeningJob : QuietJob {
  using QuietJob::QuietJob;
  void progress(double fraction, std::string_view stage) override {
    if (fraction > 0) stages.push_back(std::to_string(fraction).substr(0, 4) + " " + std::string(stage));
    if (stopAtProgress && fraction > 0) stop = true;
  }
  void log(std::string_view level, std::string_view text) override {
    logged.push_back(std::string(level) + ": " + std::string(text));
  }
  std::vector<std::string> stages, logged;
  bool stopAtProgress = false;
};

struct PluginTest : testing::Test {
  TemporaryFolder folder;
  PluginTest() {
    ::setenv("XDG_DATA_HOME", (folder / "data").c_str(), 1);
    ::setenv("MOESCOPE_PLUGIN_PATH", (folder / "first").c_str(), 1);
  }
  fs::path make(const fs::path& at, Json description, const std::string& script) {
    writeText(at / "run.sh", script);
    writeText(at / "plugin.json", description.dump());
    return at;
  }
  // The error of running a plugin that is this script.
  Error failureOf(const std::string& script, Json limits = Json::object()) {
    Json description = descriptionOf("test.fails");
    description["limits"] = limits;
    const auto plugin = readPlugin(make(folder / "fails", description, script));
    if (!plugin) return plugin.error();
    ListeningJob job(folder / "job");
    const auto outputs = runPlugin(*plugin, inputs(), *checkParameters({}, Json::object()), job);
    return outputs ? Error{ErrorKind::bug, "it did not fail"} : outputs.error();
  }
  Inputs inputs() {
    Inputs inputs;
    inputs.add("trace", Artifact{.id = std::string(64, 'a'), .kind = Kind::trace, .path = folder / "trace"});
    return inputs;
  }
};

TEST_F(PluginTest, ADescriptionWithACommandIsAPlugin) {
  Json description = descriptionOf("test.sound");
  description["limits"] = {{"memory", 1 << 30}, {"seconds", 5}};
  const fs::path at = make(folder / "sound", description, "exit 0");
  const auto plugin = readPlugin(at);
  ASSERT_TRUE(plugin) << plugin.error().message;
  EXPECT_EQ(plugin->description.id, "test.sound");
  EXPECT_EQ(plugin->description.worker, at.string());
  EXPECT_EQ(plugin->command, (std::vector<std::string>{"/bin/sh", (at / "run.sh").string()}));
  EXPECT_EQ(plugin->memory, 1u << 30);
  EXPECT_EQ(plugin->seconds, 5);
}

TEST_F(PluginTest, ItsDigestFollowsDescriptionAndExecutableAndNothingElse) {
  const fs::path at = make(folder / "a", descriptionOf("test.a"), "exit 0");
  const std::string digest = readPlugin(at)->digest;
  writeText(at / "notes.txt", "not part of it");
  EXPECT_EQ(readPlugin(at)->digest, digest);
  writeText(at / "run.sh", "exit 1");
  const std::string changed = readPlugin(at)->digest;
  EXPECT_NE(changed, digest);
  Json description = descriptionOf("test.a");
  description["title"] = "Another title";
  writeText(at / "plugin.json", description.dump());
  EXPECT_NE(readPlugin(at)->digest, changed);
}

TEST_F(PluginTest, WhatIsWrongWithAPluginIsNamed) {
  const auto reasonOf = [&](const std::string& key, const Json& value) {
    Json description = descriptionOf("test.wrong");
    if (value.is_null())
      description.erase(key);
    else
      description[key] = value;
    const auto plugin = readPlugin(make(folder / "wrong", description, ""));
    if (plugin) return std::string("accepted");
    EXPECT_EQ(plugin.error().kind, ErrorKind::input);
    EXPECT_EQ(plugin.error().file, (folder / "wrong/plugin.json").string());
    return plugin.error().message;
  };
  EXPECT_NE(reasonOf("command", nullptr).find("command"), std::string::npos);
  EXPECT_NE(reasonOf("command", Json::array({1})).find("command"), std::string::npos);
  EXPECT_NE(reasonOf("command", Json::array({"./missing"})).find("missing"), std::string::npos);
  EXPECT_NE(reasonOf("id", nullptr).find("id"), std::string::npos);
  EXPECT_NE(reasonOf("out", Json::array()).find("out"), std::string::npos);
  EXPECT_NE(reasonOf("out", Json::array({Json{{"name", "model"}, {"kind", "model"}}})).find("model"),
            std::string::npos);
  EXPECT_NE(reasonOf("limits", Json{{"seconds", -1}}).find("limits.seconds"), std::string::npos);
  EXPECT_NE(reasonOf("limits", Json{{"memory", "much"}}).find("limits.memory"), std::string::npos);
  writeText(folder / "wrong/plugin.json", "{ not JSON");
  EXPECT_EQ(readPlugin(folder / "wrong").error().kind, ErrorKind::input);
}

TEST_F(PluginTest, TheFirstOfAnIdCountsAndWhatIsBuiltInComesBeforeAll) {
  make(folder / "first/a", descriptionOf("test.a"), "");
  make(folder / "data/moescope/plugins/a", descriptionOf("test.a"), "");
  make(folder / "data/moescope/plugins/b", descriptionOf("load.balance"), "");
  writeText(folder / "first/c/plugin.json", "garbage");
  const std::vector<Description> known{{.id = "load.balance"}};
  const Plugins plugins = findPlugins(folder / "bin/moescope-cli", nullptr, known);
  ASSERT_EQ(plugins.usable.size(), 1u);
  EXPECT_EQ(plugins.usable[0].folder, folder / "first/a");
  ASSERT_EQ(plugins.rejected.size(), 3u);
  EXPECT_EQ(toJson(plugins.rejected[0])["id"], "c");
  EXPECT_NE(plugins.rejected[0].reason.message.find("JSON"), std::string::npos);
  EXPECT_NE(plugins.rejected[1].reason.message.find("comes first"), std::string::npos);
  EXPECT_NE(plugins.rejected[2].reason.message.find("built in"), std::string::npos);
  EXPECT_TRUE(findPlugin("test.a", folder / "bin/moescope-cli", nullptr, known));
  const auto mistyped = findPlugin("test.aa", folder / "bin/moescope-cli", nullptr, known);
  EXPECT_EQ(mistyped.error().kind, ErrorKind::usage);
  EXPECT_EQ(findPlugin("c", folder / "bin/moescope-cli", nullptr, known).error().kind, ErrorKind::input);
}

TEST_F(PluginTest, PluginsOfAForeignStudyWaitUntilItIsTrusted) {
  auto study = Study::create(folder / "S");
  ASSERT_TRUE(study);
  make(folder / "S/plugins/a", descriptionOf("test.a"), "");
  const auto of = [](const Study& asked) { return findPlugins("/nowhere/bin/moescope-cli", &asked, {}); };
  ASSERT_EQ(of(*study).rejected.size(), 1u);
  EXPECT_NE(of(*study).rejected[0].reason.message.find("study trust"), std::string::npos);
  ASSERT_TRUE(trust(*study));
  EXPECT_EQ(of(*study).usable.size(), 1u);
  // A copy has the id but is another place.
  fs::copy(folder / "S", folder / "copy", fs::copy_options::recursive);
  const auto copy = Study::open(folder / "copy", Study::Access::read);
  ASSERT_TRUE(copy);
  EXPECT_EQ(of(*copy).rejected.size(), 1u);
}

TEST_F(PluginTest, TheRequestFileHasInputsValuesAndPathsToWriteTo) {
  Json description = descriptionOf("test.echo");
  description["parameters"] = {
      {{"name", "bins"}, {"type", "integer"}, {"default", 10}, {"low", 1}, {"high", 99}, {"help", "How many."}}};
  const auto plugin = readPlugin(
      make(folder / "echo", description, "cp \"$1\" " + (folder / "seen").string() + "; echo \"$PYTHONPATH\"; exit 5"));
  ASSERT_TRUE(plugin) << plugin.error().message;
  ListeningJob job(folder / "job");
  const auto parameters = checkParameters(plugin->description.parameters, Json{{"bins", 7}});
  ASSERT_TRUE(parameters);
  const auto outputs = runPlugin(*plugin, inputs(), *parameters, job);
  EXPECT_EQ(outputs.error().kind, ErrorKind::cancelled) << "its exit code says so";
  const Json request = Json::parse(std::ifstream(folder / "seen"));
  EXPECT_EQ(request["operation"], "test.echo");
  EXPECT_EQ(request["in"]["trace"], (Json{{"kind", "trace"}, {"path", (folder / "trace").string()}}));
  EXPECT_EQ(request["set"], (Json{{"bins", 7}}));
  EXPECT_TRUE(request["out"]["result"].get<std::string>().ends_with("/out/result.h5"));
  EXPECT_TRUE(fs::is_directory(request["scratch"].get<std::string>()));
  ASSERT_EQ(job.logged.size(), 1u);
  EXPECT_NE(job.logged[0].find("share/moescope/sdk/python"), std::string::npos);
}

TEST_F(PluginTest, ProgressAndWordsReachTheJob) {
  const auto plugin = readPlugin(
      make(folder / "talks", descriptionOf("test.talks"),
           R"(echo '{"progress":0.25,"stage":"reading"}'; echo '{"log":"half of it is padding","level":"warning"}'
echo 'a print of a library'; echo '{"progress":7}'; printf '{"error":{"kind":"input","message":"no tokens"}}'; exit 3)"));
  ASSERT_TRUE(plugin);
  ListeningJob job(folder / "job");
  const auto outputs = runPlugin(*plugin, inputs(), *checkParameters({}, Json::object()), job);
  EXPECT_EQ(job.stages, (std::vector<std::string>{"0.25 reading"}));
  EXPECT_EQ(job.logged, (std::vector<std::string>{"warning: half of it is padding", "info: a print of a library"}));
  EXPECT_EQ(outputs.error().kind, ErrorKind::input);
  EXPECT_NE(outputs.error().message.find("no tokens"), std::string::npos) << outputs.error().message;
}

TEST_F(PluginTest, ACrashIsAnErrorOfTheEnvironmentThatNamesSignalAndLastWords) {
  const Error error = failureOf("echo 'assertion failed: k > 0' >&2; kill -SEGV $$");
  EXPECT_EQ(error.kind, ErrorKind::environment);
  EXPECT_NE(error.message.find("signal 11"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("assertion failed: k > 0"), std::string::npos) << error.message;
  const Error exit = failureOf("echo Traceback >&2; exit 1");
  EXPECT_EQ(exit.kind, ErrorKind::environment);
  EXPECT_NE(exit.message.find("exit code 1"), std::string::npos);
  EXPECT_EQ(failureOf("exit 70").kind, ErrorKind::bug);
}

TEST_F(PluginTest, AHangIsStoppedAtItsTimeLimitWithEverythingItStarted) {
  const auto begin = std::chrono::steady_clock::now();
  const Error error = failureOf("trap '' TERM; sleep 300 & echo $! > " + (folder / "child").string() + "; sleep 300",
                                Json{{"seconds", 0.3}});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(error.kind, ErrorKind::environment);
  EXPECT_NE(error.message.find("0.3 s"), std::string::npos) << error.message;
  EXPECT_LT(seconds.count(), 20);
  std::int64_t child = 0;
  std::ifstream(folder / "child") >> child;
  ASSERT_GT(child, 0);
  for (int round = 0; round < 100 && processStart(child); ++round) ::usleep(20'000);
  EXPECT_FALSE(processStart(child)) << "a process that it started lives on";
}

TEST_F(PluginTest, MoreMemoryThanItsLimitIsRefusedToIt) {
  // dd asks for one block of 512 MiB.
  const Error error = failureOf("exec dd if=/dev/zero of=/dev/null bs=512M count=1", Json{{"memory", 256 << 20}});
  EXPECT_EQ(error.kind, ErrorKind::environment);
  EXPECT_NE(error.message.find("memory"), std::string::npos) << error.message;
}

TEST_F(PluginTest, CancellingEndsIt) {
  const auto plugin =
      readPlugin(make(folder / "long", descriptionOf("test.long"), R"(echo '{"progress":0.1}'; sleep 300)"));
  ListeningJob job(folder / "job");
  job.stopAtProgress = true;
  const auto outputs = runPlugin(*plugin, inputs(), *checkParameters({}, Json::object()), job);
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().kind, ErrorKind::cancelled);
}

TEST_F(PluginTest, GarbageInPlaceOfAResultIsANamedInputError) {
  const std::string out = "out=$(sed 's/.*\"result\":\"\\([^\"]*\\)\".*/\\1/' \"$1\"); ";
  for (const std::string& script : {std::string("exit 0"), out + "echo no HDF5 > $out", out + "ln -s /etc/passwd $out",
                                    out + "mkdir $out", out + "mkfifo $out"}) {
    const Error error = failureOf(script);
    EXPECT_EQ(error.kind, ErrorKind::input) << script << ": " << error.message;
    EXPECT_NE(error.message.find("test.fails"), std::string::npos) << error.message;
  }
}

TEST_F(PluginTest, AFloodOfOutputNeitherBlocksNorFillsTheMemory) {
  const Error error = failureOf(
      "yes | head -c 30000000; yes 'x' | tr -d '\\n' | head -c 30000000; yes err | head -c 30000 >&2; exit 4");
  EXPECT_EQ(error.kind, ErrorKind::environment) << error.message;
}

TEST_F(PluginTest, AProgramThatCannotStartIsNamed) {
  Json description = descriptionOf("test.missing");
  description["command"] = {"no-such-interpreter-here", "run.sh"};
  const auto plugin = readPlugin(make(folder / "missing", description, ""));
  ASSERT_TRUE(plugin);
  ListeningJob job(folder / "job");
  const auto outputs = runPlugin(*plugin, inputs(), *checkParameters({}, Json::object()), job);
  EXPECT_EQ(outputs.error().kind, ErrorKind::environment);
  EXPECT_NE(outputs.error().message.find("no-such-interpreter-here"), std::string::npos);
}

}  // namespace
}  // namespace moescope
