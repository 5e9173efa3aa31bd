// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/line_writer.h"

#include <unistd.h>

#include <cerrno>

namespace moescope {

LineWriter::LineWriter(int descriptor) : descriptor_(descriptor), thread_([this] { run(); }) {}

LineWriter::~LineWriter() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void LineWriter::write(std::string bytes) {
  {
    const std::lock_guard lock(mutex_);
    waiting_ += bytes.size();
    queue_.push_back(std::move(bytes));
  }
  changed_.notify_one();
}

std::size_t LineWriter::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

bool LineWriter::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

void LineWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ended_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const std::string bytes = std::move(queue_.front());
    queue_.pop_front();
    const bool skip = broken_;
    lock.unlock();
    bool failed = skip;
    for (std::size_t done = 0; done < bytes.size() && !failed;) {
      const ssize_t count = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
      if (count >= 0)
        done += static_cast<std::size_t>(count);
      else
        failed = errno != EINTR;
    }
    lock.lock();
    waiting_ -= bytes.size();
    broken_ = broken_ || failed;
  }
}

}  // namespace moescope
