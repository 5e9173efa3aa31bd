// SPDX-License-Identifier: Apache-2.0
#pragma once

// Everything that a Moescope plugin in C++17 needs; header-only over HDF5's C API and nlohmann/json.
//
//   int main(int argc, char** argv) {
//     return moescope_plugin::run(argc, argv, [](const moescope_plugin::Request& request) {
//       moescope_plugin::Trace trace(request.input("trace"));
//       moescope_plugin::Result result;
//       result.axis("layer", trace.layerLabels());
//       result.array("count", "tokens", {"layer"}, counted(trace));
//       result.write(request.output("result"));
//     });
//   }
//
// Beside the program lies plugin.json: a description as `moescope-cli operations ID --json` prints it, plus "command".
#include "moescope_plugin/request.h"
#include "moescope_plugin/result.h"
#include "moescope_plugin/trace.h"
