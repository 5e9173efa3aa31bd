// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace moescope {

// `moescope render --study S --result ID|NAME --out F ...` (contract section 1). Goes offscreen by itself, so it needs
// no display. argv[0] is the word render, the options follow. Gives the exit code.
int renderCommand(int argc, char** argv);

}  // namespace moescope
