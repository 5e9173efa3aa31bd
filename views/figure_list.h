// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <vector>

#include "views/sheet.h"

namespace moescope {

// The sheet of the Figures page as it is put together: panels from any page, in the order in which they were added or
// moved. GUI thread.
class FigureList : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;
  const Sheet& sheet() const { return sheet_; }
  const std::vector<KeptFigure>& figures() const { return sheet_.panels; }
  void add(KeptFigure figure);
  void remove(std::size_t at);
  void move(std::size_t from, std::size_t to);
  void set(int columns, bool letters, bool shared);
  void replace(std::size_t at, KeptFigure figure);
  Json save() const { return toJson(sheet_); }
  void restore(const Json& json);  // what cannot be read is left out

 Q_SIGNALS:
  void changed();

 private:
  Sheet sheet_;
};

}  // namespace moescope
