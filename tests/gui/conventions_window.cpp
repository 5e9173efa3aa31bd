// SPDX-License-Identifier: GPL-3.0-or-later
// Conventions (conventions.txt) about the window: what survives, what is taken back, what hands reach.
#include <signal.h>

#include <QAccessible>
#include <QAction>
#include <QClipboard>
#include <QDialog>
#include <QElapsedTimer>
#include <QGuiApplication>
#include <QKeySequenceEdit>
#include <QLabel>
#include <QLineEdit>
#include <QMenuBar>
#include <QMimeData>
#include <QProcess>
#include <QPushButton>
#include <QRandomGenerator>
#include <QScreen>

#include "tests/gui/window_fixture.h"
#include "views/application.h"
#include "views/command_palette.h"
#include "views/finder.h"
#include "views/help_popup.h"
#include "views/job_bar.h"
#include "views/layer_play.h"
#include "views/model_files.h"
#include "views/notice.h"
#include "views/opener.h"
#include "views/pages/tokens_page.h"
#include "views/plot_view.h"
#include "views/preferences.h"
#include "views/relocate_dialog.h"
#include "views/table_view.h"
#include "views/window_layout.h"

using namespace moescope;
using namespace moescope::window;

namespace {

constexpr int debounce = 700;  // milliseconds after which a change is on disk

// This program once more, as a window that is looked at and then killed.
int childWindow(const QStringList& arguments) {
  Session session(arguments[2]);
  MainWindow window(session, arguments[3], arguments[4]);
  window.resize(1440, 900);
  window.show();
  QObject::connect(&window.workbench(), &Workbench::firstRows, &window, [&window] {
    QTimer::singleShot(200, &window, [&window] {
      Workbench& bench = window.workbench();
      bench.selection.setArtifact(QString(64, 'c'));
      bench.selection.setLayers(2);
      bench.selection.setLayer(1);
      bench.selection.brush("expert", {0, 2}, false);
      bench.views.set("load.balance/layer", "order", "axis");
      window.layoutOfWindow().toggleLeft();
      window.showPage("Load");
      QTimer::singleShot(debounce, &window, [] {
        std::puts("ready");
        std::fflush(stdout);
      });
    });
  });
  return Application::exec();
}

}  // namespace

class ConventionsWindowTest : public QObject {
  Q_OBJECT
  std::unique_ptr<Fixture> its_;

  QString banner() { return its_->window().findChild<Banner*>("banner")->text(); }
  // The window again as it would start after a kill: only what is on disk counts.
  void reopenAfterKill() {
    QTest::qWait(debounce);
    QFile::copy(its_->path("window.ini"), its_->path("killed.ini"));
    its_->newSession("killed.ini");
    its_->openLoad();
  }

 private Q_SLOTS:
  void init() {
    its_ = std::make_unique<Fixture>();
    applyTheme(*static_cast<QApplication*>(QCoreApplication::instance()), Theme::light());
  }
  void cleanup() { its_.reset(); }

  // Each setting that any view offers, and all there is of selection and sheet, comes back as it was.
  void layoutSaveInclAllOptions() {
    its_->openLoad();
    Workbench& bench = its_->bench();
    bench.views.set("load.balance/layer", "order", "axis");
    bench.views.set("load.balance/load", "values", "other");
    bench.views.set("tokens.text/text", "rank", "1");
    bench.selection.brush("expert", {1, 2}, false);
    bench.selection.pick("domain", 3, false);
    its_->panel("Load by layer")->keep();
    bench.figures.set(3, false, false);
    const Json views = bench.views.save(), selection = bench.selection.save(), figures = bench.figures.save();
    reopenAfterKill();
    QCOMPARE(its_->bench().views.save(), views);
    QCOMPARE(its_->bench().selection.save(), selection);
    QCOMPARE(its_->bench().figures.save(), figures);
    QCOMPARE(its_->panel("xperts by load")->viewState().set.at("order"), std::string("axis"));
  }

