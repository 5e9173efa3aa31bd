// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

namespace moescope {

// Cross-entropy of next tokens, and the likeliest ones, over a vocabulary that comes a few rows at a time: a running log-sum-exp in fp64. The
// logits of a batch never lie in memory together.
class NextTokenLoss {
 public:
  // normed [T,H] after the last norm; next int64 [T], -1 where there is none.
  NextTokenLoss(at::Tensor normed, at::Tensor next);
  // Rows [first, first + n) of the head, fp32 [n,H], and of its bias (undefined: none).
  void add(std::int64_t first, const at::Tensor& rows, const at::Tensor& bias);
  at::Tensor nats() const;       // fp32 [T] on the host, 0 where there is no next token
  at::Tensor likeliest() const;  // int32 [T] on the host: the id of the largest logit, ties to the lower one

 private:
  at::Tensor normed_, next_;
  at::Tensor largest_, sum_, target_;  // fp64 [T]
  at::Tensor likeliest_;               // int64 [T]
};

}  // namespace moescope
