// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes on the supervisor's standard input: messages that are objects with a type, or errors that say why; and the
// same ones however the stream is cut.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/operation/protocol.h"
#include "tests/fuzz/one_file.h"

namespace {

// Everything that is read of a stream that comes in pieces of `step` bytes, as one text.
std::string heard(std::string_view stream, std::size_t step) {
  moescope::protocol::Reader reader;
  std::string text;
  bool ended = false;
  for (std::size_t at = 0; at < stream.size() && !ended; at += step) {
    reader.feed(stream.substr(at, step));
    while (auto incoming = reader.next()) {
      if (incoming->error ? incoming->error->message.empty() : !incoming->message["type"].is_string()) std::abort();
      if (incoming->bytes.size() > moescope::protocol::mostBytes) std::abort();
      text += incoming->error ? "error\n" : moescope::canonical(incoming->message) + "\n" + incoming->bytes;
      ended = incoming->ends;
      if (ended) break;
    }
  }
  return text;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  if (heard(stream, size + 1) != heard(stream, 7)) std::abort();
  return 0;
}
