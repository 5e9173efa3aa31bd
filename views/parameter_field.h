// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QComboBox>
#include <QLineEdit>
#include <QWidget>
#include <optional>
#include <vector>

#include "core/operation/parameter.h"

class QCheckBox;
class QLabel;
class QVBoxLayout;

namespace moescope {

// A line to type in, with the unit at its right end.
class UnitEdit : public QLineEdit {
  Q_OBJECT
 public:
  explicit UnitEdit(const QString& unit, QWidget* parent = nullptr);

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  QString unit_;
};

// A box of choices that the wheel does not change in passing.
class ChoiceBox : public QComboBox {
  Q_OBJECT
 public:
  explicit ChoiceBox(QWidget* parent = nullptr);

 protected:
  void wheelEvent(QWheelEvent* event) override;
};

// One row of a form: label, the widget that fits the parameter's type, and below what is wrong with its value. A choice
// shows the fields of the chosen option's own parameters under itself. GUI thread.
class ParameterField : public QWidget {
  Q_OBJECT
 public:
  // `prefix` is "OPTION." for a parameter that belongs to an option.
  ParameterField(const Parameter& parameter, const QString& prefix, QWidget* parent = nullptr);

  QString name() const { return prefix_ + QString::fromStdString(parameter_.name); }
  void setValue(const Json& value);
  void setGiven(const Json& given);  // every value by its full name; unknown names are left alone
  void collect(Json& into) const;    // this value and those of the chosen option, by full name; defaults too
  bool check();                      // says what is wrong beside the field; true when all is right
  const Parameter& parameter() const { return parameter_; }

 Q_SIGNALS:
  void edited();

 private:
  QWidget* makeInput();
  QWidget* makePathInput();
  Json value() const;
  void showOption();
  void say(const QString& wrong);

  Parameter parameter_;
  QString prefix_;
  UnitEdit* line_ = nullptr;
  QCheckBox* flag_ = nullptr;
  ChoiceBox* choice_ = nullptr;
  QLabel* wrong_;
  QVBoxLayout* below_;
  std::vector<std::vector<ParameterField*>> ofOption_;
};

QString plainName(const std::string& name);  // "learning_rate" -> "Learning rate"

}  // namespace moescope
