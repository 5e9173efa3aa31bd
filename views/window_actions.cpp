// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/window_actions.h"

#include <QAbstractButton>
#include <QApplication>
#include <QCoreApplication>
#include <QFileDialog>
#include <QFileInfo>
#include <QInputDialog>

#include "views/command_palette.h"
#include "views/figure_panel.h"
#include "views/finder.h"
#include "views/job_bar.h"
#include "views/layer_play.h"
#include "views/log_view.h"
#include "views/main_window.h"
#include "views/opener.h"
#include "views/pages/page.h"
#include "views/preferences.h"
#include "views/study_view.h"
#include "views/table_view.h"
#include "views/window_layout.h"

namespace moescope {
namespace {

const char* const context = "moescope::WindowActions";
QString tr(const char* text) {
  return QCoreApplication::translate(context, text);
}

}  // namespace

void WindowActions::addAll() {
  addFile();
  addEdit();
  addView();
  addFigure();
  addHelp();
  addRecent();
  addOperations();
}

void WindowActions::addFile() {
  MainWindow& window = window_;
  ActionRegistry& actions = window.workbench().actions;
  const QString menu = tr("File");
  actions.add(QStringLiteral("study.new"), menu, tr("New study..."), QKeySequence::New, [&window] {
    const QString folder = QFileDialog::getSaveFileName(&window, tr("New study"), QStringLiteral("study"), {}, nullptr,
                                                        QFileDialog::DontConfirmOverwrite);
    if (!folder.isEmpty()) window.opener().newStudy(folder);
  });
  actions.add(QStringLiteral("study.open"), menu, tr("Open study..."), QKeySequence::Open, [&window] {
    const QString folder = QFileDialog::getExistingDirectory(&window, tr("Open study"));
    if (!folder.isEmpty()) window.opener().openStudy(folder);
  });
  actions.add(QStringLiteral("model.open"), menu, tr("Open model..."), QKeySequence(Qt::CTRL | Qt::Key_M), [&window] {
    const QString folder =
        QFileDialog::getExistingDirectory(&window, tr("Open model: the folder with config.json and safetensors files"));
    if (!folder.isEmpty()) window.opener().openModel(folder);
  });
  actions.add(QStringLiteral("text.import"), menu, tr("Import text..."), {},
              [&window] { window.openForm("corpus.import", Json::object()); });
  actions.separate();
  actions.add(QStringLiteral("window.quit"), menu, tr("Quit"), QKeySequence::Quit, [&window] { window.close(); });
}

void WindowActions::addRecent() {
  ActionRegistry& actions = window_.workbench().actions;
  MainWindow& window = window_;
  actions.removeWithPrefix(QStringLiteral("recent."));
  actions.separate();
  for (const QString& folder : window.session().recent())
    actions
        .add(QStringLiteral("recent.") + folder, tr("File"), tr("Open %1").arg(QFileInfo(folder).fileName()), {},
             [&window, folder] { window.opener().openStudy(folder); })
        ->setToolTip(folder);
  for (const QString& folder : window.session().recentModels())
    actions
        .add(QStringLiteral("recent.model.") + folder, tr("File"),
             tr("Open model %1").arg(QFileInfo(folder).fileName()), {},
             [&window, folder] { window.opener().openModel(folder); })
        ->setToolTip(folder);
}

void WindowActions::addEdit() {
  MainWindow& window = window_;
  Workbench& bench = window.workbench();
  ActionRegistry& actions = bench.actions;
  const QString menu = tr("Edit");
  actions.add(QStringLiteral("edit.undo"), menu, tr("Undo"), QKeySequence::Undo, [&bench] { bench.history.undo(); });
  actions.add(QStringLiteral("edit.redo"), menu, tr("Redo"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_Z),
              [&bench] { bench.history.redo(); });
  actions.setUsual(QStringLiteral("edit.redo"),
                   {QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_Z), QKeySequence(Qt::CTRL | Qt::Key_Y)});
  actions.separate();
  actions.add(QStringLiteral("artifact.rename"), menu, tr("Rename"), QKeySequence(Qt::Key_F2), [&window, &bench] {
    auto* view = window.findChild<StudyView*>();
    const QModelIndex index = bench.tree.indexOf(bench.selection.artifact());
    if (view != nullptr && index.isValid()) view->edit(index);
  });
  // Acts first and asks never: Ctrl+Z brings it back.
  actions.add(QStringLiteral("artifact.delete"), menu, tr("Delete"), QKeySequence::Delete, [&window, &bench] {
    const QString id = bench.selection.artifact();
    if (bench.tree.row(id) == nullptr || bench.selectedJob() != nullptr) return;
    const QString title = bench.tree.title(id);
    bench.engine.edit({{"edit", "remove"}, {"id", id.toStdString()}});
    window.say(QStringLiteral("info"), tr("%1 was deleted. Ctrl+Z brings it back.").arg(title));
  });
  actions.add(QStringLiteral("artifact.note"), menu, tr("Note..."), {}, [&window, &bench] {
    const QString id = bench.selection.artifact();
    if (bench.tree.row(id) == nullptr || bench.selectedJob() != nullptr) return;
    bool given = false;
    const QString note = QInputDialog::getMultiLineText(&window, tr("Note"), bench.tree.title(id), {}, &given);
    if (given) bench.engine.edit({{"edit", "note"}, {"id", id.toStdString()}, {"note", note.toStdString()}});
  });
  actions.add(QStringLiteral("artifact.tag"), menu, tr("Tag..."), {}, [&window, &bench] {
    const QString id = bench.selection.artifact();
    if (bench.tree.row(id) == nullptr || bench.selectedJob() != nullptr) return;
    const QString tag = QInputDialog::getText(&window, tr("Tag"), tr("Tag of %1").arg(bench.tree.title(id)));
    if (!tag.trimmed().isEmpty())
      bench.engine.edit(
          {{"edit", "tag"}, {"id", id.toStdString()}, {"tag", tag.trimmed().toStdString()}, {"on", true}});
  });
  actions.add(QStringLiteral("model.relocate"), menu, tr("Relocate model..."), {}, [&window, &bench] {
    if (const StudyRow* row = bench.tree.related(bench.selection.artifact(), Kind::model))
      window.relocate(QString::fromStdString(row->artifact.id));
  });
  actions.add(QStringLiteral("window.preferences"), menu, tr("Preferences..."), QKeySequence(Qt::CTRL | Qt::Key_Comma),
              [&window] {
                auto* preferences = new Preferences(window);
                preferences->setAttribute(Qt::WA_DeleteOnClose);
                preferences->show();
              });
  actions.separate();
  actions.add(QStringLiteral("selection.clear"), menu, tr("Clear selection"), QKeySequence(Qt::Key_Escape),
              [&bench] { bench.selection.clear(); });
}

