// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/protocol.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/base/json_reading.h"

namespace moescope::protocol {

namespace {
Incoming refused(std::string message, bool ends = false) {
  return {.message = Json::object(), .error = usageError(std::move(message)), .ends = ends};
}
}  // namespace

void Reader::feed(std::string_view bytes) {
  buffer_ += bytes;
}

std::optional<Incoming> Reader::next() {
  if (ended_) return std::nullopt;
  if (waiting_) {
    if (buffer_.size() < waitingFor_) return std::nullopt;
    Incoming whole{.message = *std::move(waiting_), .bytes = buffer_.substr(0, waitingFor_)};
    buffer_.erase(0, waitingFor_);
    waiting_.reset();
    return whole;
  }
  while (true) {
    const std::size_t end = buffer_.find('\n');
    if (end == std::string::npos) {
      if (buffer_.size() <= longestLine) return std::nullopt;
      const bool first = !std::exchange(skipping_, true);
      buffer_.clear();
      if (first) return refused("a line of more than 1 MiB was left out");
      return std::nullopt;
    }
    const std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    if (std::exchange(skipping_, false)) continue;
    if (line.size() > longestLine) return refused("a line of more than 1 MiB was left out");
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto message = parseJson(line);
    if (!message) return refused("a line is " + message.error().message);
    if (!message->is_object()) return refused("a line is JSON but not an object");
    if (!message->contains("type") || !(*message)["type"].is_string()) {
      Incoming untyped = refused("a message has no \"type\"");
      untyped.message = *std::move(message);
      return untyped;
    }
    return withBytes(*std::move(message));
  }
}

std::optional<Incoming> Reader::withBytes(Json message) {
  if (!message.contains("bytes")) return Incoming{.message = std::move(message)};
  const Json& bytes = message["bytes"];
  const bool sound = bytes.is_number_unsigned() && bytes.get<std::uint64_t>() <= mostBytes;
  if (!sound) {
    // Where the next message begins can no longer be known.
    ended_ = true;
    Incoming last = refused(
        fmt::format("\"bytes\" is {}; it must be a whole number up to {}", canonical(bytes).substr(0, 40), mostBytes),
        true);
    last.message = std::move(message);
    return last;
  }
  waitingFor_ = bytes.get<std::size_t>();
  waiting_ = std::move(message);
  return next();
}

}  // namespace moescope::protocol
