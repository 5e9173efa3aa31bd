// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace moescope {

// Where memory runs out while an error is on its way already (a destructor that asks for more: nlohmann's do), nobody
// can catch it. The process then ends with exit code 4 and a sentence on standard error, and with `json` as an error
// object on standard output too, instead of with a signal. What is committed is safe either way.
void endWhereMemoryRunsOut(bool json);

// The same words for where it can be caught; asks for no memory. Gives the exit code.
int sayMemoryRanOut();

}  // namespace moescope
