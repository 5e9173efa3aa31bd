// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/operation/operation.h"

namespace moescope {

extern const Operation captureRouting;      // "capture.routing": where a model sends every token of a corpus
extern const Operation captureActivations;  // "capture.activations": what experts do, summed over a corpus
extern const Operation evaluateLoss;        // "evaluate.loss": nats a token, with intervals
extern const Operation modelSample;         // "model.sample": a text goes on, with where each token was routed

}  // namespace moescope
