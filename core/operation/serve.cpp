// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/serve.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/base/file.h"
#include "core/operation/line_writer.h"
#include "core/operation/machine.h"
#include "core/operation/plugin.h"
#include "core/operation/preview.h"
#include "core/operation/protocol.h"
#include "core/operation/rows.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t fullQueue = 4u << 20;  // bytes not yet read by the window: then metrics wait
constexpr std::size_t listBytes = 800000;    // longer lists are split, so that every line stays under 1 MiB
constexpr auto watchEvery = std::chrono::milliseconds(500);

std::string textOf(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
}
bool flagOf(const Json& json, const char* key, bool otherwise) {
  return json.contains(key) && json[key].is_boolean() ? json[key].get<bool>() : otherwise;
}

Expected<std::string> requiredText(const Json& message, const char* key) {
  std::string text = textOf(message, key);
  if (text.empty()) return usageError(fmt::format("{} needs \"{}\"", textOf(message, "type"), key));
  return text;
}

Expected<Submission> submissionFrom(const Json& message) {
  if (!message.contains("request")) return usageError("submit needs \"request\"");
  TRY(request, requestFromJson(message["request"]));
  Submission submission{.request = std::move(request), .job = textOf(message, "job"), .view = textOf(message, "view")};
  submission.keep = flagOf(message, "keep", true);
  submission.fresh = flagOf(message, "fresh", false);
  submission.name = textOf(message, "name");
  if (message.contains("names") && message["names"].is_object())
    for (const auto& [port, name] : message["names"].items())
      if (name.is_string()) submission.names[port] = name.get<std::string>();
  if (const std::string device = textOf(message, "device"); !device.empty()) submission.resources.device = device;
  if (message.contains("threads") && message["threads"].is_number_unsigned())
    submission.resources.threads = message["threads"].get<int>();
  if (message.contains("memory") && message["memory"].is_number_unsigned())
    submission.resources.memory = message["memory"].get<std::uint64_t>();
  return submission;
}

// One connection: the study it opened, its supervisor and what was told so far.
class Connection {
 public:
  Connection(const Supervisor::Settings& settings, LineWriter& out) : settings_(settings), out_(out) {}

  // False when the connection ends.
  bool handle(const protocol::Incoming& incoming) {
    seq_ = incoming.message.contains("seq") ? incoming.message["seq"] : Json(nullptr);
    const std::string type = textOf(incoming.message, "type");
    Expected<void> handled;
    if (incoming.error)
      handled = *incoming.error;
    else if (type == "shutdown")
      return false;
    else
      handled = dispatch(type, incoming.message);
    if (!handled) {
      Json error{{"type", "error"}, {"error", toJson(handled.error())}};
      if (const std::string job = textOf(incoming.message, "job"); !job.empty()) error["job"] = job;
      answer(std::move(error));
    }
    return !incoming.ends;
  }

  void tick() {
    if (!supervisor_) return;
    if (out_.waiting() < fullQueue) supervisor_->tick();
    const auto now = std::chrono::steady_clock::now();
    if (now - watched_ < watchEvery) return;
    watched_ = now;
    const std::int64_t revision = supervisor_->study().revision();
    if (revision == told_) return;
    supervisor_->adopt();
    (void)sendRows(told_, nullptr);
  }

  bool busy() const { return supervisor_ && supervisor_->busy(); }

 private:
  Expected<void> dispatch(const std::string& type, const Json& message) {
    if (type == "hello") return hello(message);
    if (type == "operations") return operations();
    using Handler = Expected<void> (Connection::*)(const Json&);
    static const std::map<std::string, Handler> handlers{
        {"submit", &Connection::submit}, {"event", &Connection::event},     {"cancel", &Connection::cancel},
        {"attach", &Connection::attach}, {"metrics", &Connection::metrics}, {"edit", &Connection::edit},
        {"rows", &Connection::rows},     {"get", &Connection::get}};
    const auto handler = handlers.find(type);
    if (handler == handlers.end())
      return usageError("there is no message \"" + type.substr(0, 80) + "\" in version 1 of this protocol");
    if (!supervisor_) return usageError(type + " needs a study: say hello{study} first");
    return (this->*handler->second)(message);
  }

  void answer(Json message) {
    if (!seq_.is_null()) message["seq"] = seq_;
    send(message);
  }
  void send(const Json& message) { out_.write(canonical(message) + "\n"); }
  // What the supervisor says of jobs; held back while submit() runs, so that `accepted` is the first word about a job.
  void report(const std::string& line) {
    if (hold_ != nullptr)
      hold_->push_back(line);
    else
      out_.write(line + "\n");
  }

  Expected<void> hello(const Json& message) {
    Json hello{{"type", "hello"},
               {"version", protocol::version},
               {"program", MOESCOPE_VERSION},
               {"devices", devicesJson(Machine::look())},
               {"jobs", Json::array()}};
    if (message.contains("study")) {
      TRY(path, requiredText(message, "study"));
      // A study on read-only media can still be looked at.
      auto study = Study::open(path, Study::Access::write);
      if (!study && study.error().kind == ErrorKind::environment) {
        send(
            Json{{"type", "log"}, {"level", "warning"}, {"text", study.error().message + "; opened for reading only"}});
        study = Study::open(path, Study::Access::read);
      }
      if (!study) return std::move(study).error();
      told_ = study->revision();
      supervisor_ =
          std::make_unique<Supervisor>(*std::move(study), settings_, [this](const std::string& line) { report(line); });
      supervisor_->adopt();
      hello["jobs"] = supervisor_->jobs();
      hello["study"] = fs::absolute(supervisor_->study().folder()).string();
      hello["revision"] = told_;
    }
    answer(std::move(hello));
    return {};
  }

