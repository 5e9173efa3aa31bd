// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <vector>

#include "core/study/study.h"

namespace moescope {

// What `study repair` did: everything that was saved, and everything that could not be, each named.
struct Repair {
  std::vector<Study::Damage> saved, lost;
  std::vector<Study::Damage> remaining;  // what `study check` still says: a referenced model that is not where it was
};

// Makes a study sound again and deletes nothing. A damaged catalogue is put aside (study.sqlite.damaged-TIME) and its
// readable rows are taken over into a new one; content that no longer has its id is put aside (damaged/) and its row is
// evicted, so that its request runs again; a file that has its id and no row gets one and the tag "rescued"; rows that
// point nowhere are taken out. Nobody else may have the study open for writing.
// Errors: input (not a study, or a newer one), environment (open elsewhere, disk).
Expected<Repair> repairStudy(const std::filesystem::path& folder);

}  // namespace moescope
