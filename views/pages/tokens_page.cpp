// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/tokens_page.h"

#include <QHBoxLayout>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QShortcut>

#include "views/figure_panel.h"
#include "views/panel.h"
#include "views/theme.h"
#include "views/token_map.h"
#include "views/token_walk.h"

namespace moescope {
namespace {
const QString view = QStringLiteral("Tokens/prompt");
}

TokensPage::TokensPage(Workbench& workbench, QWidget* parent)
    : AnalysisPage(tr("Tokens"),
                   tr("Text coloured by the expert that each layer sent every token to; it needs a trace."), workbench,
                   parent),
      prompt_(new QPlainTextEdit),
      show_(new QPushButton(tr("Show routing"))) {
  auto* head = new QWidget;
  auto* rows = new QVBoxLayout(head);
  rows->setContentsMargins(0, 0, 0, 0);
  rows->setSpacing(8);
  auto* row = new QWidget;
  auto* layout = new QHBoxLayout(row);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(8);
  prompt_->setPlaceholderText(tr("Type or paste a prompt to see how the model routes it"));
  prompt_->setAccessibleName(tr("Prompt"));
  prompt_->setFixedHeight(56);
  prompt_->setTabChangesFocus(true);
  show_->setToolTip(tr("Show how the model of the selection routes this text (Ctrl+Return)"));
  layout->addWidget(prompt_, 1);
  layout->addWidget(show_, 0, Qt::AlignTop);
  rows->addWidget(row);
  rows->addWidget(makeReading());
  setHeader(head);
  connect(show_, &QPushButton::clicked, this, [this] { route(prompt_->toPlainText()); });
  auto* shortcut = new QShortcut(QKeySequence(Qt::CTRL | Qt::Key_Return), prompt_);
  shortcut->setContext(Qt::WidgetShortcut);
  connect(shortcut, &QShortcut::activated, show_, &QPushButton::click);
  connect(&workbench_.engine, &EngineClient::finished, this, &TokensPage::finished);
  connect(&workbench_.engine, &EngineClient::failed, this, [this](const QString& job, const Error& error) {
    if (job != job_) return;
    stage_ = 0;
    job_.clear();
    setWaiting(false);
    if (error.kind != ErrorKind::cancelled) say(error);
  });
}

QWidget* TokensPage::makeReading() {
  auto* reading = new QWidget;
  auto* layout = new QHBoxLayout(reading);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(8);
  find_ = new QLineEdit;
  find_->setPlaceholderText(tr("Find in the text"));
  find_->setAccessibleName(tr("Find in the text"));
  find_->setClearButtonEnabled(true);
  find_->setFixedWidth(220);
  auto* surprise = new QPushButton(tr("Next surprising"));
  surprise->setToolTip(tr("Goes to the next token among the twentieth that the model expected least"));
  map_ = new TokenMap;
  layout->addWidget(find_);
  layout->addWidget(surprise);
  layout->addWidget(map_, 1);
  connect(find_, &QLineEdit::returnPressed, this, [this] { find(find_->text()); });
  connect(surprise, &QPushButton::clicked, this, &TokensPage::nextSurprise);
  connect(map_, &TokenMap::asked, this, &TokensPage::goTo);
  return reading;
}

void TokensPage::arranged() {
  FigurePanel* panel = panelWithText();
  if (panel != text_) {
    if (text_) disconnect(text_, &FigurePanel::drawn, this, nullptr);
    text_ = panel;
    at_ = -1;
    if (panel != nullptr) connect(panel, &FigurePanel::drawn, this, &TokensPage::follow);
  }
  follow();
}

void TokensPage::follow() {
  map_->setDrawing(text_ ? text_->drawing() : nullptr);
  map_->parentWidget()->setVisible(text_ != nullptr);
}

void TokensPage::goTo(std::int64_t run) {
  if (!text_ || run < 0) return;
  at_ = run;
  map_->setShown(run);
  text_->goToToken(run);
}

void TokensPage::find(const QString& words) {
  if (find_->text() != words) find_->setText(words);
  const auto drawing = text_ ? text_->drawing() : nullptr;
  if (!drawing || !drawing->text || words.isEmpty()) return;
  const std::int64_t run = nextWords(*drawing->text, words, at_);
  if (run < 0)
    return say(usageError("\"" + words.toStdString() +
                          "\" does not occur in the text that is shown. Another stretch or "
                          "document is chosen at the right."));
  quiet();
  goTo(run);
}

void TokensPage::nextSurprise() {
  const auto drawing = text_ ? text_->drawing() : nullptr;
  if (!drawing || !drawing->text) return;
  const std::int64_t run = moescope::nextSurprise(lossesOf(*drawing), at_);
  if (run < 0)
    return say(usageError("The trace holds no losses, so nothing is known to be surprising. Capture it with loss on."));
  goTo(run);
}

bool TokensPage::idle() const {
  return AnalysisPage::idle() && stage_ == 0;
}

void TokensPage::route(const QString& prompt) {
  if (prompt.trimmed().isEmpty())
    return say(usageError("There is no prompt yet. Type or paste some text, then press Show routing."));
  const StudyRow* model = workbench_.tree.related(workbench_.selection.artifact(), Kind::model);
  if (model == nullptr) {
    const auto all = workbench_.tree.present(Kind::model);
    if (!all.empty()) model = all.front();
  }
  if (model == nullptr)
    return say(usageError("There is no model in this study yet to route the text with. Train one first (Train page)."));
  quiet();
  model_ = model->artifact.id;
  stage_ = 1;
  next("corpus.import", {}, {{"text", prompt.toStdString()}, {"validation", 0}});
}

void TokensPage::next(const char* operation, InputIds inputs, Json set) {
  setWaiting(true);
  const int stage = stage_;
  // A look, not a work: nothing of it enters the study.
  const QString job =
      workbench_.engine.submit({operation, std::move(inputs), std::move(set), {}, view, /*keep=*/false});
  if (stage_ == stage) job_ = job;
}

void TokensPage::finished(const QString& job, const Json& outputs) {
  if (job.isEmpty() || job != job_) return;
  job_.clear();
  const auto first = [&](const char* port) { return outputId(outputs, port).toStdString(); };
  if (stage_ == 1) {
    stage_ = 2;
    next("capture.routing", {{"model", {model_}}, {"corpus", {first("corpus")}}}, Json::object());
  } else if (stage_ == 2) {
    stage_ = 3;
    next("tokens.text", {{"trace", {first("trace")}}}, Json::object());
  } else if (stage_ == 3) {
    stage_ = 0;
    setWaiting(false);
    showResult("tokens.text", outputs);
  }
}

}  // namespace moescope
