// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/job_list.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>
#include <algorithm>

#include "views/elided_label.h"
#include "views/icon_button.h"
#include "views/theme.h"
#include "views/workbench.h"

namespace moescope {
namespace {

constexpr int mostRows = 40;

QString detailsOf(const JobLine& line) {
  QString text = line.title + QLatin1Char('\n') + QString::fromStdString(line.order.operation) + QLatin1Char(' ') +
                 QString::fromStdString(canonical(line.order.set)) + QLatin1Char('\n');
  if (line.state == JobLine::State::failed)
    text += QString::fromStdString(canonical(toJson(line.error))) + QLatin1Char('\n');
  return text + line.log.join(QLatin1Char('\n'));
}

QPushButton* quietButton(const QString& text) {
  auto* button = new QPushButton(text);
  button->setProperty("kind", "quiet");
  return button;
}

}  // namespace

JobList::JobList(Workbench& workbench, QWidget* window)
    : QFrame(window), workbench_(workbench), scroll_(new QScrollArea) {
  setObjectName(QStringLiteral("jobList"));
  setProperty("role", "popup");
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(12, 8, 8, 8);
  layout->setSpacing(4);
  auto* head = new QHBoxLayout;
  head->addWidget(roleLabel("title", tr("Jobs")), 1);
  auto* close = new IconButton(Glyph::close, tr("Close"));
  connect(close, &QToolButton::clicked, this, &QWidget::hide);
  head->addWidget(close);
  layout->addLayout(head);
  scroll_->setWidgetResizable(true);
  scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  layout->addWidget(scroll_, 1);
  pace_.setSingleShot(true);
  pace_.setInterval(200);
  connect(&pace_, &QTimer::timeout, this, &JobList::fill);
  const auto later = [this] {
    if (isVisible() && !pace_.isActive()) pace_.start();
  };
  connect(&workbench_.jobs, &JobModel::changed, this, later);
  connect(&workbench_.jobs, &QAbstractItemModel::rowsRemoved, this, later);
  hide();
}

void JobList::openAbove(const QWidget& bar) {
  const QPoint corner = bar.mapTo(parentWidget(), QPoint(0, 0));
  const int width = std::min(620, parentWidget()->width() - 24), height = std::min(340, corner.y() - 60);
  setGeometry(corner.x() + 12, corner.y() - height - 6, width, height);
  fill();
  show();
  raise();
}

void JobList::fill() {
  auto* rows = new QWidget;
  rows->setAutoFillBackground(false);
  auto* layout = new QVBoxLayout(rows);
  layout->setContentsMargins(0, 0, 8, 0);
  layout->setSpacing(6);
  const int count = std::min(mostRows, workbench_.jobs.rowCount());
  for (int row = 0; row < count; ++row) layout->addWidget(makeRow(*workbench_.jobs.line(row)));
  if (count == 0)
    layout->addWidget(roleLabel("muted", tr("What is run shows here: how far it is, its log, and what went wrong.")));
  layout->addStretch(1);
  scroll_->setWidget(rows);  // deletes the rows before
}

QWidget* JobList::makeRow(const JobLine& line) {
  auto* row = new QWidget;
  auto* layout = new QVBoxLayout(row);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(2);
  auto* head = new QHBoxLayout;
  head->setSpacing(8);
  auto* title = new ElidedLabel(
      line.order.name.isEmpty() ? line.title : QString(line.title + QStringLiteral(" · ") + line.order.name));
  title->setFixedWidth(190);
  auto* words = roleLabel<ElidedLabel>("muted", JobModel::words(line));
  words->setMode(Qt::ElideRight);
  head->addWidget(title);
  head->addWidget(words, 1);
  const QString job = line.job;
  if (line.active()) {
    auto* cancel = quietButton(tr("Cancel"));
    connect(cancel, &QPushButton::clicked, this, [this, job] { workbench_.engine.cancel(job); });
    head->addWidget(cancel);
  }
  if (line.state == JobLine::State::failed || !line.log.isEmpty()) {
    auto* copy = quietButton(tr("Copy details"));
    connect(copy, &QPushButton::clicked, this, [this, job] {
      if (const JobLine* now = workbench_.jobs.find(job)) QGuiApplication::clipboard()->setText(detailsOf(*now));
    });
    head->addWidget(copy);
  }
  if (!line.log.isEmpty()) {
    auto* log = quietButton(opened_.contains(job) ? tr("Hide log") : tr("Log"));
    connect(log, &QPushButton::clicked, this, [this, job] {
      if (opened_.removeAll(job) == 0) opened_.append(job);
      QTimer::singleShot(0, this, &JobList::fill);
    });
    head->addWidget(log);
  }
  layout->addLayout(head);
  if (line.state == JobLine::State::failed) {
    auto* message = roleLabel("caption", QString::fromStdString(line.error.message));
    message->setWordWrap(true);
    layout->addWidget(message);
  }
  if (opened_.contains(job)) {
    auto* log = new QPlainTextEdit(line.log.join(QLatin1Char('\n')));
    log->setReadOnly(true);
    log->setFont(codeFont());
    log->setFixedHeight(120);
    layout->addWidget(log);
  }
  return row;
}

}  // namespace moescope
