// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <memory>
#include <vector>

#include "views/workbench.h"

class QLabel;

namespace moescope {

class ChoiceBox;
class FactList;
class ParameterForm;

// The right side of an analysis page: what is selected with the values there, and the form of one of the page's
// operations.
class AnalysisSide : public QWidget {
  Q_OBJECT
 public:
  AnalysisSide(Workbench& workbench, const QString& page, QWidget* parent = nullptr);
  void setResults(std::vector<std::shared_ptr<const Result>> results);

 Q_SIGNALS:
  void runAsked(const moescope::Order& order);

 private:
  void showFacts();
  void fillOperations();
  void showForm();

  Workbench& workbench_;
  QString page_;
  FactList* facts_;
  ChoiceBox* operation_;
  ParameterForm* form_;
  QLabel* layer_;
  std::string shownForm_;
  std::vector<std::shared_ptr<const Result>> results_;
};

// Values of a result at the selection: those over [layer, expert] with interval and rank, the highest domain of a lift.
QList<struct Fact> factsAt(const Result& result, std::int64_t layer, std::int64_t expert);

}  // namespace moescope
