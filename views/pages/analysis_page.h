// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>

#include "views/pages/page.h"

class QVBoxLayout;

namespace moescope {

class AnalysisSide;
class FigurePanel;
class PanelGrid;

// The figures of the operations that name this page (Load, Specialisation, and what plugins add): for the selected
// artifact the interactive ones are asked for by themselves, the latest wish wins; a result made before is read back at
// once.
class AnalysisPage : public Page {
  Q_OBJECT
 public:
  // `sentence` says what will be here while there is nothing to show.
  AnalysisPage(const QString& name, const QString& sentence, Workbench& workbench, QWidget* parent = nullptr);
  QWidget* side() override;
  bool idle() const override;

 protected:
  void refresh() override;
  void setHeader(QWidget* header);     // above the panels
  FigurePanel* panelWithText() const;  // the first that shows token text, or null
  virtual void arranged() {}           // panels came or went
  // Shows the outputs of a finished job in place of what the page asked for itself, until another artifact is selected.
  void showResult(const std::string& operation, const Json& outputs);

 private:
  struct Shown {
    InputIds inputs;
    Json set = Json::object();
    QString job, id;  // asked for; read from
    std::shared_ptr<const Result> result;
    bool failed = false;
    bool pinned = false;  // shown because it was asked for: not replaced by itself
  };
  void ask(const Description& operation, const InputIds& inputs);
  void run(const Order& order);
  const StudyRow* existing(const Description& operation, const InputIds& inputs) const;
  void read(const std::string& operation, const Json& outputs);
  void finished(const QString& job, const Json& outputs);
  void received(const QString& id, const std::shared_ptr<const Result>& result);
  void keep(const KeptFigure& figure);
  void arrange();
  QWidget* panelOf(const Shown& shown, const std::string& operation, const Figure& figure);
  void reload();
  void progress();

  QString sentence_, near_;
  PanelGrid* grid_;
  QVBoxLayout* rows_;
  AnalysisSide* side_ = nullptr;
  std::map<std::string, Shown> shown_;  // by operation
  std::vector<std::string> order_;      // of the operations on the page
};

}  // namespace moescope