  // A layout of another version, broken, or on a screen that was unplugged is not taken; there is a way back.
  void layoutRobustness() {
    const char* bad[] = {R"({"version":99,"x":0,"y":0,"width":1000,"height":700})",
                         "{not json",
                         "",
                         R"({"version":1,"x":90000,"y":90000,"width":1000,"height":700,"left":false})",
                         R"({"version":1,"x":0,"y":0,"width":0,"height":0,"left":false})",
                         R"({"version":1,"x":"a","y":[],"width":1e300,"height":null})"};
    for (const char* layout : bad) {
      its_->newSession("bad.ini");
      its_->session().set("layout", QString(layout));
      MainWindow window(its_->session(), "true", {});
      QVERIFY2(window.width() >= 880 && window.height() >= 560, layout);
      QVERIFY2(!window.findChild<QWidget*>("studyView")->parentWidget()->isHidden(), layout);
    }
    its_->newSession("named.ini");
    its_->openLoad();
    WindowLayout& layout = its_->window().layoutOfWindow();
    QWidget* left = its_->window().findChild<QWidget*>("studyView")->parentWidget();
    its_->window().resize(1200, 700);
    layout.toggleLeft();
    layout.keep("narrow");
    QVERIFY(its_->bench().actions.find("layouts.use.narrow") != nullptr);
    its_->action("layout.reset").trigger();
    QVERIFY(!left->isHidden());
    QCOMPARE(its_->window().size(), QSize(1440, 900));
    its_->action("layouts.use.narrow").trigger();
    QVERIFY(left->isHidden());
    QCOMPARE(its_->window().size(), QSize(1200, 700));
    layout.forget("narrow");
    QVERIFY(its_->bench().actions.find("layouts.use.narrow") == nullptr);
  }

  // A real process is killed with SIGKILL; the next window has layout, page, selection and view settings.
  void surviveKill() {
    its_->openLoad();
    its_->close();
    QProcess child;
    child.start(QCoreApplication::applicationFilePath(),
                {"--window", its_->path("child.ini"), its_->command(), its_->study()});
    QVERIFY(child.waitForStarted());
    QByteArray out;
    QElapsedTimer waited;
    for (waited.start(); !out.contains("ready") && waited.elapsed() < 30000;) {
      child.waitForReadyRead(500);
      out += child.readAllStandardOutput();
    }
    QVERIFY2(out.contains("ready"), child.readAllStandardError());
    QCOMPARE(::kill(pid_t(child.processId()), SIGKILL), 0);
    QVERIFY(child.waitForFinished());
    QCOMPARE(child.exitStatus(), QProcess::CrashExit);
    its_->newSession("child.ini");
    its_->openLoad();
    QCOMPARE(its_->bench().selection.artifact(), QString(64, 'c'));
    QCOMPARE(its_->bench().selection.layer(), std::int64_t(1));
    QCOMPARE(its_->bench().selection.on("expert"), (std::set<std::int64_t>{0, 2}));
    QCOMPARE(its_->bench().views.of("load.balance/layer").at("order"), std::string("axis"));
    QVERIFY(its_->window().findChild<QWidget*>("studyView")->parentWidget()->isHidden());
    QCOMPARE(its_->session().ofStudy("page").toString(), QString("Load"));
  }

  // Nothing is asked at the start: an edit is the study's before it shows, and running jobs are found again.
  void autosaveCrashRecovery() {
    its_->openLoad({{"jobs",
                     {{{"job", "w-7"},
                       {"operation", "train.lm"},
                       {"state", "running"},
                       {"name", "overnight"},
                       {"inputs", {{"corpus", {std::string(64, 'a')}}}}}}}});
    QTRY_VERIFY(its_->bench().jobs.find("w-7") != nullptr);
    QVERIFY(its_->bench().tree.indexOf("job:w-7").isValid());
    its_->bench().tree.setData(its_->bench().tree.indexOf(QString(64, 'a')), "words", Qt::EditRole);
    QTRY_VERIFY(its_->sent("edit").contains("\"words\""));
    QVERIFY(its_->window().findChildren<QDialog*>().isEmpty() ||
            !its_->window().findChildren<QDialog*>().front()->isVisible());
  }

