// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tensor_names.h"

namespace moescope {

ExpertLayout separateExperts(const std::string& gate, const std::string& up, const std::string& down) {
  const auto weight = [](const std::string& name) { return ".#." + name + ".weight"; };
  const auto bias = [](const std::string& name) { return ".#." + name + ".bias"; };
  return {.gate = weight(gate),
          .up = weight(up),
          .down = weight(down),
          .gateBias = bias(gate),
          .upBias = bias(up),
          .downBias = bias(down)};
}

ExpertLayout fusedExperts() {
  return {.pieces = ExpertLayout::Pieces::stacked,
          .gateUp = ".gate_up_proj",
          .down = ".down_proj",
          .gateUpBias = ".gate_up_proj_bias",
          .downBias = ".down_proj_bias"};
}

ExpertLayout transposedExperts(bool interleaved) {
  ExpertLayout layout = fusedExperts();
  layout.gateUpTransposed = layout.downTransposed = true;
  layout.interleaved = interleaved;
  return layout;
}

ExpertLayout parallelExperts(const std::string& path) {
  return {.pieces = ExpertLayout::Pieces::stacked,
          .gateUp = path + "input_linear.weight",
          .down = path + "output_linear.weight"};
}

ExpertLayout rowsOfExperts() {
  return {.pieces = ExpertLayout::Pieces::rows,
          .gate = ".mlp.w1",
          .up = ".mlp.v1",
          .down = ".mlp.w2",
          .downTransposed = true};
}

std::span<const ExpertLayout> expertLayouts() {
  static const std::vector<ExpertLayout> all{separateExperts("gate_proj", "up_proj", "down_proj"),
                                             separateExperts("w1", "w3", "w2"),
                                             fusedExperts(),
                                             transposedExperts(false),
                                             transposedExperts(true),
                                             parallelExperts("."),
                                             rowsOfExperts()};
  return all;
}

}  // namespace moescope
