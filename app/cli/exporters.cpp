// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/exporter.h"

namespace moescope::cli {

std::span<const Exporter> exporters() {
  static constexpr Exporter list[] = {
      {"csv", "a value of a result or a metric of a run, one row an entry", exportCsv},
      {"json", "the same with axes, unit, baseline and interval; without :VALUE all of them", exportJson},
      {"npy", "an array for NumPy", exportNpy},
      {"latex", "a table of a paper (booktabs)", exportLatex},
      {"h5", "the artifact's HDF5 file or folder", exportHdf5},
      {"hf", "a model's folder, as transformers loads it", exportHuggingFace},
  };
  return list;
}

}  // namespace moescope::cli
