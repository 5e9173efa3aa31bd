// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/connection.h"

#include <fmt/format.h>

#include "core/base/file.h"
#include "core/operation/message_fields.h"
#include "core/operation/preview.h"
#include "core/operation/rows.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {
constexpr std::size_t listBytes = 800000;  // longer lists are split, so that every line stays under 1 MiB
}  // namespace

Expected<void> Connection::edit(const Json& message) {
  if (!message.contains("change") || !message["change"].is_object())
    return usageError("edit needs \"change\", an object");
  const Json& change = message["change"];
  const std::string what = textOf(change, "edit"), id = textOf(change, "id");
  Study& study = supervisor_->study();
  std::string done = what;
  if (what == "name")
    TRY_DO(study.setName(id, textOf(change, "name")));
  else if (what == "remove")
    TRY_DO(study.remove(id));
  else if (what == "tag")
    TRY_DO(study.setTag(id, textOf(change, "tag"), flagOf(change, "on", true)));
  else if (what == "note")
    TRY_DO(study.setNote(id, textOf(change, "note")));
  else if (what == "undo")
    TRY_ASSIGN(done, study.undo());
  else if (what == "redo")
    TRY_ASSIGN(done, study.redo());
  else
    return usageError("there is no edit \"" + what.substr(0, 80) +
                      "\"; there are name, remove, tag, note, undo and redo");
  answer(Json{{"type", "edited"}, {"what", done}, {"change", change}});
  return {};
}

Expected<void> Connection::rows(const Json& message) {
  const std::int64_t since =
      message.contains("since") && message["since"].is_number_integer() ? message["since"].get<std::int64_t>() : 0;
  return sendRows(since, seq_);
}

Expected<void> Connection::sendRows(std::int64_t since, const Json& seq) {
  const std::int64_t revision = supervisor_->study().revision();
  TRY(artifacts, supervisor_->study().changedSince(since));
  told_ = std::max(told_, revision);
  if (artifacts.empty() && seq.is_null()) return {};
  std::vector<Json> list;
  for (const Artifact& artifact : artifacts) list.push_back(rowJson(supervisor_->study(), artifact, true));
  seq_ = seq;
  answerInParts("rows", "rows", list, Json{{"revision", revision}});
  return {};
}

void Connection::answerInParts(const char* type, const char* member, const std::vector<Json>& list, const Json& rest) {
  std::size_t at = 0;
  do {
    Json message = rest;
    message["type"] = type;
    message[member] = Json::array();
    for (std::size_t bytes = 0; at < list.size() && bytes < listBytes; ++at) {
      const std::size_t size = canonical(list[at]).size();
      if (bytes > 0 && bytes + size > listBytes) break;
      bytes += size;
      message[member].push_back(list[at]);
    }
    message["more"] = at < list.size();
    answer(std::move(message));
  } while (at < list.size());
}

Expected<void> Connection::get(const Json& message) {
  TRY(id, requiredText(message, "id"));
  auto artifact = supervisor_->study().find(id);
  if (!artifact) {
    auto preview = findPreviewById(supervisor_->study(), id);
    if (!preview) return std::move(artifact).error();
    artifact = *std::move(preview);
  }
  const std::vector<fs::path> files = travellingFiles(*artifact);
  const fs::path folder = fs::is_directory(artifact->path) ? artifact->path : artifact->path.parent_path();
  if (files.empty())
    return inputError("nothing of " + id + " can travel: its files are gone, or too large", folder.string());
  for (std::size_t at = 0; at < files.size(); ++at)
    TRY_DO(sendFile(id, folder / files[at], files[at], at + 1 < files.size()));
  return {};
}

Expected<void> Connection::sendFile(const std::string& id, const fs::path& path, const fs::path& shown,
                                    bool moreFiles) {
  TRY(file, InputFile::open(path));
  std::uint64_t offset = 0;
  do {
    std::string bytes(std::min<std::uint64_t>(protocol::mostBytes, file.size() - offset), '\0');
    TRY_DO(file.read(offset, std::as_writable_bytes(std::span(bytes))));
    Json part{{"type", "part"},
              {"id", id},
              {"path", shown.generic_string()},
              {"offset", offset},
              {"total", file.size()},
              {"bytes", bytes.size()},
              {"more", moreFiles || offset + bytes.size() < file.size()}};
    if (!seq_.is_null()) part["seq"] = seq_;
    offset += bytes.size();
    out_.write(canonical(part) + "\n" + bytes);
  } while (offset < file.size());
  return {};
}

}  // namespace moescope
