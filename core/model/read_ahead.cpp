// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/read_ahead.h"

#include "core/model/torch_error.h"

namespace moescope {

ReadAhead::ReadAhead(const WeightStore& store, Choice choice)
    : store_(store), choice_(choice), thread_([this] { work(); }) {}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ReadAhead::ask(const WeightStore::Part& part) {
  {
    const std::lock_guard lock(mutex_);
    entries_.push_back({&part, {}, {}, false});
  }
  changed_.notify_all();
}

Expected<ReadAhead::Stored> ReadAhead::take() {
  std::unique_lock lock(mutex_);
  if (entries_.empty()) return bugError("a part of a checkpoint was taken before it was asked for");
  changed_.wait(lock, [this] { return entries_.front().ready; });
  Entry entry = std::move(entries_.front());
  entries_.pop_front();
  --read_;
  waiting_ -= entry.part->resident;
  lock.unlock();
  changed_.notify_all();
  if (entry.error) return *entry.error;
  return std::move(entry.stored);
}

std::uint64_t ReadAhead::bytesRead() const {
  const std::lock_guard lock(mutex_);
  return bytesRead_;
}

void ReadAhead::count(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  bytesRead_ += bytes;
}

bool ReadAhead::mayRead() const {
  return read_ < entries_.size() && (waiting_ == 0 || waiting_ + entries_[read_].part->resident <= choice_.window);
}

void ReadAhead::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || mayRead(); });
    if (ending_) return;
    const WeightStore::Part* part = entries_[read_].part;
    waiting_ += part->resident;
    const auto kept = kept_.find(part);
    Stored stored = kept == kept_.end() ? nullptr : kept->second;
    std::optional<Error> error;
    if (!stored) {
      lock.unlock();
      auto read = guarded([&] { return store_.read(*part, choice_.once); });
      lock.lock();
      if (read) {
        stored = std::make_shared<const std::vector<StoredParameter>>(*std::move(read));
        bytesRead_ += part->bytes;
        if (choice_.keep) kept_[part] = stored;
      } else {
        error = read.error();
      }
    }
    // Only this thread moves `read_` up, and take() never passes what is not ready.
    Entry& entry = entries_[read_++];
    entry.stored = std::move(stored);
    entry.error = std::move(error);
    entry.ready = true;
    changed_.notify_all();
  }
}

}  // namespace moescope
