// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/job_bar.h"

#include <QHBoxLayout>
#include <QMouseEvent>
#include <QProgressBar>

#include "views/elided_label.h"
#include "views/icon_button.h"
#include "views/job_list.h"
#include "views/theme.h"
#include "views/workbench.h"

namespace moescope {

JobBar::JobBar(Workbench& workbench, QWidget* window)
    : workbench_(workbench),
      title_(roleLabel<ElidedLabel>("muted")),
      words_(roleLabel<ElidedLabel>("muted")),
      machine_(roleLabel<ElidedLabel>("muted")),
      progress_(new QProgressBar),
      open_(new IconButton(Glyph::up, tr("Jobs"))),
      list_(new JobList(workbench, window)) {
  setProperty("role", "bar");
  setAttribute(Qt::WA_StyledBackground);
  setFixedHeight(Measures::bar);
  auto* layout = new QHBoxLayout(this);
  layout->setContentsMargins(12, 0, 14, 0);
  layout->setSpacing(12);
  progress_->setTextVisible(false);
  progress_->setFixedSize(180, 4);
  layout->addWidget(open_);
  layout->addWidget(title_);
  layout->addWidget(progress_);
  layout->addWidget(words_, 1);
  machine_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
  layout->addWidget(machine_);
  connect(open_, &QToolButton::clicked, this, &JobBar::toggleList);
  connect(&workbench_.jobs, &JobModel::changed, this, &JobBar::refresh);
  connect(&workbench_.jobs, &QAbstractItemModel::rowsRemoved, this, &JobBar::refresh);
  refresh();
}

void JobBar::setMachine(const QString& words) {
  machine_->setText(words);
}

void JobBar::toggleList() {
  if (list_->isVisible()) {
    list_->hide();
  } else {
    list_->openAbove(*this);
  }
}

void JobBar::mouseReleaseEvent(QMouseEvent* event) {
  if (event->button() == Qt::LeftButton) toggleList();
}

void JobBar::refresh() {
  const JobLine* current = workbench_.jobs.current();
  const JobLine* shown = current != nullptr ? current : workbench_.jobs.line(0);
  title_->setText(shown == nullptr ? tr("No jobs") : shown->title);
  words_->setText(shown == nullptr ? QString() : JobModel::words(*shown));
  const int others = workbench_.jobs.active() - 1;
  if (current != nullptr && others > 0) words_->setText(tr("%1 · %2 more").arg(words_->text()).arg(others));
  progress_->setVisible(current != nullptr);
  if (current == nullptr) return;
  progress_->setRange(0, current->fraction < 0 ? 0 : 1000);
  if (current->fraction >= 0) progress_->setValue(static_cast<int>(1000 * current->fraction));
}

}  // namespace moescope
