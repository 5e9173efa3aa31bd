// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/out_of_memory.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>

namespace moescope {

namespace {

std::atomic<bool> asksForJson = false;

void put(int descriptor, std::string_view text) {
  (void)!::write(descriptor, text.data(), text.size());
}

[[noreturn]] void onTerminate() {
  if (const std::exception_ptr error = std::current_exception()) {
    try {
      std::rethrow_exception(error);
    } catch (const std::bad_alloc&) {
      ::_exit(sayMemoryRanOut());
    } catch (...) {
      put(2, "an exception that nobody caught: a bug of ours\n");
    }
  }
  std::abort();
}

}  // namespace

void endWhereMemoryRunsOut(bool json) {
  asksForJson = json;
  std::set_terminate(onTerminate);
}

int sayMemoryRanOut() {
  if (asksForJson)
    put(1, R"({"error":{"kind":"environment","message":"there is not enough memory for this"}})"
           "\n");
  put(2, "there is not enough memory for this\n");
  return 4;  // exitCode(ErrorKind::environment)
}

}  // namespace moescope
