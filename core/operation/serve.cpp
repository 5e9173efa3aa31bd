// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/serve.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/operation/connection.h"

namespace moescope {

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
