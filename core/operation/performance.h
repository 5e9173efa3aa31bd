// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <span>

#include "core/operation/messages.h"
#include "core/operation/work_order.h"
#include "core/study/study.h"

namespace moescope {

// The description with the worker that runs it filled in.
Description describe(const Operation& operation);

// One order inside its worker: waits for the request's lock and, where asked, for the device; runs; files the outputs.
// Gives what the message "done" says: {"outputs":{PORT:{"id","name","kind","cached"}},"seconds","request"}, or
// {"cost":{...}}.
Expected<Json> perform(std::span<const Operation> operations, const WorkOrder& order, Study& study,
                       MessageWriter& messages, const std::atomic<bool>& stop);

}  // namespace moescope
