// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "core/base/json.h"

namespace moescope {

// What the machine of the engine has, from the devices of its `hello`: "2 cores · 8 GB memory · no GPU".
QString machineWords(const Json& devices);

}  // namespace moescope
