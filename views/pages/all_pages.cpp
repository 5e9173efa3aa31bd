// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/all_pages.h"

#include <QObject>

#include "views/page_tabs.h"
#include "views/pages/analysis_page.h"
#include "views/pages/figures_page.h"
#include "views/pages/overview_page.h"
#include "views/pages/tokens_page.h"
#include "views/pages/train_page.h"

namespace moescope {
namespace {

void addPagesOfOperations(PageTabs& tabs, Workbench& workbench) {
  for (const Description& operation : workbench.operations()) {
    const QString name = QString::fromStdString(operation.page);
    if (name.isEmpty() || operation.figures.empty() || tabs.has(name)) continue;
    tabs.add(new AnalysisPage(
        name, QObject::tr("What %1 and its like find is shown here.").arg(QString::fromStdString(operation.title)),
        workbench));
  }
}

}  // namespace

void addPages(PageTabs& tabs, Workbench& workbench) {
  tabs.add(new OverviewPage(workbench));
  tabs.add(new TrainPage(workbench));
  tabs.add(new AnalysisPage(
      QObject::tr("Load"),
      QObject::tr("How evenly the router spreads tokens over the experts of each layer; it needs a trace."),
      workbench));
  tabs.add(new AnalysisPage(
      QObject::tr("Specialisation"),
      QObject::tr("Which experts prefer which domains, against what chance alone would show; it needs a trace."),
      workbench));
  tabs.add(new TokensPage(workbench));
  tabs.add(new AnalysisPage(QObject::tr("Paths"),
                            QObject::tr("Which experts go together, where tokens go from layer to layer, and what a "
                                        "cache of experts would hit; it needs a trace."),
                            workbench));
  tabs.add(new AnalysisPage(QObject::tr("Compare"),
                            QObject::tr("Where two traces or trainings differ, against what chance alone would show; "
                                        "it needs two of them."),
                            workbench));
  tabs.add(new FiguresPage(workbench));
  QObject::connect(&workbench, &Workbench::operationsChanged, &tabs,
                   [&tabs, &workbench] { addPagesOfOperations(tabs, workbench); });
}

}  // namespace moescope
