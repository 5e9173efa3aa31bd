// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QTimer>

namespace moescope {

class Selection;

// Space: steps through the layers by itself, once to the last one; again stops. GUI thread.
class LayerPlay : public QObject {
  Q_OBJECT
 public:
  explicit LayerPlay(Selection& selection, QObject* parent = nullptr);
  void toggle();
  bool playing() const { return timer_.isActive(); }

 private:
  void step();
  Selection& selection_;
  QTimer timer_;
};

}  // namespace moescope
