// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "core/operation/operation.h"
#include "views/engine.h"

class QLabel;
class QLineEdit;
class QListWidget;
class QPushButton;
class QVBoxLayout;

namespace moescope {

class ArtifactTree;
class ChoiceBox;
class ParameterField;

// The form of an operation, made from its description: a box for each input with the artifacts of its kind (a list to
// tick where it takes several), five parameters, "more" for the rest, a name, and Run (Ctrl+Return). GUI thread.
class ParameterForm : public QWidget {
  Q_OBJECT
 public:
  explicit ParameterForm(ArtifactTree& tree, QWidget* parent = nullptr);

  // `near` is the selected artifact: inputs start with what is related to it.
  void setOperation(const Description& description, const QString& near, const Json& given = Json::object());
  void follow(const QString& near);  // another artifact was selected: inputs move, values stay
  const Description& description() const { return description_; }
  Order order() const;
  bool check();  // says what is wrong beside each field; true when it can be run

 Q_SIGNALS:
  void runAsked(const moescope::Order& order);
  void edited();

 private:
  void clear();
  void addInputs();
  void addParameters(const Json& given);
  void fillInput(std::size_t port);
  void fillBox(std::size_t port);
  void fillList(std::size_t port);
  std::vector<std::string> idsOf(std::size_t port) const;
  void tryToRun();

  ArtifactTree& tree_;
  Description description_;
  QString near_;
  QVBoxLayout* layout_;
  QWidget* body_ = nullptr;
  struct Input {
    ChoiceBox* box = nullptr;     // of a port that takes one
    QListWidget* list = nullptr;  // of a port that takes several
    QWidget* widget() const;
  };
  std::vector<Input> inputs_;
  std::vector<ParameterField*> fields_;
  QLineEdit* name_ = nullptr;
  QLabel* wrong_ = nullptr;
  QPushButton* run_ = nullptr;
};

}  // namespace moescope
