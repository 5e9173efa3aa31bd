// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/fact_list.h"

#include <QGridLayout>

#include "views/elided_label.h"
#include "views/theme.h"

namespace moescope {

FactList::FactList(QWidget* parent) : QWidget(parent), layout_(new QGridLayout(this)) {
  layout_->setContentsMargins(0, 0, 0, 0);
  layout_->setHorizontalSpacing(8);
  layout_->setVerticalSpacing(0);
  layout_->setColumnStretch(1, 1);
  setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
}

void FactList::setFacts(const QList<Fact>& facts) {
  for (qsizetype i = rows_.size(); i < facts.size(); ++i) {
    auto* name = roleLabel<ElidedLabel>("muted");
    auto* value = roleLabel<ElidedLabel>("value");
    name->setMinimumHeight(Measures::row);
    value->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    layout_->addWidget(name, static_cast<int>(i), 0);
    layout_->addWidget(value, static_cast<int>(i), 1);
    rows_.append(std::pair(name, value));
  }
  for (qsizetype i = 0; i < rows_.size(); ++i) {
    const bool used = i < facts.size();
    rows_[i].first->setVisible(used);
    rows_[i].second->setVisible(used);
    if (!used) continue;
    rows_[i].first->setText(facts[i].name);
    rows_[i].first->setToolTip(facts[i].help);
    rows_[i].second->setText(facts[i].value);
  }
}

}  // namespace moescope
