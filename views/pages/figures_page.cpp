// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/figures_page.h"

#include <QFileDialog>
#include <QHBoxLayout>
#include <QLabel>
#include <QScrollArea>
#include <QVBoxLayout>
#include <set>

#include "core/base/file.h"
#include "core/result/latex_table.h"
#include "core/result/python_script.h"
#include "views/elided_label.h"
#include "views/figure_copy.h"
#include "views/figure_export.h"
#include "views/pages/figures_side.h"
#include "views/parameter_field.h"
#include "views/sheet_check.h"
#include "views/sheet_source.h"
#include "views/sheet_view.h"
#include "views/theme.h"

namespace moescope {
namespace {

constexpr double zooms[] = {0.5, 1, 1.5, 2, 3};
constexpr double millimetresAPoint = 25.4 / 72;
constexpr const char* everyFormat[] = {"pdf", "svg", "png", "tex", "csv"};

}  // namespace

FiguresPage::FiguresPage(Workbench& workbench, QWidget* parent)
    : Page(tr("Figures"), workbench, parent),
      source_(new SheetSource(workbench, this)),
      sheet_(new SheetView),
      size_(roleLabel("caption")),
      warnings_(roleLabel("caption")) {
  auto* body = new QWidget;
  auto* rows = new QVBoxLayout(body);
  rows->setContentsMargins(0, 0, 0, 0);
  rows->setSpacing(Measures::gap);
  rows->addWidget(makeHead());
  auto* area = new QScrollArea;
  area->setAlignment(Qt::AlignCenter);
  area->setWidget(sheet_);
  rows->addWidget(area, 1);
  warnings_->setWordWrap(true);
  warnings_->setObjectName(QStringLiteral("sheetWarnings"));
  rows->addWidget(warnings_);
  setBody(body);
  const auto look = [this] {
    if (shown()) refresh();
  };
  connect(&workbench_.figures, &FigureList::changed, this, look);
  connect(&workbench_.paper, &PaperChoice::changed, this, look);
  connect(source_, &SheetSource::changed, this, look);
  connect(source_, &SheetSource::failed, this, &FiguresPage::say);
}

QWidget* FiguresPage::makeHead() {
  auto* head = new QWidget;
  auto* row = new QHBoxLayout(head);
  row->setContentsMargins(0, 0, 0, 0);
  row->addWidget(size_, 1);
  auto* zoom = new ChoiceBox;
  zoom->setAccessibleName(tr("Zoom"));
  zoom->setToolTip(tr("100 % is the size on paper"));
  for (double factor : zooms) zoom->addItem(tr("%1 %").arg(qRound(100 * factor)), factor);
  zoom->setCurrentIndex(1);
  connect(zoom, &QComboBox::currentIndexChanged, this,
          [this, zoom] { sheet_->setZoom(zoom->currentData().toDouble()); });
  row->addWidget(zoom);
  return head;
}

QWidget* FiguresPage::side() {
  if (side_ != nullptr) return side_;
  side_ = new FiguresSide(workbench_);
  connect(side_, &FiguresSide::chosenChanged, sheet_, &SheetView::setChosen);
  connect(sheet_, &SheetView::chosenChanged, side_, &FiguresSide::setChosen);
  connect(side_, &FiguresSide::exportAsked, this, &FiguresPage::askForSheet);
  connect(side_, &FiguresSide::exportAllAsked, this, &FiguresPage::askForFolder);
  connect(side_, &FiguresSide::captionAsked, this, [this] { copyText(caption(), QStringLiteral("text/x-tex")); });
  connect(side_, &FiguresSide::pythonAsked, this, &FiguresPage::copyPython);
  connect(side_, &FiguresSide::tablesAsked, this, &FiguresPage::copyTables);
  connect(side_, &FiguresSide::applyAsked, this, [this] { source_->applyTo(workbench_.selection.artifact()); });
  if (shown()) arrange();
  return side_;
}

bool FiguresPage::idle() const {
  return !source_->waiting();
}

void FiguresPage::refresh() {
  if (workbench_.figures.figures().empty()) {
    setWaiting(false);
    return showEmpty(
        tr("Figures for a paper are put aside on the other pages: the export menu of a panel has \"Add to figures\"."),
        tr("Go to Load"), [this] { Q_EMIT workbench_.pageAsked(QStringLiteral("Load")); });
  }
  showBody();
  source_->ask();
  setWaiting(source_->waiting());
  arrange();
}

void FiguresPage::arrange() {
  auto layout = source_->layout();
  const QSize points = layout->size();
  size_->setText(
      tr("%1 x %2 mm, %3 x %4 points · %5, %6")
          .arg(qRound(points.width() * millimetresAPoint))
          .arg(qRound(points.height() * millimetresAPoint))
          .arg(points.width())
          .arg(points.height())
          .arg(workbench_.paper.preset(), workbench_.paper.full() ? tr("over both columns") : tr("one column")));
  const QStringList warnings = sheetWarnings(*layout);
  warnings_->setText(warnings.join(QLatin1Char('\n')));
  warnings_->setVisible(!warnings.isEmpty());
  if (side_ != nullptr) {
    QStringList titles;
    for (std::size_t at = 0; at < layout->panels(); ++at)
      titles << panelLetter(at) + QLatin1Char(' ') + QString::fromStdString(layout->drawing(at).title);
    side_->setTitles(titles);
  }
  sheet_->setLayoutOfSheet(std::move(layout));
}

QString FiguresPage::caption() const {
  std::vector<QString> definitions;
  const auto& panels = workbench_.figures.figures();
  for (std::size_t at = 0; at < panels.size(); ++at) {
    const Result* result = source_->result(at);
    const Array* shown = result == nullptr || panels[at].figure.values.empty()
                             ? nullptr
                             : result->array(panels[at].figure.values.front());
    definitions.push_back(shown == nullptr ? QString() : QString::fromStdString(shown->help));
  }
  return captionStub(*source_->layout(), definitions);
}

void FiguresPage::askForSheet(const QString& format) {
  QString file = QFileDialog::getSaveFileName(this, tr("Export sheet"), QStringLiteral("figure.") + format,
                                              QStringLiteral("%1 (*.%2)").arg(format.toUpper(), format));
  if (file.isEmpty()) return;
  if (!file.endsWith(QLatin1Char('.') + format)) file += QLatin1Char('.') + format;
  const auto done =
      exportSheet(*source_->layout(), workbench_.paper.style(), source_->provenance(), file.toStdString());
  if (!done) return say(done.error());
  Q_EMIT workbench_.notice(QStringLiteral("info"), tr("The sheet was written to %1.").arg(file), {});
}

void FiguresPage::askForFolder(const QString& format) {
  const QString folder = QFileDialog::getExistingDirectory(this, tr("Export all figures to"));
  if (folder.isEmpty()) return;
  const auto written = exportAll(folder, format);
  if (!written) return say(written.error());
  Q_EMIT workbench_.notice(QStringLiteral("info"), tr("%1 files were written to %2.").arg(*written).arg(folder), {});
}

Expected<int> FiguresPage::exportAll(const QString& folder, const QString& format) const {
  const std::filesystem::path place = folder.toStdString();
  const auto layout = source_->layout();
  const PaperStyle style = workbench_.paper.style();
  Provenance provenance = source_->provenance();
  provenance.stripped = style.stripped;
  int written = 0;
  for (const char* every : everyFormat) {
    TRY_DO(exportSheet(*layout, style, provenance, place / (std::string("sheet.") + every)));
    ++written;
  }
  TRY_DO(writeFileSafely(place / "sheet-caption.tex", caption().toStdString()));
  TRY_DO(writeFileSafely(place / "sheet.json", provenance.json()));
  written += 2;
  std::set<QString> used;
  for (std::size_t at = 0; at < layout->panels(); ++at) {
    // Two figures of one title get numbers, so that none overwrites another.
    QString name = fileNameFor(layout->drawing(at));
    for (int number = 2; !used.insert(name).second; ++number)
      name = fileNameFor(layout->drawing(at)) + QLatin1Char('-') + QString::number(number);
    const KeptFigure& panel = workbench_.figures.figures()[at];
    const Provenance its{panel.operation, {}, panel.result};
    TRY_DO(exportFigure(layout->drawing(at), style, its, place / QString(name + QLatin1Char('.') + format).toStdString()));
    ++written;
  }
  return written;
}

void FiguresPage::copyPython() {
  QString text;
  const auto& panels = workbench_.figures.figures();
  for (std::size_t at = 0; at < panels.size(); ++at) {
    const Result* result = source_->result(at);
    const auto drawn = source_->drawing(at);
    if (result == nullptr || !drawn) continue;
    const QString file = workbench_.placeOf(QString::fromStdString(panels[at].result), Kind::result);
    text +=
        (text.isEmpty() ? QString() : QStringLiteral("\n\n")) + QStringLiteral("# %1\n").arg(panelLetter(at)) +
        QString::fromStdString(pythonScript(*result, panels[at].figure, panels[at].view, *drawn, file.toStdString()));
  }
  copyText(text, QStringLiteral("text/x-python"));
}

void FiguresPage::copyTables() {
  std::string text;
  const auto layout = source_->layout();
  for (std::size_t at = 0; at < layout->panels(); ++at)
    text += "% " + panelLetter(at).toStdString() + " " + layout->drawing(at).title + "\n" +
            latexTable(layout->drawing(at)) + "\n";
  copyText(QString::fromStdString(text), QStringLiteral("text/x-tex"));
}

}  // namespace moescope
