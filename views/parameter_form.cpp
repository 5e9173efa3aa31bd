// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/parameter_form.h"

#include <QHBoxLayout>
#include <QLineEdit>
#include <QListWidget>
#include <QPushButton>
#include <QVBoxLayout>
#include <algorithm>

#include "core/study/study.h"
#include "views/artifact_tree.h"
#include "views/elided_label.h"
#include "views/parameter_field.h"
#include "views/theme.h"

namespace moescope {
namespace {
constexpr std::size_t shownFirst = 5;
constexpr int listHeight = 112;
}  // namespace

ParameterForm::ParameterForm(ArtifactTree& tree, QWidget* parent)
    : QWidget(parent), tree_(tree), layout_(new QVBoxLayout(this)) {
  layout_->setContentsMargins(0, 0, 0, 0);
  connect(&tree_, &ArtifactTree::changed, this, [this] {
    for (std::size_t port = 0; port < inputs_.size(); ++port) fillInput(port);
  });
}

void ParameterForm::clear() {
  delete body_;
  inputs_.clear();
  fields_.clear();
  body_ = new QWidget;
  auto* rows = new QVBoxLayout(body_);
  rows->setContentsMargins(0, 0, 0, 0);
  rows->setSpacing(6);
  layout_->addWidget(body_);
}

void ParameterForm::setOperation(const Description& description, const QString& near, const Json& given) {
  description_ = description;
  near_ = near;
  clear();
  auto* title = roleLabel<ElidedLabel>("section", QString::fromStdString(description_.title));
  title->setToolTip(QString::fromStdString(description_.help));
  title->setMinimumHeight(Measures::row);
  body_->layout()->addWidget(title);
  addInputs();
  addParameters(given);

  auto* rows = static_cast<QVBoxLayout*>(body_->layout());
  auto* row = new QHBoxLayout;
  row->setSpacing(8);
  auto* label = roleLabel("muted", tr("Name"));
  label->setFixedWidth(104);
  label->setToolTip(tr("What the first output is called in the study; may stay empty."));
  name_ = new QLineEdit;
  name_->setAccessibleName(tr("Name"));
  row->addWidget(label);
  row->addWidget(name_, 1);
  rows->addLayout(row);
  wrong_ = roleLabel("wrong");
  wrong_->setWordWrap(true);
  wrong_->hide();
  rows->addWidget(wrong_);
  run_ = new QPushButton(tr("Run"));
  run_->setObjectName(QStringLiteral("run"));
  run_->setProperty("kind", "primary");
  run_->setToolTip(tr("Run (Ctrl+Return)"));
  run_->setShortcut(QKeySequence(Qt::CTRL | Qt::Key_Return));
  connect(run_, &QPushButton::clicked, this, &ParameterForm::tryToRun);
  auto* runRow = new QHBoxLayout;
  runRow->addSpacing(112);
  runRow->addWidget(run_, 1);
  rows->addLayout(runRow);
}

void ParameterForm::follow(const QString& near) {
  near_ = near;
  for (const Input& input : inputs_) input.widget()->setProperty("chosen", false);
  for (std::size_t port = 0; port < inputs_.size(); ++port) fillInput(port);
}

void ParameterForm::addInputs() {
  for (const Port& port : description_.in) {
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    auto* label = roleLabel<ElidedLabel>("muted", plainName(port.name));
    label->setFixedWidth(104);
    label->setToolTip(QString::fromStdString(port.help));
    Input input;
    if (port.many) {
      input.list = new QListWidget;
      input.list->setFixedHeight(listHeight);
      input.list->setTextElideMode(Qt::ElideMiddle);
    } else {
      input.box = new ChoiceBox;
    }
    QWidget* widget = input.widget();
    widget->setAccessibleName(plainName(port.name));
    widget->setObjectName(QStringLiteral("input ") + QString::fromStdString(port.name));
    row->addWidget(label, 0, port.many ? Qt::AlignTop : Qt::Alignment());
    row->addWidget(widget, 1);
    static_cast<QVBoxLayout*>(body_->layout())->addLayout(row);
    inputs_.push_back(input);
    fillInput(inputs_.size() - 1);
    // What the user chose stays when the study grows; what was only suggested follows the selection.
    const auto choose = [this, widget] {
      widget->setProperty("chosen", true);
      Q_EMIT edited();
    };
    if (port.many)
      connect(input.list, &QListWidget::itemChanged, this, choose);
    else
      connect(input.box, &QComboBox::activated, this, choose);
  }
}

QWidget* ParameterForm::Input::widget() const {
  return list != nullptr ? static_cast<QWidget*>(list) : box;
}

void ParameterForm::fillInput(std::size_t port) {
  if (description_.in[port].many)
    fillList(port);
  else
    fillBox(port);
}

void ParameterForm::fillList(std::size_t port) {
  QListWidget* list = inputs_[port].list;
  const QSignalBlocker quiet(list);
  const std::vector<std::string> before = idsOf(port);
  const bool chosen = list->property("chosen").toBool();
  list->clear();
  for (const StudyRow* row : tree_.present(description_.in[port].kind)) {
    const QString id = QString::fromStdString(row->artifact.id);
    auto* item = new QListWidgetItem(tree_.title(id), list);
    item->setData(Qt::UserRole, id);
    // All are suggested: what is compared or followed over time is most often all that there is.
    const bool ticked = !chosen || std::ranges::count(before, row->artifact.id) > 0;
    item->setCheckState(ticked ? Qt::Checked : Qt::Unchecked);
  }
}

std::vector<std::string> ParameterForm::idsOf(std::size_t port) const {
  std::vector<std::string> ids;
  const Input& input = inputs_[port];
  if (input.box != nullptr) {
    if (const QString id = input.box->currentData().toString(); !id.isEmpty()) ids.push_back(id.toStdString());
    return ids;
  }
  for (int at = 0; at < input.list->count(); ++at)
    if (const QListWidgetItem* item = input.list->item(at); item->checkState() == Qt::Checked)
      ids.push_back(item->data(Qt::UserRole).toString().toStdString());
  return ids;
}

void ParameterForm::fillBox(std::size_t port) {
  ChoiceBox* box = inputs_[port].box;
  const Port& wanted = description_.in[port];
  const QSignalBlocker quiet(box);
  const QString before = box->currentData().toString();
  const bool chosen = box->property("chosen").toBool();
  box->clear();
  if (wanted.optional) box->addItem(tr("none"), QString());
  for (const StudyRow* row : tree_.present(wanted.kind)) {
    const QString id = QString::fromStdString(row->artifact.id);
    box->addItem(tree_.title(id), id);
  }
  const StudyRow* related = wanted.optional ? nullptr : tree_.related(near_, wanted.kind);
  QString start = chosen ? before : QString();
  if (start.isEmpty() && related != nullptr) start = QString::fromStdString(related->artifact.id);
  // A corpus is not below a model; the one that the model came from is found among all.
  int at = start.isEmpty() ? -1 : box->findData(start);
  if (at < 0) at = box->count() > 0 ? 0 : -1;
  // Two inputs of one kind are two artifacts where there are two.
  for (std::size_t other = 0; other < port && !chosen; ++other)
    if (!wanted.optional && description_.in[other].kind == wanted.kind && inputs_[other].box != nullptr &&
        box->count() > 1 && inputs_[other].box->currentData() == box->itemData(at))
      at = at == 0 ? 1 : 0;
  box->setCurrentIndex(at);
  box->setEnabled(box->count() > 0);
  const std::string_view kind = name(wanted.kind);
  box->setPlaceholderText(tr("no %1 yet").arg(QString::fromUtf8(kind.data(), static_cast<qsizetype>(kind.size()))));
}

void ParameterForm::addParameters(const Json& given) {
  auto* rows = static_cast<QVBoxLayout*>(body_->layout());
  auto* rest = new QWidget;
  auto* restRows = new QVBoxLayout(rest);
  restRows->setContentsMargins(0, 0, 0, 0);
  restRows->setSpacing(6);
  std::size_t first = 0;
  bool restGiven = false;
  for (const Parameter& parameter : description_.parameters) {
    auto* field = new ParameterField(parameter, {}, body_);
    const bool shown = parameter.primary && first < shownFirst;
    if (shown) ++first;
    (shown ? rows : restRows)->addWidget(field);
    field->setGiven(given);
    restGiven = restGiven || (!shown && given.contains(parameter.name));
    fields_.push_back(field);
    connect(field, &ParameterField::edited, this, &ParameterForm::edited);
  }
  if (restRows->isEmpty()) {
    delete rest;
    return;
  }
  auto* more = new QPushButton(restGiven ? tr("Fewer") : tr("More"));
  more->setObjectName(QStringLiteral("more"));
  more->setProperty("kind", "quiet");
  rest->setVisible(restGiven);
  connect(more, &QPushButton::clicked, this, [rest, more] {
    const bool show = rest->isHidden();
    rest->setVisible(show);
    more->setText(show ? tr("Fewer") : tr("More"));
  });
  rows->addWidget(more, 0, Qt::AlignLeft);
  rows->addWidget(rest);
}

Order ParameterForm::order() const {
  Order order;
  order.operation = description_.id;
  for (std::size_t port = 0; port < inputs_.size(); ++port)
    if (std::vector<std::string> ids = idsOf(port); !ids.empty())
      order.inputs[description_.in[port].name] = std::move(ids);
  Json all = Json::object();
  for (const ParameterField* field : fields_) field->collect(all);
  // Only what differs from the defaults is asked for, as a request holds it.
  const auto checked = checkParameters(description_.parameters, all);
  order.set = checked ? checked->changed() : all;
  if (name_ != nullptr) order.name = name_->text().trimmed();
  return order;
}

bool ParameterForm::check() {
  bool right = true;
  for (ParameterField* field : fields_) right = field->check() && right;
  QString wrong;
  for (std::size_t port = 0; port < inputs_.size(); ++port) {
    const Port& wanted = description_.in[port];
    if (wanted.optional || !idsOf(port).empty()) continue;
    const std::string_view kind = moescope::name(wanted.kind);
    if (wanted.many && inputs_[port].list->count() > 0)
      wrong = tr("Tick what goes in.");
    else
      wrong = tr("This needs a %1, and the study has none yet.")
                  .arg(QString::fromUtf8(kind.data(), static_cast<qsizetype>(kind.size())));
  }
  Json all = Json::object();
  for (const ParameterField* field : fields_) field->collect(all);
  if (wrong.isEmpty() && right)
    if (const auto checked = checkParameters(description_.parameters, all); !checked)
      wrong = QString::fromStdString(checked.error().message);
  if (wrong.isEmpty() && name_ != nullptr && !name_->text().trimmed().isEmpty())
    if (const auto named = Study::checkName(name_->text().trimmed().toStdString()); !named)
      wrong = QString::fromStdString(named.error().message);
  if (wrong_ != nullptr) {
    wrong_->setText(wrong);
    wrong_->setVisible(!wrong.isEmpty());
  }
  return right && wrong.isEmpty();
}

void ParameterForm::tryToRun() {
  if (!check()) return;
  Q_EMIT runAsked(order());
}

}  // namespace moescope