  // Every edit, in one order; random edits, undos and redos agree with a list of states.
  void undoRedo() {
    its_->openLoad();
    Workbench& bench = its_->bench();
    its_->action("edit.undo");
    QVERIFY(its_->action("edit.redo").shortcuts().contains(QKeySequence(Qt::CTRL | Qt::Key_Y)));
    bench.engine.edit({{"edit", "note"}, {"id", std::string(64, 'a')}, {"note", "seen"}});
    QTRY_COMPARE(bench.history.stack().count(), 1);
    bench.selection.pick("expert", 1, false);
    QCOMPARE(bench.history.stack().count(), 2);
    its_->action("edit.undo").trigger();
    QVERIFY(bench.selection.on("expert").empty());
    QVERIFY(!its_->sent("edit").contains("\"undo\""));
    its_->action("edit.undo").trigger();
    QTRY_VERIFY(its_->sent("edit").contains("\"undo\""));
    its_->action("edit.redo").trigger();
    QTRY_VERIFY(its_->sent("edit").contains("\"redo\""));

    bench.history.restart();
    const auto state = [&] { return Json{bench.selection.save(), bench.views.save(), bench.figures.save()}; };
    std::vector<Json> states{state()};
    std::size_t at = 0;
    QRandomGenerator random(7);
    for (int step = 0; step < 400; ++step) {
      const quint32 what = random.bounded(10u);
      if (what < 3) {
        if (at > 0) --at, bench.history.undo();
      } else if (what < 5) {
        if (at + 1 < states.size()) ++at, bench.history.redo();
      } else {
        if (what < 7)
          bench.selection.pick("expert", random.bounded(3), what == 5);
        else if (what == 7)
          bench.views.set("load.balance/layer", "order", random.bounded(2) == 0 ? "" : "axis");
        else if (what == 8)
          bench.figures.add({std::string(64, 'f'), "load.balance", its_->panels().front()->figure(), {}});
        else
          bench.figures.set(random.bounded(1, 5), random.bounded(2) == 0, true);
        const int steps = bench.history.stack().index();
        if (std::size_t(steps) <= at + 1 && state() != states[at]) {
          // Quick changes of one kind are one gesture: the last state of it counts.
          const bool merged = std::size_t(steps) == at;
          states.resize(at + 1);
          if (merged)
            states[at] = state();
          else
            states.push_back(state()), ++at;
        }
      }
      QCOMPARE(state(), states[at]);
    }
    QVERIFY(states.size() > 20);
  }

  void commandPalette() {
    its_->openLoad();
    its_->action("palette.open").trigger();
    auto* palette = its_->window().findChild<CommandPalette*>();
    QVERIFY(palette->isVisible());
    QTest::keyClicks(palette->findChild<QLineEdit*>(), "figures");
    QTest::keyClick(palette->findChild<QLineEdit*>(), Qt::Key_Return);
    QCOMPARE(its_->window().page()->name(), QString("Figures"));
    // No action outside the registry: whatever a menu holds is one of it.
    for (const QAction* menu : its_->window().menuBar()->actions())
      for (QAction* action : menu->menu()->actions())
        QVERIFY2(
            action->isSeparator() || std::ranges::any_of(its_->bench().actions.entries(),
                                                         [&](const auto& entry) { return entry.action == action; }),
            qPrintable(action->text()));
  }

