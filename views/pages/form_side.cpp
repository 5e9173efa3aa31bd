// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/form_side.h"

#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include "views/elided_label.h"
#include "views/parameter_form.h"
#include "views/theme.h"

namespace moescope {

FormSide::FormSide(Workbench& workbench, QWidget* parent)
    : QWidget(parent), workbench_(workbench), form_(new ParameterForm(workbench.tree)), help_(roleLabel("caption")) {
  setObjectName(QStringLiteral("formSide"));
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(Measures::padding, 8, Measures::padding, 12);
  layout->setSpacing(6);
  auto* back = new QPushButton(tr("‹ Back"));
  back->setProperty("kind", "quiet");
  layout->addWidget(back, 0, Qt::AlignLeft);
  layout->addWidget(form_);
  help_->setWordWrap(true);
  help_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  layout->addSpacing(6);
  layout->addWidget(help_);
  layout->addStretch(1);
  connect(back, &QPushButton::clicked, this, &FormSide::left);
  connect(&workbench_.selection, &Selection::artifactChanged, form_, &ParameterForm::follow);
  connect(form_, &ParameterForm::runAsked, this, [this](const Order& order) {
    workbench_.engine.submit(order);
    Q_EMIT left();
    const Description* operation = workbench_.operation(order.operation);
    if (operation != nullptr && !operation->page.empty())
      Q_EMIT workbench_.pageAsked(QString::fromStdString(operation->page));
  });
}

bool FormSide::open(const std::string& operation, const Json& given) {
  const Description* description = workbench_.operation(operation);
  if (description == nullptr) return false;
  form_->setOperation(*description, workbench_.selection.artifact(), given);
  help_->setText(QString::fromStdString(description->help));
  return true;
}

}  // namespace moescope
