// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>

#include "core/base/job.h"
#include "core/model/decoder.h"
#include "core/training/batches.h"

namespace moescope {

// Fixed tokens on which a run looks at itself at every snapshot, so that what changes is the model.
class Probe {
 public:
  static Expected<Probe> open(const Corpus& corpus, const TokenisedCorpus& ids, std::span<const Window> windows,
                              std::int64_t length);

  // Shapes [layer] unless said:
  //   routing_change       share of choices that the snapshot before did not make; missing at the first
  //   domain_information   mutual information of a token's domain and expert, nats, one unit a token (1/k a choice)
  //   expert_output_norm   root mean square over tokens of the l2 norm of an expert's own output; NaN for an idle one
  //                        [layer, expert]
  //   router_weight_norm, expert_weight_norm, expert_gradient_norm   l2 over an expert's tensors [layer, expert]
  // Gradients are those of the step just made, after clipping.
  std::vector<Metric> look(Decoder& model);

  // What the last look saw, by name, to resume from.
  const std::map<std::string, at::Tensor>& seen() const { return seen_; }
  void resume(std::map<std::string, at::Tensor> seen) { seen_ = std::move(seen); }
  const Batch& batch() const { return batch_; }

 private:
  Batch batch_;
  std::map<std::string, at::Tensor> seen_;  // "probe.LAYER": experts chosen, int64 [token, k]
};

}  // namespace moescope