  void dragDropOpen() {
    its_->openLoad();
    const auto drop = [&](const QString& path) {
      QMimeData mime;
      mime.setUrls({QUrl::fromLocalFile(path)});
      QDragEnterEvent enter({9, 9}, Qt::CopyAction, &mime, Qt::LeftButton, {});
      QCoreApplication::sendEvent(&its_->window(), &enter);
      QVERIFY(enter.isAccepted());
      QDropEvent event({9, 9}, Qt::CopyAction, &mime, Qt::LeftButton, {});
      QCoreApplication::sendEvent(&its_->window(), &event);
    };
    QDir(its_->path("")).mkpath("words/german");
    drop(its_->path("words"));
    QVERIFY(its_->window().findChild<QWidget*>("formSide")->isVisible());
    QDir(its_->path("")).mkpath("mixtral");
    QFile config(its_->path("mixtral/config.json"));
    QVERIFY(config.open(QIODevice::WriteOnly));
    config.close();
    drop(its_->path("mixtral"));
    QTRY_VERIFY(its_->sent("submit").contains("model.import"));
    const QString second = its_->path("second");
    QVERIFY(Study::create(second.toStdString()).has_value());
    drop(second);
    QTRY_COMPARE(its_->bench().engine.study(), second);
    drop(its_->path("window.ini"));
    QVERIFY2(banner().contains("no folder"), qPrintable(banner()));
  }

  // F5 reads again what is shown; zoom, selection and settings stay.
  void recentFilesReload() {
    its_->openLoad();
    QVERIFY(its_->session().recent().contains(its_->study()));
    its_->session().addModel(its_->path("mixtral"));
    QCOMPARE(its_->session().recentModels(), QStringList{its_->path("mixtral")});
    its_->bench().selection.pick("expert", 2, false);
    auto* lines = its_->panel("Unevenness")->findChild<PlotView*>();
    lines->xAxis->setRange(0.25, 0.5);
    Result later = loadResult();
    std::get<Array>(later.values.back().content).values = {0.9, 0.1};
    QVERIFY(writeResult(later, its_->resultFile().toStdString()).has_value());
    QCOMPARE(its_->action("view.reload").shortcut(), QKeySequence(Qt::Key_F5));
    FigurePanel* panel = its_->panel("Unevenness");
    its_->action("view.reload").trigger();
    QTRY_VERIFY(csv(*panel->drawing()).find("0.9") != std::string::npos);
    QCOMPARE(its_->panel("Unevenness"), panel);
    QCOMPARE(lines->xAxis->range().lower, 0.25);
    QCOMPARE(its_->bench().selection.on("expert"), (std::set<std::int64_t>{2}));
  }

  // A model whose files have gone, or have changed, is said; it is found again by size and content, or opened anyway.
  void brokenReferences() {
    QDir(its_->path("")).mkpath("moved");
    QFile config(its_->path("moved/config.json"));
    QVERIFY(config.open(QIODevice::WriteOnly));
    config.write("{}");
    config.close();
    Json model = row('b', "model", "mixtral");
    model["operation"] = "model.import";
    model["path"] = its_->path("gone").toStdString();
    model["bytes"] = 2;
    its_->open({{"rows", {model}},
                {"outputs", {{"model.import", {{"model", {{"id", std::string(64, 'b')}, {"kind", "model"}}}}}}}});
    QTRY_VERIFY2(banner().contains("not in"), qPrintable(banner()));
    its_->window().relocate(QString(64, 'b'));
    auto* dialog = its_->window().findChild<RelocateDialog*>();
    dialog->setFolder(its_->path("nowhere"));
    QVERIFY(dialog->verdict().contains("no config.json"));
    dialog->setFolder(its_->path("moved"));
    QVERIFY2(dialog->verdict().contains("as when it was imported"), qPrintable(dialog->verdict()));
    dialog->use();
    QTRY_VERIFY2(banner().contains("found again"), qPrintable(banner()));
    const QDateTime then = QDateTime::currentDateTimeUtc();
    QCOMPARE(stateOf({true, 2, then, "config.json"}, 2, then), ModelState::sound);
    QCOMPARE(stateOf({true, 3, then, "config.json"}, 2, then), ModelState::changed);
    QCOMPARE(stateOf({true, 2, then.addSecs(60), "config.json"}, 2, then), ModelState::changed);
    QCOMPARE(stateOf({}, 2, then), ModelState::missing);
  }

