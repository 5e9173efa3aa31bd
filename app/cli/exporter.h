// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/base/expected.h"
#include "core/study/artifact.h"

namespace moescope::cli {

// What one `export` asks for: an artifact, or one value of it.
struct Export {
  Artifact artifact;
  std::string name;   // of the artifact, as typed
  std::string value;  // behind the colon; "" = all
  std::string out;    // "-" = standard output, for those that write text
};

// A form to write something in. Usage errors say what the form is for.
struct Exporter {
  std::string_view format;
  std::string_view help;  // behind the format in the help: "a value of a result"
  Expected<void> (*write)(const Export&);
};

// The explicit list; a new one is a function in the file of its kind and one line here.
std::span<const Exporter> exporters();

// Values of results and metrics of runs, as text (export_values.cpp).
Expected<void> exportCsv(const Export&);
Expected<void> exportJson(const Export&);
Expected<void> exportLatex(const Export&);
Expected<void> exportNpy(const Export&);
// Files as they are (export_files.cpp).
Expected<void> exportHdf5(const Export&);
Expected<void> exportHuggingFace(const Export&);

}  // namespace moescope::cli
