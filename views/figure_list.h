// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <vector>

#include "core/result/drawing.h"

namespace moescope {

// A figure that was put aside for a paper: of which result, which one, as it was looked at.
struct KeptFigure {
  std::string result;  // id
  std::string operation;
  Figure figure;
  ViewState view;
};
Json toJson(const KeptFigure& kept);
Expected<KeptFigure> keptFigureFromJson(const Json& json);

// The figures of the Figures page, in the order in which they were added. GUI thread.
class FigureList : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;
  const std::vector<KeptFigure>& figures() const { return figures_; }
  void add(KeptFigure figure);
  void remove(std::size_t at);
  Json save() const;
  void restore(const Json& json);  // what cannot be read is left out

 Q_SIGNALS:
  void changed();

 private:
  std::vector<KeptFigure> figures_;
};

}  // namespace moescope