  // Progress and time left are told, a job is cancelled alone, and the window answers within 50 ms while events come.
  void progressCancelNoFreeze() {
    Json many = Json::array();
    for (int i = 0; i < 2000; ++i)
      many.push_back({{"type", "progress"}, {"job", "x"}, {"fraction", i / 2000.0}, {"stage", "step"}, {"eta", 9}});
    its_->openLoad({{"say", {{"submit", many}}}});
    int longest = 0;
    QElapsedTimer since;
    QTimer beat;
    connect(&beat, &QTimer::timeout, this, [&] { longest = std::max(longest, int(since.restart())); });
    beat.start(5);
    since.start();
    const QString job = its_->bench().engine.submit({"train.lm", {{"corpus", {std::string(64, 'a')}}}});
    QTest::qWait(600);
    beat.stop();
    QVERIFY2(longest <= 50 + 50, qPrintable(QString("the event loop stood still for %1 ms").arg(longest)));
    QVERIFY(its_->bench().jobs.find(job)->active());
    its_->bench().engine.cancel(job);
    QTRY_VERIFY(!its_->bench().jobs.find(job)->active());
    QVERIFY(its_->sent("cancel").contains(job));
    its_->action("jobs.show").trigger();
    QVERIFY(its_->window().findChild<JobBar*>() != nullptr);
  }

  // A hundred thousand rows and a map of 256 x 64 are shown at once.
  void largeInputs() {
    std::vector<std::string> names;
    std::vector<double> sizes;
    for (int i = 0; i < 100000; ++i) names.push_back("layers." + std::to_string(i)), sizes.push_back(i);
    Result result;
    result.add("tensors", Table{{{"tensor", "", names}, {"bytes", "bytes", sizes}}});
    auto drawn = draw(result, table("tensors", {"tensors"}), {});
    QVERIFY(drawn.has_value());
    FoundTable table;
    table.resize(600, 400);
    QElapsedTimer took;
    took.start();
    table.setDrawing(std::make_shared<const Drawing>(*std::move(drawn)));
    table.show();
    QCoreApplication::processEvents();
    QVERIFY2(took.elapsed() < 1000, qPrintable(QString::number(took.elapsed())));
    auto* view = table.findChild<TableView*>();
    view->setFilter("layers.99999");
    QCOMPARE(view->model()->rowCount(), 1);
    view->setFilter({});
    view->sortByColumn(1, Qt::DescendingOrder);
    QCOMPARE(view->model()->index(0, 0).data().toString(), QString("layers.99999"));
    view->selectRow(0);
    QCOMPARE(view->copied().trimmed().split('\n').size(), 2);
    // A picture that could not be held in memory is refused before it is painted.
    Sheet sheet{.columns = 1};
    Drawing tall;
    tall.text.emplace();
    for (int i = 0; i < 40000; ++i) tall.text->runs.push_back({"word\n"});
    const SheetLayout layout(sheet, {tall}, {*venueNamed("icml"), true});
    const auto done = exportSheet(layout, {*venueNamed("icml"), true}, {}, its_->path("tall.png").toStdString());
    QVERIFY(!done.has_value());
    QVERIFY2(QString::fromStdString(done.error().message).contains("pixels"), done.error().message.c_str());
    QVERIFY(!QFile::exists(its_->path("tall.png")));
  }

  // "What is this?" has definition, formula and source of what any plot shows; errors can be copied.
  void help() {
    its_->openLoad();
    QCOMPARE(its_->action("figure.help").shortcut(), QKeySequence(QKeySequence::HelpContents));
    for (FigurePanel* panel : its_->panels()) {
      panel->showHelp();
      QString text;
      for (const QWidget* popup : QApplication::topLevelWidgets())
        if (popup->objectName() == "helpPopup" && popup->isVisible())
          for (const QLabel* label : popup->findChildren<QLabel*>()) text += label->text();
      QVERIFY2(text.contains("How evenly.") && text.contains("load.balance, version 1"), qPrintable(text));
      if (panel->title().startsWith("Load")) QVERIFY2(text.contains("N k / E"), qPrintable(text));
      for (QWidget* popup : QApplication::topLevelWidgets())
        if (popup->objectName() == "helpPopup") popup->close();
      QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
    }
    its_->window().say("error", "the file x is cut", "at byte 12");
    for (QPushButton* button : its_->window().findChild<Banner*>("banner")->findChildren<QPushButton*>())
      if (button->isVisible()) button->click();
    QVERIFY(QGuiApplication::clipboard()->text().contains("at byte 12"));
  }

