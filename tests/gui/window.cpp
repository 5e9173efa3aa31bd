// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/main_window.h"

#include <QDir>
#include <QFile>
#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "core/study/study.h"
#include "views/application.h"
#include "views/elided_label.h"
#include "views/icon_button.h"
#include "views/notice.h"
#include "views/pages/page.h"
#include "views/study_view.h"

using namespace moescope;

namespace {

Json operationsJson() {
  Description import{.id = "corpus.import",
                     .title = "Import text",
                     .help = "Reads folders of text.",
                     .page = "",
                     .out = {{"corpus", Kind::corpus}},
                     .parameters = {path("path", "The folder.")}};
  Description train{.id = "train.lm",
                    .title = "Train a language model",
                    .help = "Trains.",
                    .page = "Train",
                    .in = {{"corpus", Kind::corpus}},
                    .out = {{"model", Kind::model}, {"run", Kind::run}},
                    .parameters = {integer("steps", 300, 1, 1e6, "", "How many.")}};
  Description capture{.id = "capture.routing",
                      .title = "Capture routing",
                      .help = "Records.",
                      .page = "",
                      .in = {{"model", Kind::model}, {"corpus", Kind::corpus}},
                      .out = {{"trace", Kind::trace}}};
  Description load{
      .id = "load.balance",
      .title = "Load balance",
      .help = "How evenly.",
      .page = "Load",
      .in = {{"trace", Kind::trace}},
      .out = {{"result", Kind::result}},
      .figures = {heatMap("load", "utilisation").over({"layer", "expert"}).titled("Load by layer and expert")},
      .interactive = true};
  Json list = Json::array();
  for (const Description& one : {import, train, capture, load}) list.push_back(toJson(one));
  return list;
}

Json row(char digit, const char* kind, const char* name, std::vector<std::string> inputs = {}) {
  return {{"id", std::string(64, digit)},      {"kind", kind},     {"names", {name}}, {"state", "present"},
          {"created", "2026-01-02T03:04:05Z"}, {"inputs", inputs}, {"bytes", 1234}};
}

}  // namespace