void WindowActions::addPages() {
  MainWindow& window = window_;
  ActionRegistry& actions = window.workbench().actions;
  actions.removeWithPrefix(QStringLiteral("page."));
  int number = 0;
  for (const QString& name : window.pageNames()) {
    QAction* action =
        actions.add(QStringLiteral("page.") + name, tr("View"), name, {}, [&window, name] { window.showPage(name); });
    if (number >= 9) continue;
    const auto key = static_cast<Qt::Key>(Qt::Key_1 + number++);
    actions.setUsual(QStringLiteral("page.") + name, {QKeySequence(key), QKeySequence(Qt::CTRL | key)});
    Q_UNUSED(action);
  }
}

void WindowActions::addView() {
  MainWindow& window = window_;
  Workbench& bench = window.workbench();
  ActionRegistry& actions = bench.actions;
  const QString menu = tr("View");
  addPages();
  actions.separate();
  actions.add(QStringLiteral("layer.before"), menu, tr("Layer before"), QKeySequence(Qt::Key_BracketLeft),
              [&bench] { bench.selection.stepLayer(-1); });
  actions.add(QStringLiteral("layer.after"), menu, tr("Layer after"), QKeySequence(Qt::Key_BracketRight),
              [&bench] { bench.selection.stepLayer(1); });
  // A button that has the focus keeps its own meaning of Space.
  actions.add(QStringLiteral("layer.play"), menu, tr("Play layers"), QKeySequence(Qt::Key_Space), [&window] {
    if (auto* button = qobject_cast<QAbstractButton*>(QApplication::focusWidget())) return button->click();
    window.layerPlay().toggle();
  });
  actions.add(QStringLiteral("view.find"), menu, tr("Find expert, layer or words"), QKeySequence::Find, [&window] {
    for (QWidget* widget = QApplication::focusWidget(); widget != nullptr; widget = widget->parentWidget())
      if (auto* table = qobject_cast<FoundTable*>(widget)) return table->find();
    window.finder().open();
  });
  actions.add(QStringLiteral("view.reload"), menu, tr("Reload"), QKeySequence(Qt::Key_F5),
              [&bench] { bench.reload(); });
  actions.separate();
  for (ThemeChoice choice : {ThemeChoice::system, ThemeChoice::light, ThemeChoice::dark})
    actions.add(QStringLiteral("theme.") + name(choice), menu, tr("Theme: %1").arg(name(choice)), {},
                [&window, choice] { window.setTheme(choice); });
  actions.separate();
  actions.add(QStringLiteral("side.left"), menu, tr("Left side"), QKeySequence(Qt::CTRL | Qt::Key_B),
              [&window] { window.layoutOfWindow().toggleLeft(); });
  actions.add(QStringLiteral("side.right"), menu, tr("Right side"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_B),
              [&window] { window.layoutOfWindow().toggleRight(); });
  actions.add(QStringLiteral("jobs.show"), menu, tr("Jobs"), QKeySequence(Qt::CTRL | Qt::Key_J),
              [&window] { window.jobBar().toggleList(); });
  actions.add(QStringLiteral("log.show"), menu, tr("Log"), QKeySequence(Qt::CTRL | Qt::Key_L), [&window] {
    window.log().show();
    window.log().raise();
  });
  actions.separate();
  actions.add(QStringLiteral("layout.reset"), menu, tr("Reset layout"), {},
              [&window] { window.layoutOfWindow().reset(); });
  actions.add(QStringLiteral("layout.keep"), menu, tr("Keep this layout as..."), {}, [&window] {
    const QString name = QInputDialog::getText(&window, tr("Keep layout"), tr("Name"));
    window.layoutOfWindow().keep(name);
  });
  addLayouts();
}

