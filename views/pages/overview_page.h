// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/pages/page.h"

class QVBoxLayout;

namespace moescope {

class FactList;
class FigurePanel;
class ModelPanels;
class Panel;
class PanelGrid;

// What the selected artifact is, where it came from, and what can be done with it next.
class OverviewPage : public Page {
  Q_OBJECT
 public:
  explicit OverviewPage(Workbench& workbench, QWidget* parent = nullptr);
  ~OverviewPage() override;
  QWidget* side() override;
  bool idle() const override;

 protected:
  void refresh() override;

 private:
  void showFacts(const StudyRow& row);
  void showOrigin(const StudyRow& row);
  void showNext(const StudyRow& row);
  void addNext(const QString& text, const QString& sentence, const QString& help, std::function<void()> act);
  void showFigure(const StudyRow& row);
  void showModel(const QList<QWidget*>& model, const QList<QWidget*>& tensor);
  void adopt(FigurePanel& panel);

  PanelGrid* grid_;
  QWidget* side_ = nullptr;
  ModelPanels* model_;
  Panel *what_, *origin_, *next_;
  FactList *whatFacts_, *originFacts_;
  QVBoxLayout* nextRows_;
  QList<QWidget*> figures_, tensor_;  // tensor_: those of figures_ that show one tensor
  QString resultId_;
  QString shownNext_;
};

}  // namespace moescope
