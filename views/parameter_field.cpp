// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/parameter_field.h"

#include <QCheckBox>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QMenu>
#include <QPainter>
#include <QStyle>
#include <QVBoxLayout>
#include <QWheelEvent>

#include "views/elided_label.h"
#include "views/icon_button.h"
#include "views/study_row.h"
#include "views/theme.h"

namespace moescope {
namespace {

constexpr int labelWidth = 104;

QString helpOf(const Parameter& parameter) {
  QString help = QString::fromStdString(parameter.help);
  QStringList facts;
  if (!parameter.initial.is_null() && !inWords(parameter.initial).isEmpty())
    facts << ParameterField::tr("default %1").arg(inWords(parameter.initial));
  if ((parameter.type == ParameterType::integer || parameter.type == ParameterType::real) &&
      parameter.high > parameter.low)
    facts << ParameterField::tr("%1 to %2").arg(parameter.low).arg(parameter.high);
  if (!parameter.unit.empty()) facts << QString::fromStdString(parameter.unit);
  if (!facts.isEmpty()) help += QStringLiteral("\n") + facts.join(QStringLiteral(", "));
  return help + QStringLiteral("\n") + QString::fromStdString(parameter.name);
}

// "de, fr" or "[1, 2]": numbers become numbers, anything else words.
Json listFromText(const QString& text) {
  const Json parsed = Json::parse(text.toStdString(), nullptr, false);
  if (parsed.is_array()) return parsed;
  Json list = Json::array();
  for (const QString& part : text.split(QLatin1Char(','), Qt::SkipEmptyParts)) {
    bool number = false;
    const double value = part.trimmed().toDouble(&number);
    if (number) {
      list.push_back(Json::parse(part.trimmed().toStdString(), nullptr, false));
      if (list.back().is_discarded()) list.back() = value;
    } else {
      list.push_back(part.trimmed().toStdString());
    }
  }
  return list;
}

}  // namespace

QString plainName(const std::string& name) {
  QString plain = QString::fromStdString(name).replace(QLatin1Char('_'), QLatin1Char(' '));
  if (!plain.isEmpty()) plain[0] = plain[0].toUpper();
  return plain;
}

UnitEdit::UnitEdit(const QString& unit, QWidget* parent) : QLineEdit(parent), unit_(unit) {
  if (!unit_.isEmpty()) setTextMargins(0, 0, fontMetrics().horizontalAdvance(unit_) + 6, 0);
}

void UnitEdit::paintEvent(QPaintEvent* event) {
  QLineEdit::paintEvent(event);
  if (unit_.isEmpty()) return;
  QPainter painter(this);
  painter.setPen(currentTheme().muted);
  painter.drawText(rect().adjusted(0, 0, -9, 0), Qt::AlignRight | Qt::AlignVCenter, unit_);
}

ChoiceBox::ChoiceBox(QWidget* parent) : QComboBox(parent) {
  setFocusPolicy(Qt::StrongFocus);
  setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  setMinimumContentsLength(4);
}

void ChoiceBox::wheelEvent(QWheelEvent* event) {
  event->ignore();
}

ParameterField::ParameterField(const Parameter& parameter, const QString& prefix, QWidget* parent)
    : QWidget(parent), parameter_(parameter), prefix_(prefix), wrong_(roleLabel("wrong")), below_(new QVBoxLayout) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(3);
  auto* row = new QHBoxLayout;
  row->setSpacing(8);
  auto* label = roleLabel<ElidedLabel>("muted", plainName(parameter_.name));
  label->setMode(Qt::ElideRight);
  label->setToolTip(helpOf(parameter_));
  label->setFixedWidth(prefix_.isEmpty() ? labelWidth : labelWidth - 12);
  if (!prefix_.isEmpty()) row->addSpacing(4);
  row->addWidget(label);
  QWidget* input = makeInput();
  input->setToolTip(helpOf(parameter_));
  input->setAccessibleName(plainName(parameter_.name));
  input->setAccessibleDescription(QString::fromStdString(parameter_.help));
  row->addWidget(input, 1);
  layout->addLayout(row);
  wrong_->setWordWrap(true);
  wrong_->hide();
  layout->addWidget(wrong_);
  below_->setContentsMargins(0, 3, 0, 0);
  below_->setSpacing(6);
  layout->addLayout(below_);
  setValue(parameter_.initial);
  showOption();
}