void WindowActions::addLayouts() {
  MainWindow& window = window_;
  ActionRegistry& actions = window.workbench().actions;
  actions.removeWithPrefix(QStringLiteral("layouts."));
  for (const QString& name : window.layoutOfWindow().names()) {
    actions.add(QStringLiteral("layouts.use.") + name, tr("View"), tr("Layout: %1").arg(name), {},
                [&window, name] { window.layoutOfWindow().use(name); });
    actions.add(QStringLiteral("layouts.forget.") + name, {}, tr("Forget layout %1").arg(name), {},
                [&window, name] { window.layoutOfWindow().forget(name); });
  }
}

void WindowActions::addOperations() {
  MainWindow& window = window_;
  Workbench& bench = window.workbench();
  bench.actions.removeWithPrefix(QStringLiteral("run."));
  addPages();
  std::string area;
  for (const Description& operation : bench.operations()) {
    const std::string its = operation.id.substr(0, operation.id.find('.'));
    if (its != area && !area.empty()) bench.actions.separate();
    area = its;
    bench.actions
        .add(QStringLiteral("run.") + QString::fromStdString(operation.id), tr("Run"),
             QString::fromStdString(operation.title) + QStringLiteral("..."), {},
             [&window, id = operation.id] { window.openForm(id, Json::object()); })
        ->setToolTip(QString::fromStdString(operation.help));
  }
}

void WindowActions::addFigure() {
  MainWindow& window = window_;
  ActionRegistry& actions = window.workbench().actions;
  const QString menu = tr("Figure");
  const auto act = [&window](auto what) {
    return [&window, what] {
      if (FigurePanel* panel = window.currentPanel()) {
        what(*panel);
      } else {
        window.say(QStringLiteral("info"), tr("There is no figure on this page yet."));
      }
    };
  };
  struct Format {
    const char *id, *words;
  };
  for (const Format& format :
       {Format{"pdf", "Export as PDF..."}, Format{"svg", "Export as SVG..."}, Format{"png", "Export as PNG..."},
        Format{"tex", "Export as pgfplots..."}, Format{"csv", "Export data as CSV..."}}) {
    const QString id = QString::fromLatin1(format.id);
    const QKeySequence keys = id == QLatin1String("pdf") ? QKeySequence(Qt::CTRL | Qt::Key_E) : QKeySequence();
    actions.add(QStringLiteral("figure.") + id, menu, tr(format.words), keys,
                act([id](FigurePanel& panel) { panel.exportAs(id); }));
  }
  actions.separate();
  actions.add(QStringLiteral("figure.copy"), menu, tr("Copy figure and data"), QKeySequence::Copy,
              act([](FigurePanel& panel) { panel.copy(); }));
  actions.add(QStringLiteral("figure.values"), menu, tr("Copy values"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_C),
              act([](FigurePanel& panel) { panel.copyValues(); }));
  actions.add(QStringLiteral("figure.python"), menu, tr("Copy as Python"), {},
              act([](FigurePanel& panel) { panel.copyPython(); }));
  actions.add(QStringLiteral("figure.caption"), menu, tr("Copy LaTeX caption"), {},
              act([](FigurePanel& panel) { panel.copyCaption(); }));
  actions.add(QStringLiteral("figure.keep"), menu, tr("Add to figures"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_F),
              act([](FigurePanel& panel) { panel.keep(); }));
  actions.separate();
  actions.add(QStringLiteral("figure.help"), menu, tr("What is this?"), QKeySequence::HelpContents,
              act([](FigurePanel& panel) { panel.showHelp(); }));
}

void WindowActions::addHelp() {
  MainWindow& window = window_;
  ActionRegistry& actions = window.workbench().actions;
  const QString menu = tr("Help");
  actions.add(QStringLiteral("palette.open"), menu, tr("Find or run anything"),
              QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_P), [&window] { window.palette().open(); });
  actions.add(QStringLiteral("help.about"), menu, tr("About Moescope"), {}, [&window] {
    window.say(QStringLiteral("info"), tr("Moescope %1, a workbench for Mixture-of-Experts models. GPL-3.0-or-later; "
                                          "built on Qt, QCustomPlot, HDF5, SQLite and LibTorch.")
                                           .arg(QStringLiteral(MOESCOPE_VERSION)));
  });
}

}  // namespace moescope
