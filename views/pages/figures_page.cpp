// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/figures_page.h"

#include <QCheckBox>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>
#include <set>

#include "views/elided_label.h"
#include "views/figure_export.h"
#include "views/figure_panel.h"
#include "views/icon_button.h"
#include "views/parameter_field.h"
#include "views/theme.h"

namespace moescope {

FiguresPage::FiguresPage(Workbench& workbench, QWidget* parent)
    : Page(tr("Figures"), workbench, parent), grid_(new PanelGrid) {
  setBody(grid_->scrolled());
  connect(&workbench_.figures, &FigureList::changed, this, [this] {
    if (shown()) refresh();
  });
  connect(&workbench_.reader, &ResultReader::resultRead, this, &FiguresPage::received);
  connect(&workbench_.reader, &ResultReader::failed, this, [this](const QString& id, const Error& error) {
    if (asked_.erase(id) == 0) return;
    say(error);
    setWaiting(!asked_.empty());
  });
  connect(&workbench_, &Workbench::opened, this, [this] {
    results_.clear();
    asked_.clear();
  });
}

QWidget* FiguresPage::side() {
  auto* side = new QWidget;
  auto* layout = new QVBoxLayout(side);
  layout->setContentsMargins(Measures::padding, 12, Measures::padding, 12);
  layout->setSpacing(6);
  auto* title = roleLabel<ElidedLabel>("section", tr("For the paper"));
  title->setMinimumHeight(22);
  layout->addWidget(title);
  const auto row = [&](const QString& name, QWidget* input) {
    auto* line = new QHBoxLayout;
    auto* label = roleLabel("muted", name);
    label->setFixedWidth(104);
    line->addWidget(label);
    line->addWidget(input, 1);
    layout->addLayout(line);
    input->setAccessibleName(name);
  };
  auto* preset = new ChoiceBox;
  for (const Venue& venue : venues())
    preset->addItem(QString::fromUtf8(venue.name.data(), static_cast<qsizetype>(venue.name.size())));
  preset->setCurrentText(workbench_.paper.preset());
  connect(preset, &QComboBox::currentTextChanged, &workbench_.paper, &PaperChoice::setPreset);
  connect(&workbench_.paper, &PaperChoice::changed, preset,
          [this, preset] { preset->setCurrentText(workbench_.paper.preset()); });
  row(tr("Venue"), preset);
  auto* full = new QCheckBox(tr("over both columns"));
  full->setChecked(workbench_.paper.full());
  connect(full, &QCheckBox::toggled, &workbench_.paper, &PaperChoice::setFull);
  connect(&workbench_.paper, &PaperChoice::changed, full, [this, full] { full->setChecked(workbench_.paper.full()); });
  row(tr("Width"), full);
  auto* format = new ChoiceBox;
  format->addItems({QStringLiteral("pdf"), QStringLiteral("svg"), QStringLiteral("png"), QStringLiteral("tex"),
                    QStringLiteral("csv")});
  row(tr("Format"), format);
  auto* all = new QPushButton(tr("Export all..."));
  all->setProperty("kind", "primary");
  connect(all, &QPushButton::clicked, this, [this, format] { exportAll(format->currentText()); });
  auto* last = new QHBoxLayout;
  last->addSpacing(112);
  last->addWidget(all, 1);
  layout->addLayout(last);
  auto* hint = roleLabel("caption", tr("Figures are written on white paper at the width of the venue, with its font "
                                       "sizes, whatever the theme of the window."));
  hint->setWordWrap(true);
  layout->addWidget(hint);
  layout->addStretch(1);
  return side;
}

void FiguresPage::exportAll(const QString& format) {
  const QString folder = QFileDialog::getExistingDirectory(this, tr("Export all figures to"));
  if (folder.isEmpty()) return;
  std::set<QString> used;
  int written = 0;
  for (QWidget* widget : grid_->panels()) {
    auto* panel = qobject_cast<FigurePanel*>(widget);
    if (panel == nullptr || !panel->drawing()) continue;
    // Two figures of one title get numbers, so that none overwrites another.
    QString name = fileNameFor(*panel->drawing());
    for (int number = 2; !used.insert(name).second; ++number)
      name = fileNameFor(*panel->drawing()) + QLatin1Char('-') + QString::number(number);
    const QString file = folder + QLatin1Char('/') + name + QLatin1Char('.') + format;
    if (const auto done =
            exportFigure(*panel->drawing(), workbench_.paper.style(), panel->provenance(), file.toStdString());
        !done)
      return say(done.error());
    ++written;
  }
  Q_EMIT workbench_.notice(QStringLiteral("info"), tr("%1 figures were written to %2.").arg(written).arg(folder), {});
}

bool FiguresPage::idle() const {
  return asked_.empty();
}

void FiguresPage::refresh() {
  if (workbench_.figures.figures().empty()) {
    setWaiting(false);
    return showEmpty(
        tr("Figures for a paper are put aside on the other pages: the export menu of a panel has \"Add to figures\"."),
        tr("Go to Load"), [this] { Q_EMIT workbench_.pageAsked(QStringLiteral("Load")); });
  }
  showBody();
  for (const KeptFigure& kept : workbench_.figures.figures()) {
    const QString id = QString::fromStdString(kept.result);
    if (results_.contains(id) || !asked_.insert(id).second) continue;
    workbench_.reader.readResult(id, workbench_.placeOf(id, Kind::result));
  }
  setWaiting(!asked_.empty());
  arrange();
}

void FiguresPage::received(const QString& id, const std::shared_ptr<const Result>& result) {
  if (asked_.erase(id) == 0) return;
  results_[id] = result;
  setWaiting(!asked_.empty());
  if (shown()) arrange();
}

void FiguresPage::arrange() {
  QList<QWidget*> panels;
  const auto& figures = workbench_.figures.figures();
  for (std::size_t at = 0; at < figures.size(); ++at)
    if (results_.contains(QString::fromStdString(figures[at].result))) panels.append(makePanel(at));
  grid_->setPanels(panels);
}

QWidget* FiguresPage::makePanel(std::size_t at) {
  const KeptFigure& kept = workbench_.figures.figures()[at];
  const QString id = QString::fromStdString(kept.result);
  FigurePanel* panel = figurePanel(workbench_, id, results_[id], kept.figure, workbench_.operation(kept.operation));
  // As it was when it was put aside, whatever is selected now.
  panel->setFollows(false);
  panel->setOrigin(kept);
  panel->refresh();
  auto* remove = new IconButton(Glyph::close, tr("Remove from figures"));
  connect(remove, &QToolButton::clicked, this, [this, at] { workbench_.figures.remove(at); });
  panel->addButton(remove);
  connect(panel, &FigurePanel::failed, this, &FiguresPage::say);
  return panel;
}

}  // namespace moescope
