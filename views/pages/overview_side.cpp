// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/overview_side.h"

#include <QPushButton>
#include <QVBoxLayout>

#include "views/elided_label.h"
#include "views/parameter_field.h"
#include "views/theme.h"

namespace moescope {

OverviewSide::OverviewSide(Workbench& workbench, QWidget* parent) : QWidget(parent), workbench_(workbench) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(Measures::padding, 12, Measures::padding, 12);
  layout->addStretch(1);
  connect(&workbench_, &Workbench::operationsChanged, this, &OverviewSide::fill);
  fill();
}

void OverviewSide::fill() {
  delete list_;
  list_ = new QWidget;
  auto* rows = new QVBoxLayout(list_);
  rows->setContentsMargins(0, 0, 0, 0);
  rows->setSpacing(2);
  std::string area;
  for (const Description& operation : workbench_.operations()) {
    const std::string its = operation.id.substr(0, operation.id.find('.'));
    if (its != area) {
      area = its;
      auto* title = roleLabel<ElidedLabel>("section", plainName(area));
      title->setMinimumHeight(rows->count() == 0 ? 22 : 30);
      title->setAlignment(Qt::AlignBottom | Qt::AlignLeft);
      rows->addWidget(title);
    }
    auto* button = new QPushButton(QString::fromStdString(operation.title));
    button->setProperty("kind", "quiet");
    button->setToolTip(QString::fromStdString(operation.help));
    button->setMinimumHeight(Measures::row);
    connect(button, &QPushButton::clicked, this,
            [this, id = operation.id] { Q_EMIT workbench_.formAsked(id, Json::object()); });
    rows->addWidget(button, 0, Qt::AlignLeft);
  }
  static_cast<QVBoxLayout*>(layout())->insertWidget(0, list_);
}

}  // namespace moescope
