// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "core/model/weight_store.h"

namespace moescope {

// Reads parts of a checkpoint in the order in which they were asked for, on a thread of its own, while others compute.
// ask() and take() from one thread.
class ReadAhead {
 public:
  struct Choice {
    std::uint64_t window = 0;  // bytes read and not taken yet; one part always fits
    bool keep = false;         // parts stay in memory, so that each is read once
    bool once = true;          // past the page cache
  };
  using Stored = std::shared_ptr<const std::vector<StoredParameter>>;

  ReadAhead(const WeightStore& store, Choice choice);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;

  void ask(const WeightStore::Part& part);
  Expected<Stored> take();          // the next one asked for and not taken; waits for it
  std::uint64_t bytesRead() const;  // from files, so far
  void count(std::uint64_t bytes);  // what was read beside this
  bool once() const { return choice_.once; }

 private:
  struct Entry {
    const WeightStore::Part* part = nullptr;
    Stored stored;
    std::optional<Error> error;
    bool ready = false;
  };
  void work();
  bool mayRead() const;

  const WeightStore& store_;
  const Choice choice_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> entries_;  // asked for and not taken; the first `read_` are ready
  std::size_t read_ = 0;
  std::uint64_t waiting_ = 0;  // bytes that are ready
  std::uint64_t bytesRead_ = 0;
  bool ending_ = false;
  std::unordered_map<const WeightStore::Part*, Stored> kept_;
  std::thread thread_;
};

}  // namespace moescope
