// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/selftest.h"

#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "app/cli/command.h"
#include "core/base/json_reading.h"
#include "core/operation/machine.h"

namespace moescope::cli {

namespace {

struct Options {
  std::string device = "cpu";
  bool json = false;
};

// {"name","ok","differences","outputs"} for every kernel of a table; what a device lacks runs on the CPU and is not
// listed.
Json kernelRows(const kernels::Table& table) {
  Json rows = Json::array();
  for (const kernels::Check& check : kernels::checkKernels(table))
    if (check.present)
      rows.push_back(
          {{"name", check.name}, {"ok", check.ok}, {"differences", check.differences}, {"outputs", check.outputs}});
  return rows;
}

// The routers live in the LibTorch worker, which holds each against its definition itself, on the CPU: a list of rows.
Expected<Json> askWorker() {
  const std::string program = (programFolder() / "moescope-worker").string();
  if (::access(program.c_str(), X_OK) != 0) return Json(nullptr);
  FILE* pipe = ::popen(fmt::format("'{}' --selftest", program).c_str(), "re");
  if (pipe == nullptr) return environmentError("cannot start " + program);
  std::string text;
  char buffer[1 << 16];
  for (std::size_t count; (count = ::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, count);
  const int status = ::pclose(pipe);
  auto json = parseJson(text, program);
  if (!json)
    return environmentError(fmt::format("{} --selftest ended with status {} and printed no JSON", program, status));
  return json;
}

bool allOk(const Json& rows) {
  bool ok = true;
  if (rows.is_array())
    for (const Json& row : rows) ok = ok && row.is_object() && row.value("ok", false);
  return ok;
}

Json look(const Machine& machine, const Json& worker) {
  const kernels::Module& module = kernels::cudaModule();
  return Json{{"processor", machine.processor},
              {"threads", machine.threads},
              {"memory", machine.memory},
              {"libtorch_worker", !worker.is_null()},
              {"cuda_module", module.table != nullptr ? module.device : module.why},
              {"devices", devicesJson(machine)}};
}

void printRows(const char* what, const Json& rows) {
  if (!rows.is_array()) return;
  for (const Json& row : rows) {
    if (!row.is_object()) continue;
    std::cout << fmt::format("  {:<8} {:<24} {}\n", what, row.value("name", "?"),
                             row.value("ok", false) ? "ok" : "DIFFERS " + canonical(row));
  }
}

void print(const Json& report) {
  const Json& machine = report["machine"];
  std::cout << fmt::format("machine: {}, {} threads, {} of memory\n", machine["processor"].get<std::string>(),
                           machine["threads"].get<int>(), inBytes(machine["memory"].get<std::uint64_t>()));
  std::cout << "LibTorch worker: "
            << (machine["libtorch_worker"].get<bool>() ? "there" : "not built: no training, capture or weights here")
            << "\n";
  std::cout << "CUDA module: " << machine["cuda_module"].get<std::string>() << "\n";
  printRows("kernel", report["kernels"]);
  printRows("router", report["routers"]);
  std::cout << (report["ok"].get<bool>() ? "all as defined\n" : "something differs from its definition\n");
}

Expected<void> run(const Options& options) {
  const Machine machine = Machine::look();
  const kernels::Table* table = &kernels::cpuTable();
  if (options.device.starts_with("cuda")) {
    table = kernels::cudaModule().table;
    if (table == nullptr) return environmentError("the CUDA module cannot be used: " + kernels::cudaModule().why);
  }
  TRY(worker, askWorker());
  const Json routers = worker.is_array() ? worker : Json(nullptr);
  Json report{{"machine", look(machine, worker)},
              {"device", options.device},
              {"kernels", kernelRows(*table)},
              {"routers", routers}};
  const bool ok = allOk(report["kernels"]) && allOk(report["routers"]);
  report["ok"] = ok;
  if (options.json && ok)
    printJson(report);
  else if (!options.json)
    print(report);
  if (!ok) return bugError("a kernel or router differs from its definition: " + canonical(report));
  return {};
}

}  // namespace

Command selftestCommand(CLI::App& program) {
  auto options = std::make_shared<Options>();
  CLI::App* word =
      program.add_subcommand("selftest", "each kernel and router against its definition, and what this machine has");
  word->add_option("--device", options->device, "cpu or cuda")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->type_name("DEVICE");
  wantJson(*word, options->json);
  word->footer("Example:\n  moescope-cli selftest --device cpu");
  return {word, [options] { return run(*options); }};
}

}  // namespace moescope::cli
