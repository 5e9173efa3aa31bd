// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/figure_panel.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QMenu>
#include <QMimeData>
#include <QToolButton>

#include "views/figure_export.h"
#include "views/figure_view.h"
#include "views/help_popup.h"
#include "views/icon_button.h"
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
  connect(view_, &FigureView::chosen, this, [this](const QString& axis, qint64 index, Qt::KeyboardModifiers modifiers) {
    workbench_.selection.pick(axis.toStdString(), index, modifiers.testFlag(Qt::ShiftModifier));
  });
  // What cannot be seen is drawn when it can.
  connect(&workbench_.selection, &Selection::changed, this, [this] {
    if (fixed_) return;
    if (isVisible()) {
      refresh();
    } else {
      stale_ = true;
    }
  });
  connect(&workbench_.selection, &Selection::hovered, this, [this](const std::string& axis, std::int64_t index) {
    view_->setHighlighted(QString::fromStdString(axis), index < 0 ? std::set<qint64>() : std::set<qint64>{index});
  });
}

ViewState FigurePanel::viewState() const {
  ViewState view = origin_.view;
  if (follows_) workbench_.selection.addTo(view);
  return view;
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
  QAction* keep = menu.addAction(tr("Add to figures"), this, &FigurePanel::keep);
  keep->setEnabled(keepable());
}

void FigurePanel::exportAs(const QString& format) {
  if (!drawing_) return;
  const auto done = exportDrawing(*drawing_, format, workbench_.paper.style(), provenance(), this);
  if (!done) Q_EMIT failed(done.error());
}

Provenance FigurePanel::provenance() const {
  const StudyRow* row = workbench_.tree.row(QString::fromStdString(origin_.result));
  return {origin_.operation, row == nullptr ? std::string() : row->artifact.request, origin_.result};
}

void FigurePanel::copy() {
  auto* mime = new QMimeData;
  mime->setImageData(view_->picture());
  mime->setText(view_->values());
  mime->setData(QStringLiteral("text/csv"), view_->values().toUtf8());
  QGuiApplication::clipboard()->setMimeData(mime);
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

FigurePanel* figurePanel(Workbench& workbench, const QString& id, std::shared_ptr<const Result> result,
                         const Figure& figure, const Description* operation) {
  auto* panel = new FigurePanel(workbench);
  panel->setHelp(operation == nullptr ? QString() : QString::fromStdString(operation->title),
                 helpText(*result, figure, operation));
  panel->setOrigin({id.toStdString(), operation == nullptr ? std::string() : operation->id, figure, {}});
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
  panel->setSource(source, fixed);
  return panel;
}

}  // namespace moescope