QWidget* ParameterField::makeInput() {
  if (parameter_.type == ParameterType::flag) {
    flag_ = new QCheckBox;
    connect(flag_, &QCheckBox::toggled, this, &ParameterField::edited);
    return flag_;
  }
  if (parameter_.type == ParameterType::choice) {
    choice_ = new ChoiceBox;
    for (const Option& option : parameter_.options) {
      choice_->addItem(plainName(option.name).toLower(), QString::fromStdString(option.name));
      choice_->setItemData(choice_->count() - 1, QString::fromStdString(option.help), Qt::ToolTipRole);
      std::vector<ParameterField*> fields;
      for (const Parameter& own : option.parameters) {
        fields.push_back(new ParameterField(own, QString::fromStdString(option.name + "."), this));
        below_->addWidget(fields.back());
        connect(fields.back(), &ParameterField::edited, this, &ParameterField::edited);
      }
      ofOption_.push_back(std::move(fields));
    }
    connect(choice_, &QComboBox::currentIndexChanged, this, [this] {
      showOption();
      Q_EMIT edited();
    });
    return choice_;
  }
  line_ = new UnitEdit(QString::fromStdString(parameter_.unit));
  connect(line_, &QLineEdit::textChanged, this, [this] {
    check();
    Q_EMIT edited();
  });
  return parameter_.type == ParameterType::path ? makePathInput() : line_;
}

QWidget* ParameterField::makePathInput() {
  auto* both = new QWidget;
  auto* row = new QHBoxLayout(both);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(2);
  row->addWidget(line_, 1);
  auto* browse = new IconButton(Glyph::folder, tr("Browse"));
  auto* menu = new QMenu(browse);
  menu->addAction(tr("Folder..."), this, [this] {
    const QString path = QFileDialog::getExistingDirectory(this, plainName(parameter_.name), line_->text());
    if (!path.isEmpty()) line_->setText(path);
  });
  menu->addAction(tr("File..."), this, [this] {
    const QString path = QFileDialog::getOpenFileName(this, plainName(parameter_.name), line_->text());
    if (!path.isEmpty()) line_->setText(path);
  });
  browse->setMenu(menu);
  browse->setPopupMode(QToolButton::InstantPopup);
  row->addWidget(browse);
  return both;
}

void ParameterField::setValue(const Json& value) {
  if (flag_ != nullptr) flag_->setChecked(value.is_boolean() && value.get<bool>());
  if (choice_ != nullptr && value.is_string())
    choice_->setCurrentIndex(std::max(0, choice_->findData(QString::fromStdString(value.get<std::string>()))));
  if (line_ != nullptr) line_->setText(inWords(value));
}

void ParameterField::setGiven(const Json& given) {
  if (const auto found = given.find(name().toStdString()); found != given.end()) setValue(*found);
  for (const auto& fields : ofOption_)
    for (ParameterField* field : fields) field->setGiven(given);
}

Json ParameterField::value() const {
  if (flag_ != nullptr) return flag_->isChecked();
  if (choice_ != nullptr) return choice_->currentData().toString().toStdString();
  if (parameter_.type == ParameterType::list) return listFromText(line_->text());
  return line_->text().trimmed().toStdString();
}

void ParameterField::collect(Json& into) const {
  const bool left = line_ != nullptr && line_->text().trimmed().isEmpty();
  // An empty line stands for the default, or for a value still to be given.
  if (!left || parameter_.type == ParameterType::list) into[name().toStdString()] = value();
  if (choice_ == nullptr || choice_->currentIndex() < 0) return;
  for (const ParameterField* field : ofOption_[static_cast<std::size_t>(choice_->currentIndex())]) field->collect(into);
}

void ParameterField::showOption() {
  if (choice_ == nullptr) return;
  for (std::size_t option = 0; option < ofOption_.size(); ++option)
    for (ParameterField* field : ofOption_[option])
      field->setVisible(static_cast<int>(option) == choice_->currentIndex());
}

bool ParameterField::check() {
  bool right = true;
  if (choice_ != nullptr && choice_->currentIndex() >= 0)
    for (ParameterField* field : ofOption_[static_cast<std::size_t>(choice_->currentIndex())])
      right = field->check() && right;
  Parameter alone = parameter_;
  alone.options.clear();
  if (parameter_.type == ParameterType::choice) return right;
  Json given = Json::object();
  if (line_ == nullptr || !line_->text().trimmed().isEmpty()) given[parameter_.name] = value();
  const auto checked = checkParameters({alone}, given);
  say(checked ? QString() : QString::fromStdString(checked.error().message));
  return right && checked.has_value();
}

void ParameterField::say(const QString& wrong) {
  wrong_->setText(wrong);
  wrong_->setVisible(!wrong.isEmpty());
  if (line_ == nullptr || line_->property("wrong").toBool() == !wrong.isEmpty()) return;
  line_->setProperty("wrong", !wrong.isEmpty());
  line_->style()->unpolish(line_);
  line_->style()->polish(line_);
}

}  // namespace moescope
