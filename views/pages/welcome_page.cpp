// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/welcome_page.h"

#include <QFileInfo>
#include <QPushButton>
#include <QVBoxLayout>

#include "views/elided_label.h"
#include "views/notice.h"
#include "views/session.h"
#include "views/workbench.h"

namespace moescope {

WelcomePage::WelcomePage(const Session& session, Workbench& workbench, QWidget* parent) : QWidget(parent) {
  setProperty("role", "page");
  setAttribute(Qt::WA_StyledBackground);
  auto* layout = new QVBoxLayout(this);
  auto* empty = new EmptyState;
  empty->say(tr("A study is a folder that holds everything of one piece of work: text, models, traces, results. Drop "
                "one here, or open it."),
             tr("Open study..."), [&workbench] {
               if (QAction* open = workbench.actions.find(QStringLiteral("study.open"))) open->trigger();
             });
  layout->addWidget(empty, 3);
  const QStringList recent = session.recent();
  if (!recent.isEmpty()) layout->addWidget(roleLabel("section", tr("Recent")), 0, Qt::AlignHCenter);
  for (const QString& folder : recent) {
    auto* button = new QPushButton(tr("%1  ·  %2").arg(QFileInfo(folder).fileName(), QFileInfo(folder).path()));
    button->setProperty("kind", "quiet");
    layout->addWidget(button, 0, Qt::AlignHCenter);
    connect(button, &QPushButton::clicked, this, [this, folder] { Q_EMIT openAsked(folder); });
  }
  layout->addStretch(1);
}

}  // namespace moescope
