// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/trust.h"

#include <cstdlib>

#include "core/base/digest.h"
#include "core/base/file.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {
fs::path placeOf(const Study& study) {
  std::error_code code;
  const fs::path place = fs::weakly_canonical(study.folder(), code);
  return code ? fs::absolute(study.folder()).lexically_normal() : place;
}

// One file for each trusted study: two processes never write the same one.
fs::path recordOf(const Study& study) {
  const fs::path data = userDataFolder();
  return data.empty() ? data : data / "trusted" / sha256(study.id() + "\n" + placeOf(study).string());
}
}  // namespace

fs::path userDataFolder() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && data[0] == '/')
    return fs::path(data) / "moescope";
  if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/')
    return fs::path(home) / ".local/share/moescope";
  return {};
}

bool isTrusted(const Study& study) {
  std::error_code code;
  const fs::path record = recordOf(study);
  return !record.empty() && fs::exists(record, code);
}

Expected<void> trust(const Study& study) {
  const fs::path record = recordOf(study);
  if (record.empty())
    return environmentError("there is no home folder to keep in it that " + study.folder().string() +
                            " is trusted; set HOME");
  TRY_DO(makeFolders(record.parent_path()));
  return writeFileSafely(record, placeOf(study).string() + "\n");
}

}  // namespace moescope
