// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/chat_template.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "core/base/utf8.h"
#include "core/checkpoint/checkpoint_folder.h"

namespace moescope {
namespace {

constexpr std::uint64_t longest = 16u << 20;

void addLines(std::vector<std::string>& lines, std::string_view text) {
  const std::string valid = validUtf8(text);
  for (std::size_t at = 0; at < valid.size();) {
    const std::size_t stop = std::min(valid.find('\n', at), valid.size());
    std::string line = valid.substr(at, stop - at);
    std::erase(line, '\r');
    lines.push_back(std::move(line));
    at = stop + 1;
  }
}

// A template, or a list of {"name","template"}.
void addTemplates(std::vector<std::string>& lines, const Json& value) {
  if (value.is_string()) return addLines(lines, value.get_ref<const std::string&>());
  if (!value.is_array()) return;
  for (const Json& one : value) {
    if (!one.is_object() || !one.contains("template") || !one["template"].is_string()) continue;
    const auto name = one.find("name");
    addLines(lines, fmt::format("{{# {} #}}", name != one.end() && name->is_string() ? name->get<std::string>() : ""));
    addLines(lines, one["template"].get_ref<const std::string&>());
  }
}

}  // namespace

Expected<std::vector<std::string>> readChatTemplate(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  TRY(folder, CheckpointFolder::open(path));
  if (folder.has("chat_template.jinja")) {
    TRY(text, folder.text("chat_template.jinja", longest));
    addLines(lines, text);
    return lines;
  }
  for (const char* name : {"chat_template.json", "tokenizer_config.json"}) {
    if (!folder.has(name)) continue;
    TRY(json, folder.json(name, longest));
    if (json.is_object() && json.contains("chat_template")) addTemplates(lines, json["chat_template"]);
    if (!lines.empty()) break;
  }
  return lines;
}

}  // namespace moescope
