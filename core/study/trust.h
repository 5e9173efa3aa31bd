// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "core/study/study.h"

// Whether the plugins that lie in a study's own folder may run. A study that came from elsewhere is asked about once
// (`moescope-cli study trust S`); whoever makes one trusts it. Kept in the user's data folder for the study's id at its
// place, so that a copy or an unpacked study is asked about again.
namespace moescope {

bool isTrusted(const Study& study);
Expected<void> trust(const Study& study);

// $XDG_DATA_HOME/moescope, else ~/.local/share/moescope; empty where there is neither.
std::filesystem::path userDataFolder();

}  // namespace moescope
