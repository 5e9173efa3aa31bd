// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

#include "views/paper.h"

namespace moescope {

// The venue and width at which figures are exported: one choice for the whole window. GUI thread.
class PaperChoice : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;
  PaperStyle style() const;
  const QString& preset() const { return preset_; }
  bool full() const { return full_; }
  void setPreset(const QString& name);  // one that is not known is ignored
  void setFull(bool full);
  bool stripped() const { return stripped_; }
  void setStripped(bool stripped);  // no names in exported files

 Q_SIGNALS:
  void changed();

 private:
  QString preset_ = QStringLiteral("icml");
  bool full_ = false, stripped_ = false;
};

}  // namespace moescope