  Expected<void> operations() {
    std::vector<Json> list;
    for (const Description& description : settings_.operations) list.push_back(toJson(description));
    const Plugins plugins =
        findPlugins(thisProgram(), supervisor_ ? &supervisor_->study() : nullptr, settings_.operations);
    for (const Plugin& plugin : plugins.usable) list.push_back(toJson(plugin.description));
    Json rejected = Json::array();
    for (const RejectedPlugin& row : plugins.rejected) rejected.push_back(toJson(row));
    answerInParts("operations", "operations", list, Json{{"rejected", rejected}});
    return {};
  }

  Expected<void> submit(const Json& message) {
    TRY(submission, submissionFrom(message));
    if (submission.job.empty()) return usageError("submit needs \"job\", a name for it");
    std::vector<std::string> held;
    hold_ = &held;
    auto accepted = supervisor_->submit(submission);
    hold_ = nullptr;
    if (!accepted) {
      for (const std::string& line : held) report(line);
      return std::move(accepted).error();
    }
    Json reply{
        {"type", "accepted"}, {"job", accepted->job}, {"request", accepted->request}, {"cached", accepted->cached}};
    if (!accepted->joined.empty()) reply["joined"] = accepted->joined;
    answer(std::move(reply));
    for (const std::string& line : held) report(line);
    return {};
  }

  Expected<void> event(const Json& message) {
    TRY(job, requiredText(message, "job"));
    if (!message.contains("event")) return usageError("event needs \"event\"");
    TRY_DO(supervisor_->event(job, message["event"]));
    answer(Json{{"type", "accepted"}, {"job", job}});
    return {};
  }

  Expected<void> cancel(const Json& message) {
    TRY(job, requiredText(message, "job"));
    return supervisor_->cancel(job);
  }

  Expected<void> attach(const Json& message) {
    TRY(job, requiredText(message, "job"));
    const Json& from = message.contains("from_step") ? message["from_step"] : Json(0);
    if (!from.is_number_integer()) return usageError("\"from_step\" of attach is a whole number");
    TRY_DO(supervisor_->attach(job, from.get<std::int64_t>()));
    answer(Json{{"type", "accepted"}, {"job", job}});
    return {};
  }

  Expected<void> metrics(const Json& message) {
    TRY(job, requiredText(message, "job"));
    const bool sound = message.contains("rate") && message["rate"].is_number() && message["rate"].get<double>() >= 0;
    if (!sound) return usageError("metrics needs \"rate\": messages a second, 0 for none, at most 10");
    return supervisor_->setRate(job, message["rate"].get<double>());
  }

  Expected<void> edit(const Json& message) {
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

  Expected<void> rows(const Json& message) {
    const std::int64_t since =
        message.contains("since") && message["since"].is_number_integer() ? message["since"].get<std::int64_t>() : 0;
    return sendRows(since, seq_);
  }

  Expected<void> sendRows(std::int64_t since, const Json& seq) {
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

  // {type, member:[...], "more":bool, ...} as often as it takes to keep every line short.
  void answerInParts(const char* type, const char* member, const std::vector<Json>& list, const Json& rest) {
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

  Expected<void> get(const Json& message) {
    TRY(id, requiredText(message, "id"));
    fs::path folder;
    std::vector<fs::path> files;
    if (auto artifact = supervisor_->study().find(id)) {
      files = travellingFiles(*artifact);
      folder = fs::is_directory(artifact->path) ? artifact->path : artifact->path.parent_path();
    } else if (auto preview = findPreviewById(supervisor_->study().folder(), id)) {
      files = {preview->filename()};
      folder = preview->parent_path();
    } else {
      return std::move(artifact).error();
    }
    if (files.empty())
      return inputError("nothing of " + id + " can travel: its files are gone, or too large", folder.string());
    for (std::size_t at = 0; at < files.size(); ++at)
      TRY_DO(sendFile(id, folder / files[at], files[at], at + 1 < files.size()));
    return {};
  }

  Expected<void> sendFile(const std::string& id, const fs::path& path, const fs::path& shown, bool moreFiles) {
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

  const Supervisor::Settings& settings_;
  LineWriter& out_;
  std::unique_ptr<Supervisor> supervisor_;
  Json seq_;
  std::vector<std::string>* hold_ = nullptr;
  std::int64_t told_ = 0;  // the catalogue's revision that the window knows
  std::chrono::steady_clock::time_point watched_;
};

}  // namespace

int serve(const Supervisor::Settings& settings, int input, int output) {
  ::signal(SIGPIPE, SIG_IGN);
  LineWriter out(output);
  Connection connection(settings, out);
  protocol::Reader reader;
  std::array<char, 1 << 16> buffer;
  while (!out.broken()) {
    pollfd wait{.fd = input, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wait, 1, connection.busy() ? 20 : 100);
    if (ready > 0) {
      const ssize_t count = ::read(input, buffer.data(), buffer.size());
      if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) break;
      if (count > 0) reader.feed({buffer.data(), static_cast<std::size_t>(count)});
    }
    while (auto incoming = reader.next())
      if (!connection.handle(*incoming)) return 0;
    connection.tick();
  }
  return 0;
}

}  // namespace moescope
