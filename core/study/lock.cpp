// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/base/json_reading.h"

namespace moescope {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {
constexpr auto renewal = 30s;
constexpr std::int64_t stale = 120;  // seconds

struct Descriptor {
  int number = -1;
  Descriptor() = default;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

// The time as the file's own server tells it: clocks of two hosts may differ by more than a lock lives.
std::int64_t serverTime(const fs::path& study) {
  std::string probe = (study / ".now-XXXXXX").string();
  Descriptor file;
  file.number = ::mkostemp(probe.data(), O_CLOEXEC);
  struct stat status {};
  if (file.number < 0 || ::fstat(file.number, &status) != 0) return ::time(nullptr);
  ::unlink(probe.c_str());
  return status.st_mtime;
}

std::string readAll(int descriptor) {
  std::array<char, 4096> bytes;
  const ssize_t count = ::pread(descriptor, bytes.data(), bytes.size(), 0);
  return std::string(bytes.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
}

// Every writer of this host writes the same bytes, so that they never see each other's half-written ones.
std::string ourText() {
  return canonical(Json{{"boot", bootId()}, {"host", hostName()}}) + "\n";
}

std::string fieldOf(const std::string& text, const char* key) {
  const auto json = parseJson(text);
  if (!json || !json->is_object() || !json->contains(key) || !(*json)[key].is_string()) return {};
  return (*json)[key].get<std::string>();
}

// An error when another host holds the lock whose file is open.
Expected<void> requireOurs(const fs::path& study, int descriptor) {
  const std::string text = readAll(descriptor);
  struct stat status {};
  if (text.empty() || ::fstat(descriptor, &status) != 0 || fieldOf(text, "boot") == bootId()) return {};
  const std::int64_t age = serverTime(study) - status.st_mtime;
  if (age >= stale) return {};
  std::string host = fieldOf(text, "host");
  if (host.empty()) host = "another host (its lock cannot be read)";
  return environmentError(
      study.string() + " is being written by " + host + ", whose lock was renewed " + std::to_string(age) +
          " s ago; it can be read here, and written once that host is done (a lock counts for 2 minutes)",
      (study / "lock").string());
}
}  // namespace

struct Lock::State {
  fs::path file;
  Descriptor descriptor;
  std::mutex mutex;
  std::condition_variable wake;
  bool ending = false;
  std::thread renewer;
  pid_t owner = ::getpid();

  ~State() {
    // In a child made by fork() the thread is not there; the lock is the parent's.
    if (owner != ::getpid()) {
      if (renewer.joinable()) renewer.detach();
      return;
    }
    if (renewer.joinable()) {
      {
        const std::lock_guard guard(mutex);
        ending = true;
      }
      wake.notify_all();
      renewer.join();
    }
    // Every writer of this host shares the file's lock; who can have it alone is the last one.
    if (descriptor.number >= 0 && ::flock(descriptor.number, LOCK_EX | LOCK_NB) == 0) ::unlink(file.c_str());
  }

  Expected<void> write() {
    const std::string text = ourText();
    const bool there = readAll(descriptor.number) == text;
    const bool written = there ? ::futimens(descriptor.number, nullptr) == 0
                               : ::pwrite(descriptor.number, text.data(), text.size(), 0) == std::ssize(text) &&
                                     ::ftruncate(descriptor.number, std::ssize(text)) == 0;
    if (!written) return environmentError(systemError("write", file.string(), errno).message, file.string());
    return {};
  }

  void renew() {
    std::unique_lock guard(mutex);
    while (!wake.wait_for(guard, renewal, [this] { return ending; })) ::futimens(descriptor.number, nullptr);
  }
};

Lock::Lock(std::unique_ptr<State> state) : state_(std::move(state)) {}
Lock::Lock(Lock&&) noexcept = default;
Lock& Lock::operator=(Lock&&) noexcept = default;
Lock::~Lock() = default;

Expected<Lock> Lock::take(const fs::path& study) {
  for (;;) {
    auto state = std::make_unique<State>();
    state->file = study / "lock";
    const int descriptor = ::open(state->file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0)
      return environmentError(systemError("open", state->file.string(), errno).message, state->file.string());
    state->descriptor.number = descriptor;
    if (::flock(descriptor, LOCK_SH) != 0 && errno != ENOLCK && errno != EOPNOTSUPP)
      return environmentError(systemError("lock", state->file.string(), errno).message, state->file.string());
    // The last writer before us may have removed the file between our opening and locking it.
    struct stat ours {
    }, there{};
    if (::fstat(descriptor, &ours) != 0 || ::stat(state->file.c_str(), &there) != 0 || ours.st_ino != there.st_ino) {
      state->descriptor.number = -1;
      ::close(descriptor);
      continue;
    }
    if (auto free = requireOurs(study, descriptor); !free) {
      state->descriptor.number = -1;  // not ours to remove
      ::close(descriptor);
      return std::move(free).error();
    }
    TRY_DO(state->write());
    state->renewer = std::thread([raw = state.get()] { raw->renew(); });
    return Lock(std::move(state));
  }
}

Expected<Lock> Lock::takeAlone(const fs::path& study) {
  TRY(lock, take(study));
  if (::flock(lock.state_->descriptor.number, LOCK_EX | LOCK_NB) == 0) return lock;
  return environmentError(study.string() + " is open for writing in another program; close it there first",
                          (study / "lock").string());
}

std::string hostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::string bootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace moescope
