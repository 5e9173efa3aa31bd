// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/messages.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "core/base/file.h"

namespace moescope {

namespace {
constexpr std::size_t longestLine = 64u << 20;  // bytes
}

Expected<MessageWriter> MessageWriter::open(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) return systemError("open", file.string(), errno);
  return MessageWriter(descriptor);
}
MessageWriter::MessageWriter(MessageWriter&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
MessageWriter::~MessageWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MessageWriter::write(std::string_view line) {
  std::string whole(line);
  whole += '\n';
  // A message that a full disk swallows is no reason to stop the work; what matters is committed elsewhere.
  while (::write(descriptor_, whole.data(), whole.size()) < 0 && errno == EINTR) {
  }
}
void MessageWriter::write(const Json& message) {
  write(std::string_view(canonical(message)));
}

std::vector<std::string> MessageReader::read(std::size_t maximumBytes) {
  more_ = false;
  std::vector<std::string> lines;
  auto file = InputFile::open(file_);
  if (!file || file->size() <= offset_) return lines;
  const std::uint64_t waiting = file->size() - offset_;
  std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(waiting, maximumBytes)), '\0');
  auto count = file->readSome(offset_, std::as_writable_bytes(std::span(bytes)));
  if (!count) return lines;
  bytes.resize(*count);
  std::size_t start = 0;
  for (std::size_t end; (end = bytes.find('\n', start)) != std::string::npos; start = end + 1)
    lines.push_back(bytes.substr(start, end - start));
  // A line longer than what is read at a time would stop the reader for ever.
  if (start == 0 && bytes.size() == maximumBytes && maximumBytes < longestLine) return read(2 * maximumBytes);
  if (start == 0 && bytes.size() >= longestLine) start = bytes.size();  // and one that has no end is none
  offset_ += start;
  more_ = waiting > maximumBytes;
  return lines;
}

}  // namespace moescope
