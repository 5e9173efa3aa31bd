// SPDX-License-Identifier: GPL-3.0-or-later
// moescope-worker: runs one request that needs LibTorch, and checks its routers (--selftest).
#include <cstdio>
#include <string_view>

#include "core/base/json.h"
#include "core/operation/worker.h"
#include "core/routing/selftest.h"
#include "core/torch_operations.h"

#include <nlohmann/json.hpp>

namespace {

// One JSON list on standard output: {"name","ok","error","tolerance"}; ends with 70 when a check fails.
int selftest() {
  moescope::Json list = moescope::Json::array();
  bool good = true;
  for (const moescope::RouterCheck& check : moescope::checkRouters()) {
    good = good && check.ok;
    list.push_back({{"name", check.name},
                    {"ok", check.ok},
                    {"error", moescope::jsonReal(check.error)},
                    {"tolerance", check.tolerance}});
  }
  std::puts(moescope::canonical(list).c_str());
  return good ? 0 : moescope::exitCode(moescope::ErrorKind::bug);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--selftest") return selftest();
  return moescope::runWorker(moescope::torchOperations(), argc - 1, argv + 1);
}
