// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>

#include "views/pages/analysis_page.h"

class QLineEdit;
class QPlainTextEdit;
class QPushButton;

namespace moescope {

class TokenMap;

// Text coloured by the expert of a layer: any document of the selected trace, or a prompt that is typed or pasted,
// imported, captured and shown by three requests in a row, of which the answer is a preview.
class TokensPage : public AnalysisPage {
  Q_OBJECT
 public:
  explicit TokensPage(Workbench& workbench, QWidget* parent = nullptr);
  bool idle() const override;
  void route(const QString& prompt);
  void find(const QString& words);  // goes to the next place of these words in the text that is shown
  void nextSurprise();              // and to the next token that the model expected least

 protected:
  void arranged() override;

 private:
  QWidget* makeReading();
  void goTo(std::int64_t run);
  void follow();

  void next(const char* operation, InputIds inputs, Json set);
  void finished(const QString& job, const Json& outputs);

  QPlainTextEdit* prompt_;
  QPushButton* show_;
  QLineEdit* find_ = nullptr;
  TokenMap* map_ = nullptr;
  QPointer<FigurePanel> text_;
  std::int64_t at_ = -1;  // the run where the reader is
  QString job_;
  int stage_ = 0;  // 0 nothing, 1 importing, 2 capturing, 3 showing
  std::string model_;
};

}  // namespace moescope