  void shortcuts() {
    its_->openLoad();
    const std::pair<const char*, QKeySequence> wanted[] = {{"view.reload", Qt::Key_F5},
                                                           {"edit.undo", Qt::CTRL | Qt::Key_Z},
                                                           {"view.find", Qt::CTRL | Qt::Key_F},
                                                           {"layer.before", Qt::Key_BracketLeft},
                                                           {"layer.after", Qt::Key_BracketRight},
                                                           {"page.Overview", Qt::Key_1},
                                                           {"layer.play", Qt::Key_Space},
                                                           {"figure.pdf", Qt::CTRL | Qt::Key_E},
                                                           {"palette.open", Qt::CTRL | Qt::SHIFT | Qt::Key_P}};
    for (const auto& [id, keys] : wanted) QVERIFY2(its_->action(id).shortcuts().contains(keys), id);
    Selection& selection = its_->bench().selection;
    selection.setLayer(0);
    its_->action("layer.play").trigger();
    QVERIFY(its_->window().layerPlay().playing());
    QTRY_COMPARE(selection.layer(), std::int64_t(1));
    QTRY_VERIFY(!its_->window().layerPlay().playing());
    its_->action("view.find").trigger();
    auto* finder = its_->window().findChild<Finder*>();
    QVERIFY(finder->isVisible());
    QTest::keyClicks(finder->findChild<QLineEdit*>(), "l0 e2");
    QTest::keyClick(finder->findChild<QLineEdit*>(), Qt::Key_Return);
    QCOMPARE(selection.layer(), std::int64_t(0));
    QCOMPARE(selection.on("expert"), (std::set<std::int64_t>{2}));
    QCOMPARE(placeFrom("layer 3 expert 12").expert.value_or(-1), std::int64_t(12));
    QCOMPARE(placeFrom("die Datei").text, QString("die Datei"));
    its_->action("selection.clear").trigger();
    QVERIFY(selection.on("expert").empty());
    // Editable, kept, and two actions never share keys.
    Preferences preferences(its_->window());
    auto* edit = preferences.findChild<QKeySequenceEdit*>("view.reload");
    edit->setKeySequence(QKeySequence(Qt::CTRL | Qt::Key_R));
    Q_EMIT edit->editingFinished();
    QCOMPARE(its_->action("view.reload").shortcut(), QKeySequence(Qt::CTRL | Qt::Key_R));
    edit->setKeySequence(QKeySequence(Qt::CTRL | Qt::Key_E));
    Q_EMIT edit->editingFinished();
    QCOMPARE(its_->action("view.reload").shortcut(), QKeySequence(Qt::CTRL | Qt::Key_R));
    QVERIFY2(banner().contains("belongs to"), qPrintable(banner()));
    reopenAfterKill();
    QCOMPARE(its_->action("view.reload").shortcut(), QKeySequence(Qt::CTRL | Qt::Key_R));
  }

