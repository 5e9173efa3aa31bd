// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/figures_side.h"

#include <QCheckBox>
#include <QHBoxLayout>
#include <QListWidget>
#include <QPushButton>
#include <QVBoxLayout>

#include "views/elided_label.h"
#include "views/icon_button.h"
#include "views/parameter_field.h"
#include "views/theme.h"
#include "views/workbench.h"

namespace moescope {
namespace {

constexpr int nameWidth = 92, mostBeside = 4, listHeight = 150;

void addNamed(QVBoxLayout& layout, const QString& name, QWidget* input) {
  auto* line = new QHBoxLayout;
  auto* label = roleLabel<ElidedLabel>("muted", name);
  label->setFixedWidth(nameWidth);
  line->addWidget(label);
  line->addWidget(input, 1);
  layout.addLayout(line);
  input->setAccessibleName(name);
}

void addSection(QVBoxLayout& layout, const QString& words) {
  auto* title = roleLabel<ElidedLabel>("section", words);
  title->setMinimumHeight(24);
  layout.addWidget(title);
}

}  // namespace

FiguresSide::FiguresSide(Workbench& workbench, QWidget* parent) : QWidget(parent), workbench_(workbench) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(Measures::padding, 8, Measures::padding, 12);
  layout->setSpacing(6);
  addPanels(*layout);
  addSheet(*layout);
  addVenue(*layout);
  addExports(*layout);
  layout->addStretch(1);
}

void FiguresSide::addPanels(QVBoxLayout& layout) {
  auto* head = new QHBoxLayout;
  head->addWidget(roleLabel<ElidedLabel>("section", tr("Panels")), 1);
  panels_ = new QListWidget;
  panels_->setAccessibleName(tr("Panels"));
  panels_->setFixedHeight(listHeight);
  panels_->setTextElideMode(Qt::ElideMiddle);
  panels_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  const auto button = [&](Glyph glyph, const QString& name, auto act) {
    auto* made = new IconButton(glyph, name);
    connect(made, &QToolButton::clicked, this, [this, act] {
      if (const int row = panels_->currentRow(); row >= 0) act(static_cast<std::size_t>(row));
    });
    head->addWidget(made);
  };
  button(Glyph::up, tr("Move up"), [this](std::size_t row) {
    if (row == 0) return;
    workbench_.figures.move(row, row - 1);
    panels_->setCurrentRow(static_cast<int>(row) - 1);
  });
  button(Glyph::down, tr("Move down"), [this](std::size_t row) {
    workbench_.figures.move(row, row + 1);
    panels_->setCurrentRow(std::min(static_cast<int>(row) + 1, panels_->count() - 1));
  });
  button(Glyph::close, tr("Remove from the sheet"), [this](std::size_t row) { workbench_.figures.remove(row); });
  layout.addLayout(head);
  layout.addWidget(panels_);
  connect(panels_, &QListWidget::currentRowChanged, this, &FiguresSide::chosenChanged);
}

void FiguresSide::addSheet(QVBoxLayout& layout) {
  const Sheet& sheet = workbench_.figures.sheet();
  auto* columns = new ChoiceBox;
  for (int count = 1; count <= mostBeside; ++count) columns->addItem(QString::number(count));
  columns->setCurrentIndex(std::clamp(sheet.columns, 1, mostBeside) - 1);
  auto* letters = new QCheckBox(tr("(a), (b), ..."));
  letters->setChecked(sheet.letters);
  auto* shared = new QCheckBox(tr("shared by one quantity"));
  shared->setChecked(sheet.shared);
  const auto set = [this, columns, letters, shared] {
    workbench_.figures.set(columns->currentIndex() + 1, letters->isChecked(), shared->isChecked());
  };
  connect(columns, &QComboBox::currentIndexChanged, this, set);
  connect(letters, &QCheckBox::toggled, this, set);
  connect(shared, &QCheckBox::toggled, this, set);
  connect(&workbench_.figures, &FigureList::changed, this, [this, columns, letters, shared] {
    const Sheet now = workbench_.figures.sheet();
    const QSignalBlocker one(columns), two(letters), three(shared);
    columns->setCurrentIndex(std::clamp(now.columns, 1, mostBeside) - 1);
    letters->setChecked(now.letters);
    shared->setChecked(now.shared);
  });
  addNamed(layout, tr("Side by side"), columns);
  addNamed(layout, tr("Letters"), letters);
  addNamed(layout, tr("Scales"), shared);
}

