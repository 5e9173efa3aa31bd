// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/page.h"

#include <QProgressBar>
#include <QStackedLayout>
#include <QVBoxLayout>

#include "views/notice.h"
#include "views/theme.h"

namespace moescope {

Page::Page(const QString& name, Workbench& workbench, QWidget* parent)
    : QWidget(parent),
      workbench_(workbench),
      name_(name),
      line_(new QProgressBar),
      banner_(new Banner),
      empty_(new EmptyState),
      stack_(new QStackedLayout) {
  setProperty("role", "page");
  setAttribute(Qt::WA_StyledBackground);
  setAccessibleName(name);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  line_->setTextVisible(false);
  line_->setFixedHeight(3);
  QSizePolicy kept = line_->sizePolicy();
  kept.setRetainSizeWhenHidden(true);
  line_->setSizePolicy(kept);
  line_->hide();
  layout->addWidget(line_);
  auto* inner = new QVBoxLayout;
  inner->setContentsMargins(16, 13, 16, 16);
  inner->setSpacing(Measures::gap);
  inner->addWidget(banner_);
  inner->addLayout(stack_, 1);
  layout->addLayout(inner, 1);
  stack_->addWidget(empty_);
  const auto look = [this] {
    if (shown_) refresh();
  };
  connect(&workbench_.selection, &Selection::artifactChanged, this, [this, look] {
    quiet();
    look();
  });
  connect(&workbench_.tree, &ArtifactTree::changed, this, look);
  connect(&workbench_, &Workbench::operationsChanged, this, look);
}

void Page::enter() {
  shown_ = true;
  refresh();
}

void Page::setBody(QWidget* body) {
  body_ = body;
  stack_->addWidget(body);
}

void Page::showBody() {
  stack_->setCurrentWidget(body_);
}

void Page::showEmpty(const QString& sentence, Kind needed) {
  const Description* step = workbench_.stepTowards(needed);
  if (step == nullptr) return showEmpty(sentence, {}, {});
  const std::string id = step->id;
  showEmpty(sentence, QString::fromStdString(step->title) + QStringLiteral("..."),
            [this, id] { Q_EMIT workbench_.formAsked(id, Json::object()); });
}

void Page::showEmpty(const QString& sentence, const QString& button, std::function<void()> act) {
  empty_->say(sentence, button, std::move(act));
  stack_->setCurrentWidget(empty_);
}

void Page::setWaiting(bool waiting, double fraction) {
  waiting_ = waiting;
  line_->setVisible(waiting);
  line_->setRange(0, fraction < 0 ? 0 : 1000);
  if (fraction >= 0) line_->setValue(static_cast<int>(1000 * fraction));
}

void Page::say(const Error& error) {
  banner_->say(error);
}
void Page::quiet() {
  banner_->hide();
}

}  // namespace moescope