  // Cells by arrow keys with a read-out that a screen reader is told; every control has a name; 125 to 200 percent.
  void accessibilityHiDpi() {
    its_->openLoad();
    auto* plot = its_->panel("Load by layer")->findChild<PlotView*>();
    QStringList told;
    static QStringList* said = nullptr;
    said = &told;
    QAccessible::setActive(true);
    const auto before = QAccessible::installUpdateHandler([](QAccessibleEvent* event) {
      if (event->type() == QAccessible::DescriptionChanged && said != nullptr && event->accessibleInterface())
        *said << event->accessibleInterface()->text(QAccessible::Description);
    });
    QTest::keyClick(plot, Qt::Key_Right);
    QTest::keyClick(plot, Qt::Key_Down);
    QTest::keyClick(plot, Qt::Key_Right);
    QAccessible::installUpdateHandler(before);
    said = nullptr;
    QVERIFY2(plot->accessibleDescription().contains("layer 1") && plot->accessibleDescription().contains("expert 1"),
             qPrintable(plot->accessibleDescription()));
    QVERIFY2(told.filter("expert 1").size() >= 1, qPrintable(told.join('|')));
    QTest::keyClick(plot, Qt::Key_Return);
    QCOMPARE(its_->bench().selection.on("expert"), (std::set<std::int64_t>{1}));
    for (const QString& name : its_->window().pageNames()) {
      its_->window().showPage(name);
      for (QWidget* widget : its_->window().findChildren<QWidget*>()) {
        if (!widget->isVisible() || !(widget->focusPolicy() & Qt::TabFocus) || widget->focusProxy() != nullptr)
          continue;
        const bool control = qobject_cast<QAbstractButton*>(widget) != nullptr ||
                             qobject_cast<QLineEdit*>(widget) != nullptr || qobject_cast<PlotView*>(widget) != nullptr;
        QAccessibleInterface* told = QAccessible::queryAccessibleInterface(widget);
        if (!control || told == nullptr || widget->objectName().startsWith("qt_")) continue;
        QVERIFY2(!told->text(QAccessible::Name).isEmpty(),
                 qPrintable(name + ": " + widget->metaObject()->className() + " " + widget->objectName()));
      }
    }
    if (qEnvironmentVariable("QT_SCALE_FACTOR", "1") != "1") return;
    for (const char* factor : {"1.25", "1.5", "2"}) {
      QProcess scaled;
      QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
      environment.insert("QT_SCALE_FACTOR", factor);
      scaled.setProcessEnvironment(environment);
      scaled.start(QCoreApplication::applicationDirPath() + "/gui_window", {"nothingIsCutOff"});
      QVERIFY2(scaled.waitForFinished(120000) && scaled.exitCode() == 0,
               qPrintable(factor + QString::fromUtf8(scaled.readAllStandardOutput())));
    }
  }

  // A plugin's operation has its form, its figures, and a page of its own where it names one that is not there.
  void plugins() {
    Json operations = operationsJson();
    Description plugin{.id = "weather.map",
                       .title = "Weather of experts",
                       .help = "From a plugin.",
                       .page = "Weather",
                       .in = {{"trace", Kind::trace}},
                       .out = {{"result", Kind::result}},
                       .parameters = {integer("days", 3, 1, 9, "days", "How many.")},
                       .figures = {heatMap("load", "utilisation").over({"layer", "expert"}).titled("Weather")},
                       .interactive = true};
    operations.push_back(toJson(plugin));
    Result result = loadResult();
    const QString file = its_->path("w.h5");
    QVERIFY(writeResult(result, file.toStdString()).has_value());
    its_->openLoad(
        {{"operations", operations},
         {"outputs",
          {{"weather.map",
            {{"result", {{"id", std::string(64, '9')}, {"path", file.toStdString()}, {"kind", "result"}}}}}}}});
    QCOMPARE(its_->window().pageNames().filter("Weather").size(), 1);
    QCOMPARE(its_->window().pageNames().last(), QString("Figures"));
    its_->action("page.Weather").trigger();
    QCOMPARE(its_->window().page()->name(), QString("Weather"));
    QTRY_VERIFY(its_->window().idle() && !its_->panels().isEmpty());
    its_->action("run.weather.map").trigger();
    QVERIFY(its_->window().findChild<QWidget*>("formSide")->isVisible());
  }
};

int main(int argc, char** argv) {
  Application application(argc, argv);
  if (argc == 5 && QByteArray(argv[1]) == "--window") return childWindow(application.arguments());
  ConventionsWindowTest test;
  return QTest::qExec(&test, argc, argv);
}
#include "conventions_window.moc"