void FiguresSide::addVenue(QVBoxLayout& layout) {
  addSection(layout, tr("For the paper"));
  PaperChoice& paper = workbench_.paper;
  auto* preset = new ChoiceBox;
  for (const Venue& venue : venues())
    preset->addItem(QString::fromUtf8(venue.name.data(), static_cast<qsizetype>(venue.name.size())));
  auto* full = new QCheckBox(tr("over both columns"));
  auto* stripped = new QCheckBox(tr("strip from files"));
  stripped->setToolTip(
      tr("For double-blind work: no names, ids or paths go into exported files. Such a file cannot be "
         "dropped here to go on from it."));
  const auto show = [&paper, preset, full, stripped] {
    preset->setCurrentText(paper.preset());
    full->setChecked(paper.full());
    stripped->setChecked(paper.stripped());
  };
  show();
  connect(&paper, &PaperChoice::changed, this, show);
  connect(preset, &QComboBox::currentTextChanged, &paper, &PaperChoice::setPreset);
  connect(full, &QCheckBox::toggled, &paper, &PaperChoice::setFull);
  connect(stripped, &QCheckBox::toggled, &paper, &PaperChoice::setStripped);
  addNamed(layout, tr("Venue"), preset);
  addNamed(layout, tr("Width"), full);
  addNamed(layout, tr("Names"), stripped);
}

void FiguresSide::addExports(QVBoxLayout& layout) {
  auto* format = new ChoiceBox;
  format->addItems({QStringLiteral("pdf"), QStringLiteral("svg"), QStringLiteral("png"), QStringLiteral("tex"),
                    QStringLiteral("csv")});
  addNamed(layout, tr("Format"), format);
  const auto button = [&](const QString& words, const QString& help, auto act) {
    auto* made = new QPushButton(words);
    made->setToolTip(help);
    connect(made, &QPushButton::clicked, this, act);
    layout.addWidget(made);
    return made;
  };
  button(tr("Export sheet..."), tr("The sheet as one file"), [this, format] {
    Q_EMIT exportAsked(format->currentText());
  })->setProperty("kind", "primary");
  button(tr("Export all..."), tr("The sheet in every format with its caption and settings, and each panel by itself"),
         [this, format] { Q_EMIT exportAllAsked(format->currentText()); });
  button(tr("Copy LaTeX caption"), tr("What each panel shows, its definition, baseline and number of tokens"),
         [this] { Q_EMIT captionAsked(); });
  button(tr("Copy as Python"), tr("Scripts with h5py and matplotlib that draw the panels from the study's files"),
         [this] { Q_EMIT pythonAsked(); });
  button(tr("Copy LaTeX tables"), tr("The values of every panel as booktabs tables"), [this] { Q_EMIT tablesAsked(); });
  button(tr("Apply to selection"), tr("The same figures of what is selected at the left: their analyses run with it"),
         [this] { Q_EMIT applyAsked(); });
}

void FiguresSide::setTitles(const QStringList& titles) {
  const QSignalBlocker quiet(panels_);
  const int row = panels_->currentRow();
  panels_->clear();
  panels_->addItems(titles);
  panels_->setCurrentRow(std::min(row, panels_->count() - 1));
}

void FiguresSide::setChosen(int panel) {
  panels_->setCurrentRow(panel);
}

}  // namespace moescope
