// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

namespace moescope {

// Writes to a pipe from a thread of its own, so that a reader who is slow never holds the supervisor up.
class LineWriter {
 public:
  explicit LineWriter(int descriptor);
  ~LineWriter();  // writes what is left, unless the reader is gone
  void write(std::string bytes);
  std::size_t waiting() const;  // bytes not written yet
  bool broken() const;          // the reader is gone

 private:
  void run();
  const int descriptor_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> queue_;
  std::size_t waiting_ = 0;
  bool ended_ = false, broken_ = false;
  std::thread thread_;
};

}  // namespace moescope
