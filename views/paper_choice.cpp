// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/paper_choice.h"

namespace moescope {

PaperStyle PaperChoice::style() const {
  return {*venueNamed(preset_.toStdString()), full_, stripped_};
}

void PaperChoice::setPreset(const QString& name) {
  if (name == preset_ || !venueNamed(name.toStdString())) return;
  preset_ = name;
  Q_EMIT changed();
}

void PaperChoice::setFull(bool full) {
  if (full == full_) return;
  full_ = full;
  Q_EMIT changed();
}

void PaperChoice::setStripped(bool stripped) {
  if (stripped == stripped_) return;
  stripped_ = stripped;
  Q_EMIT changed();
}

}  // namespace moescope