class WindowTest : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void init() {
    folder_ = std::make_unique<QTemporaryDir>();
    study_ = folder_->filePath("study");
    QVERIFY(Study::create(study_.toStdString()).has_value());
    session_ = std::make_unique<Session>(folder_->filePath("window.ini"));
    applyTheme(*static_cast<QApplication*>(QCoreApplication::instance()), Theme::light());
  }
  void cleanup() {
    window_.reset();
    session_.reset();
    folder_.reset();
  }

  void anEmptyStudyHasOneButtonOnEveryPage() {
    open({{"operations", operationsJson()}});
    for (Page* page : window_->findChildren<Page*>()) {
      window_->showPage(page->name());
      QCOMPARE(window_->page(), page);
      int buttons = 0;
      QString text;
      for (const QPushButton* button : page->findChildren<QPushButton*>("next"))
        if (button->isVisible()) ++buttons, text = button->text();
      QVERIFY2(buttons == 1, qPrintable(page->name()));
      // Whatever is missing, an empty study begins with text; only Figures leads to another page.
      QCOMPARE(text, page->name() == "Figures" ? QString("Go to Load") : QString("Import text..."));
    }
  }

  void theButtonOfAnEmptyPageOpensTheFormThatGetsThere() {
    open({{"operations", operationsJson()}, {"rows", {row('a', "corpus", "text")}}});
    window_->showPage("Load");
    auto* next = window_->page()->findChild<QPushButton*>("next");
    QCOMPARE(next->text(), QString("Train a language model..."));
    next->click();
    QVERIFY(window_->findChild<QWidget*>("formSide")->isVisible());
  }

  void theEnginesDeathIsABannerAndTheWindowLives() {
    open({{"operations", operationsJson()}, {"rows", {row('a', "corpus", "text")}}, {"die_on", {"submit"}}});
    QSignalSpy lost(&window_->workbench().engine, &EngineClient::lost);
    window_->workbench().engine.submit({"train.lm", {{"corpus", {std::string(64, 'a')}}}});
    QTRY_COMPARE_WITH_TIMEOUT(lost.size(), 1, 10000);
    auto* banner = window_->findChild<Banner*>("banner");
    QTRY_VERIFY(banner->isVisible());
    QVERIFY2(banner->text().contains("engine"), qPrintable(banner->text()));
    window_->showPage("Figures");
    QCOMPARE(window_->page()->name(), QString("Figures"));
    QVERIFY(window_->workbench().tree.indexOf(QString(64, 'a')).isValid());
    QTRY_VERIFY_WITH_TIMEOUT(window_->workbench().engine.connected(), 10000);
    // Back again, the banner tells what the death cost: the job that had not been taken.
    QTRY_VERIFY2(banner->text().contains("Train a language model failed"), qPrintable(banner->text()));
  }

  void thePageAsksForItsFiguresAndShowsThem() {
    Result result;
    result.axes = {{"layer", {"0", "1"}}, {"expert", {"0", "1", "2"}}};
    result.add("utilisation", "x fair share", {"layer", "expert"}, {0.5, 1, 1.5, 2, 0.5, 0.5});
    result.figures = {heatMap("load", "utilisation").over({"layer", "expert"}).titled("Load by layer and expert")};
    result.facts = {{"tokens", 100}, {"documents", 4}};
    const QString file = folder_->filePath("r.h5");
    QVERIFY(writeResult(result, file.toStdString()).has_value());
    const std::string id(64, 'f');
    open({{"operations", operationsJson()},
          {"rows",
           {row('a', "corpus", "text"), row('b', "model", "toy", {std::string(64, 'a')}),
            row('c', "trace", "toy on text", {std::string(64, 'b')})}},
          {"outputs",
           {{"load.balance", {{"result", {{"id", id}, {"path", file.toStdString()}, {"kind", "result"}}}}}}}});
    window_->showPage("Load");
    QTRY_VERIFY_WITH_TIMEOUT(window_->idle(), 10000);
    QStringList titles;
    for (const QLabel* label : window_->page()->findChildren<QLabel*>())
      if (label->property("role") == "title" && label->isVisible()) titles << label->text();
    QCOMPARE(titles, QStringList{"Load by layer and expert"});
    QCOMPARE(window_->workbench().selection.layers(), std::int64_t(2));
  }

  void aDroppedModelIsTakenUpAndShowsWhatItIsMadeOf() {
    Result result;
    result.axes = {{"role", {"expert", "router"}}};
    result.add("parameters", "parameters", {"role"}, {300, 4});
    result.add("tensors", Table{{{"tensor", "", std::vector<std::string>{"a", "b"}}}});
    result.figures = {sortedBars("roles", "parameters").over({"role"}).titled("Parameters by part"),
                      table("tensors", {"tensors"}).titled("Tensors")};
    const QString file = folder_->filePath("r.h5");
    QVERIFY(writeResult(result, file.toStdString()).has_value());
    const std::string model(64, 'b'), id(64, 'f');
    open({{"operations", operationsJson()},
          {"rows", {row('a', "corpus", "text"), row('b', "model", "mixtral")}},
          {"outputs",
           {{"model.import", {{"model", {{"id", model}, {"kind", "model"}}}}},
            {"model.inspect", {{"result", {{"id", id}, {"path", file.toStdString()}, {"kind", "result"}}}}}}}});
    window_->showPage("Load");
    QVERIFY(QDir(folder_->path()).mkdir("mixtral"));
    QFile config(folder_->filePath("mixtral/config.json"));
    QVERIFY(config.open(QIODevice::WriteOnly));
    config.close();
    window_->take(folder_->filePath("mixtral"));
    QTRY_COMPARE(window_->page()->name(), QString("Overview"));
    QCOMPARE(window_->workbench().selection.artifact(), QString(64, 'b'));
    const auto titles = [&] {
      QStringList shown;
      for (const QLabel* label : window_->page()->findChildren<QLabel*>())
        if (label->property("role") == "title" && label->isVisible()) shown << label->text();
      return shown;
    };
    QTRY_VERIFY_WITH_TIMEOUT(titles().contains("Tensors"), 10000);
    QVERIFY(titles().contains("Parameters by part"));
    QVERIFY(sent("submit").contains("\"path\":\"" + folder_->filePath("mixtral")));
  }

  void nothingIsCutOff_data() {
    QTest::addColumn<QSize>("size");
    QTest::newRow("1280x720") << QSize(1280, 720);
    QTest::newRow("1440x900") << QSize(1440, 900);
    QTest::newRow("least") << QSize(880, 560);
  }
  void nothingIsCutOff() {
    QFETCH(QSize, size);
    open({{"operations", operationsJson()},
          {"rows",
           {row('a', "corpus", "a-corpus-with-a-name-that-is-much-longer-than-the-side-is-wide"),
            row('b', "model", "toy", {std::string(64, 'a')})}}});
    window_->resize(size);
    for (Page* page : window_->findChildren<Page*>()) {
      window_->showPage(page->name());
      QTest::qWait(50);
      QCOMPARE(window_->size(), size);
      for (const QLabel* label : window_->findChildren<QLabel*>()) {
        if (!label->isVisible() || label->text().isEmpty() || qobject_cast<const ElidedLabel*>(label)) continue;
        const QSize room = label->contentsRect().size();
        const QRect needed =
            label->fontMetrics().boundingRect(QRect(0, 0, label->wordWrap() ? room.width() : 10000, 10000),
                                              label->wordWrap() ? Qt::TextWordWrap : 0, label->text());
        QVERIFY2(needed.width() <= room.width() + 1 && needed.height() <= room.height() + 1,
                 qPrintable(page->name() + ": " + label->text() +
                            QString(" needs %1x%2, has %3x%4")
                                .arg(needed.width())
                                .arg(needed.height())
                                .arg(room.width())
                                .arg(room.height())));
      }
      for (const QPushButton* button : window_->findChildren<QPushButton*>())
        if (button->isVisible() && !button->text().isEmpty())
          QVERIFY2(button->width() + 1 >= button->fontMetrics().horizontalAdvance(button->text()),
                   qPrintable(page->name() + ": " + button->text()));
    }
  }

  void theSessionComesBackAfterAKill() {
    open({{"operations", operationsJson()},
          {"rows", {row('a', "corpus", "text"), row('b', "model", "toy", {std::string(64, 'a')})}}});
    window_->showPage("Load");
    window_->workbench().selection.setArtifact(QString(64, 'a'));
    window_->setTheme(ThemeChoice::dark);
    QTest::qWait(700);  // written half a second after the change, nothing is saved at the end
    QFile::copy(folder_->filePath("window.ini"), folder_->filePath("killed.ini"));
    window_.reset();
    session_ = std::make_unique<Session>(folder_->filePath("killed.ini"));
    QCOMPARE(session_->theme(), ThemeChoice::dark);
    QCOMPARE(session_->recent(), QStringList{study_});
    open({{"operations", operationsJson()},
          {"rows", {row('a', "corpus", "text"), row('b', "model", "toy", {std::string(64, 'a')})}}});
    QCOMPARE(window_->page()->name(), QString("Load"));
    QCOMPARE(window_->workbench().selection.artifact(), QString(64, 'a'));
  }

  void aSlotThatThrowsIsToldAndTheLoopGoesOn() {
    auto* application = static_cast<Application*>(QCoreApplication::instance());
    QSignalSpy caught(application, &Application::caught);
    QTest::ignoreMessage(QtCriticalMsg, "thrown by an event handler: out of cheese");
    QTimer::singleShot(0, this, [] { throw std::runtime_error("out of cheese"); });
    QTRY_COMPARE(caught.size(), 1);
    bool after = false;
    QTimer::singleShot(0, this, [&] { after = true; });
    QTRY_VERIFY(after);
  }

  void aFolderThatIsNoStudyIsSaid() {
    open({{"operations", operationsJson()}});
    window_->openStudy(folder_->path());
    QVERIFY(window_->findChild<Banner*>("banner")->text().contains("not a study"));
  }

  void renameAndDeleteGoThroughTheStudy() {
    open({{"operations", operationsJson()}, {"rows", {row('a', "corpus", "text")}}});
    window_->workbench().selection.setArtifact(QString(64, 'a'));
    window_->workbench().tree.setData(window_->workbench().tree.indexOf(QString(64, 'a')), "words", Qt::EditRole);
    QTRY_VERIFY(sent("edit").contains("\"words\""));
    window_->workbench().actions.find("artifact.delete")->trigger();
    QTRY_VERIFY(sent("edit").contains("remove"));
    window_->workbench().actions.find("edit.undo")->trigger();
    QTRY_VERIFY(sent("edit").contains("undo"));
  }

 private:
  void open(const Json& script) {
    const QString file = folder_->filePath("script.json");
    QFile::remove(file + ".died");
    QFile out(file);
    QVERIFY(out.open(QIODevice::WriteOnly));
    out.write(QByteArray::fromStdString(script.dump()));
    out.close();
    const QString command = QStringLiteral("python3 -B \"%1/tests/gui/fake_serve.py\" \"%2\"")
                                .arg(QStringLiteral(MOESCOPE_SOURCE_DIR), file);
    window_ = std::make_unique<MainWindow>(*session_, command, study_);
    window_->resize(1440, 900);
    QSignalSpy rows(&window_->workbench(), &Workbench::firstRows);
    QSignalSpy operations(&window_->workbench().engine, &EngineClient::operationsArrived);
    window_->show();
    QTRY_COMPARE_WITH_TIMEOUT(rows.size(), 1, 10000);
    QTRY_COMPARE_WITH_TIMEOUT(operations.size(), 1, 10000);
  }
  QString sent(const QString& type) const {
    QFile in(folder_->filePath("script.json.got"));
    if (!in.open(QIODevice::ReadOnly)) return {};
    QString found;
    for (const QByteArray& line : in.readAll().split('\n'))
      if (line.contains(("\"type\":\"" + type + "\"").toUtf8())) found += QString::fromUtf8(line) + "\n";
    return found;
  }

  std::unique_ptr<QTemporaryDir> folder_;
  QString study_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<MainWindow> window_;
};

int main(int argc, char** argv) {
  Application application(argc, argv);
  WindowTest test;
  return QTest::qExec(&test, argc, argv);
}
#include "window.moc"
