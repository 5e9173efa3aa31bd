// SPDX-License-Identifier: GPL-3.0-or-later
// The examples prove that an analysis needs no view code: every figure that their plugin.json declares is drawn here.
#include <gtest/gtest.h>

#include <filesystem>

#include "core/operation/plugin.h"
#include "core/result/drawing.h"
#include "tests/study/temporary_folder.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

// A copy of the example, with a program at the place of one that is built only against the installed SDK.
Expected<Plugin> example(const TemporaryFolder& folder, const std::string& name) {
  fs::copy(fs::path(MOESCOPE_SOURCE_DIR) / "plugins/examples" / name, folder / name, fs::copy_options::recursive);
  if (!fs::exists(folder / name / (name + ".py"))) {
    writeText(folder / name / name, "#!/bin/sh\n");
    fs::permissions(folder / name / name, fs::perms::owner_all);
  }
  return readPlugin(folder / name);
}

std::vector<double> rising(std::size_t count, double step) {
  std::vector<double> values;
  for (std::size_t at = 0; at < count; ++at) values.push_back(step * static_cast<double>(at + 1));
  return values;
}

void expectDrawn(const Plugin& plugin, const Result& result) {
  ASSERT_TRUE(checkResult(result)) << checkResult(result).error().message;
  EXPECT_GE(plugin.description.figures.size(), 3u);
  for (const Figure& figure : plugin.description.figures) {
    const auto drawing = draw(result, figure, {});
    ASSERT_TRUE(drawing) << figure.name << ": " << drawing.error().message;
    EXPECT_TRUE(drawing->empty.empty()) << figure.name << ": " << drawing->empty;
  }
}

TEST(PluginExamples, EveryFigureOfReuseIsDrawn) {
  const TemporaryFolder folder;
  const auto plugin = example(folder, "reuse");
  ASSERT_TRUE(plugin) << plugin.error().message;
  Result result;
  result.axes = {{"layer", {"0 (block 1)", "1 (block 2)"}}, {"lag", {"1", "2", "3"}}};
  result.add("reuse", "share", {"layer", "lag"}, rising(6, 0.1)).baseline = rising(6, 0.05);
  result.add("ratio", "x expectation", {"layer", "lag"}, rising(6, 0.4));
  result.add("overlap", "share", {"layer"}, rising(2, 0.3)).baseline = rising(2, 0.2);
  expectDrawn(*plugin, result);
}

TEST(PluginExamples, EveryFigureOfConcentrationIsDrawn) {
  const TemporaryFolder folder;
  const auto plugin = example(folder, "concentration");
  ASSERT_TRUE(plugin) << plugin.error().message;
  Result result;
  result.axes = {{"layer", {"0 (block 1)", "1 (block 2)"}}, {"experts", {"1", "2", "3", "4"}}};
  result.add("share", "share", {"layer", "experts"}, rising(8, 0.125)).baseline = rising(8, 0.1);
  result.add("half", "experts", {"layer"}, rising(2, 1)).baseline = rising(2, 2);
  expectDrawn(*plugin, result);
}

}  // namespace
}  // namespace moescope
