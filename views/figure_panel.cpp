// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/figure_panel.h"

#include <QMenu>
#include <QToolButton>

#include "core/result/python_script.h"
#include "views/figure_copy.h"
#include "views/figure_export.h"
#include "views/figure_view.h"
#include "views/help_popup.h"
#include "views/icon_button.h"
#include "views/sheet_check.h"
#include "views/view_choices.h"
#include "views/workbench.h"

namespace moescope {

FigurePanel::FigurePanel(Workbench& workbench, QWidget* parent)
    : Panel({}, parent), workbench_(workbench), view_(new FigureView) {
  auto* save = new IconButton(Glyph::save, tr("Export"));
  auto* menu = new QMenu(save);
  connect(menu, &QMenu::aboutToShow, this, [this, menu] { fillExportMenu(*menu); });
  save->setMenu(menu);
  save->setPopupMode(QToolButton::InstantPopup);
  auto* copy = new IconButton(Glyph::copy, tr("Copy figure and data (Ctrl+C)"));
  connect(copy, &QToolButton::clicked, this, &FigurePanel::copy);
  auto* help = new IconButton(Glyph::help, tr("What is this? (F1)"));
  connect(help, &QToolButton::clicked, this, &FigurePanel::showHelp);
  for (QWidget* button : {static_cast<QWidget*>(save), static_cast<QWidget*>(copy), static_cast<QWidget*>(help)})
    addButton(button);
  setContent(view_);
  connect(view_, &FigureView::hovered, this,
          [this](const QString& axis, qint64 index) { workbench_.selection.hover(axis.toStdString(), index); });
  connect(view_, &FigureView::rowChosen, this, &FigurePanel::rowChosen);
  connect(view_, &FigureView::brushed, this, [this](const QString& axis, const std::set<qint64>& indices, bool add) {
    workbench_.selection.brush(axis.toStdString(), {indices.begin(), indices.end()}, add);
  });
  connect(view_, &FigureView::chosen, this, [this](const QString& axis, qint64 index, Qt::KeyboardModifiers modifiers) {
    workbench_.selection.pick(axis.toStdString(), index, modifiers.testFlag(Qt::ShiftModifier));
  });
  // What cannot be seen is drawn when it can.
  connect(&workbench_.selection, &Selection::changed, this, [this] {
    if (!fixed_) redrawLater();
  });
  connect(&workbench_.views, &ViewSettings::changed, this, &FigurePanel::redrawLater);
  connect(&workbench_.selection, &Selection::hovered, this, [this](const std::string& axis, std::int64_t index) {
    view_->setHighlighted(QString::fromStdString(axis), index < 0 ? std::set<qint64>() : std::set<qint64>{index});
  });
}

std::string FigurePanel::key() const {
  return origin_.operation + "/" + origin_.figure.name;
}

ViewState FigurePanel::viewState() const {
  ViewState view = origin_.view;
  if (!follows_) return view;
  workbench_.selection.addTo(view);
  for (const auto& [name, value] : workbench_.views.of(key())) view.set[name] = value;
  return view;
}

void FigurePanel::redrawLater() {
  if (isVisible()) {
    refresh();
  } else {
    stale_ = true;
  }
}

void FigurePanel::setSource(std::function<Drawing(const ViewState&)> draw, bool fixed) {
  draw_ = std::move(draw);
  fixed_ = fixed;
  refresh();
}

void FigurePanel::setFollows(bool follows) {
  follows_ = follows;
}

void FigurePanel::refresh() {
  stale_ = false;
  if (!draw_) return;
  drawing_ = std::make_shared<const Drawing>(draw_(viewState()));
  setTitle(QString::fromStdString(drawing_->title));
  setCaption(QString::fromStdString(drawing_->caption));
  view_->setDrawing(drawing_);
  Q_EMIT drawn();
}

void FigurePanel::goToToken(std::int64_t run) {
  view_->goToToken(run);
}

void FigurePanel::showEvent(QShowEvent* event) {
  Panel::showEvent(event);
  if (stale_) refresh();
}

void FigurePanel::setHelp(const QString& title, const QString& text) {
  helpTitle_ = title;
  helpText_ = text;
}

void FigurePanel::setOrigin(const KeptFigure& origin) {
  origin_ = origin;
}

void FigurePanel::fillExportMenu(QMenu& menu) {
  menu.clear();
  const auto format = [&](const char* id, const QString& words) {
    menu.addAction(words, this, [this, id] { exportAs(QString::fromLatin1(id)); });
  };
  format("pdf", tr("PDF..."));
  format("svg", tr("SVG..."));
  format("png", tr("PNG..."));
  format("tex", tr("pgfplots..."));
  format("csv", tr("Data as CSV..."));
  if (drawing_ && drawing_->text) format("html", tr("Web page..."));
  menu.addSeparator();
  QMenu* presets = menu.addMenu(
      tr("For %1, %2").arg(workbench_.paper.preset(), workbench_.paper.full() ? tr("full width") : tr("one column")));
  for (const Venue& venue : venues()) {
    const QString name = QString::fromUtf8(venue.name.data(), static_cast<qsizetype>(venue.name.size()));
    QAction* choose = presets->addAction(name, this, [this, name] { workbench_.paper.setPreset(name); });
    choose->setCheckable(true);
    choose->setChecked(name == workbench_.paper.preset());
  }
  presets->addSeparator();
  QAction* full =
      presets->addAction(tr("Full width"), this, [this] { workbench_.paper.setFull(!workbench_.paper.full()); });
  full->setCheckable(true);
  full->setChecked(workbench_.paper.full());
  menu.addSeparator();
  menu.addAction(tr("Copy values"), this, &FigurePanel::copyValues);
  QAction* python = menu.addAction(tr("Copy as Python"), this, &FigurePanel::copyPython);
  python->setEnabled(result_ != nullptr);
  menu.addAction(tr("Copy LaTeX caption"), this, &FigurePanel::copyCaption);
  menu.addSeparator();
  fillViewMenu(*menu.addMenu(tr("View")));
  QAction* keep = menu.addAction(tr("Add to figures"), this, &FigurePanel::keep);
  keep->setEnabled(keepable());
}

void FigurePanel::fillViewMenu(QMenu& menu) {
  for (const ViewChoice& choice : viewChoices(origin_.figure, result_.get())) {
    QMenu* values = menu.addMenu(choice.words);
    const auto& now = workbench_.views.of(key());
    const auto chosen = now.find(choice.key);
    for (const auto& [value, words] : choice.values) {
      QAction* one = values->addAction(
          words, this, [this, name = choice.key, value = value] { workbench_.views.set(key(), name, value); });
      one->setCheckable(true);
      one->setChecked(chosen == now.end() ? value.empty() : chosen->second == value);
    }
  }
  menu.setEnabled(!menu.isEmpty());
}

void FigurePanel::exportAs(const QString& format) {
  if (!drawing_) return;
  const auto done = exportDrawing(*drawing_, format, workbench_.paper.style(), provenance(), this);
  if (!done) Q_EMIT failed(done.error());
}

Provenance FigurePanel::provenance() const {
  const StudyRow* row = workbench_.tree.row(QString::fromStdString(origin_.result));
  Provenance provenance{origin_.operation, row == nullptr ? std::string() : row->artifact.request, origin_.result};
  if (!keepable()) return provenance;
  Sheet sheet{.columns = 1, .letters = false};
  sheet.panels.push_back(origin_);
  sheet.panels.back().view = viewState();
  provenance.sheet = toJson(sheet);
  return provenance;
}

void FigurePanel::copy() {
  if (!drawing_) return;
  if (const auto done = copyFigure(*drawing_, view_->picture(), workbench_.paper.style(), provenance()); !done)
    Q_EMIT failed(done.error());
}

void FigurePanel::copyValues() {
  copyText(view_->values(), QStringLiteral("text/csv"));
}

QString FigurePanel::script() const {
  if (!result_ || !drawing_) return {};
  const QString file = workbench_.placeOf(QString::fromStdString(origin_.result), Kind::result);
  return QString::fromStdString(pythonScript(*result_, origin_.figure, viewState(), *drawing_, file.toStdString()));
}

void FigurePanel::copyPython() {
  if (const QString text = script(); !text.isEmpty()) copyText(text, QStringLiteral("text/x-python"));
}

void FigurePanel::copyCaption() {
  if (!drawing_) return;
  const SheetLayout layout({.columns = 1, .letters = false}, {*drawing_}, workbench_.paper.style());
  copyText(captionStub(layout, {helpText_.section(QStringLiteral("\n\n"), 0, 0)}), QStringLiteral("text/x-tex"));
}

void FigurePanel::showHelp() {
  HelpPopup::open(helpTitle_.isEmpty() ? title() : helpTitle_, helpText_, *this);
}

void FigurePanel::keep() {
  if (!keepable()) return;
  KeptFigure figure = origin_;
  figure.view = viewState();
  Q_EMIT keepAsked(figure);
}

QString helpText(const Result& result, const Figure& figure, const Description* operation) {
  QStringList parts;
  if (operation != nullptr) parts << QString::fromStdString(operation->help);
  for (const std::string& name : figure.values) {
    const Array* array = result.array(name);
    if (array == nullptr || (array->help.empty() && array->unit.empty())) continue;
    QString line = QString::fromStdString(name);
    if (!array->unit.empty()) line += QStringLiteral(", ") + QString::fromStdString(array->unit);
    if (!array->help.empty()) line += QStringLiteral(": ") + QString::fromStdString(array->help);
    parts << line;
  }
  if (operation != nullptr)
    parts << QString::fromStdString(operation->id + ", version " + std::to_string(operation->version));
  return parts.join(QStringLiteral("\n\n"));
}

void FigurePanel::showFigure(const QString& id, std::shared_ptr<const Result> result, const Figure& figure,
                             const Description* operation) {
  setHelp(operation == nullptr ? QString() : QString::fromStdString(operation->title),
          helpText(*result, figure, operation));
  setOrigin({id.toStdString(), operation == nullptr ? std::string() : operation->id, figure, {}});
  result_ = result;
  // A table of the result is drawn as it is, and may be long.
  const Value* value = figure.values.empty() ? nullptr : result->find(figure.values.front());
  const bool fixed = value != nullptr && std::holds_alternative<Table>(value->content);
  const auto source = [result = std::move(result), figure](const ViewState& view) {
    auto drawn = draw(*result, figure, view);
    if (drawn) return *std::move(drawn);
    Drawing nothing;
    nothing.title = figure.title.empty() ? figure.name : figure.title;
    nothing.empty = drawn.error().message;
    return nothing;
  };
  setSource(source, fixed);
}

FigurePanel* figurePanel(Workbench& workbench, const QString& id, std::shared_ptr<const Result> result,
                         const Figure& figure, const Description* operation) {
  auto* panel = new FigurePanel(workbench);
  panel->showFigure(id, std::move(result), figure, operation);
  return panel;
}

}  // namespace moescope
