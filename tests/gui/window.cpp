// SPDX-License-Identifier: GPL-3.0-or-later

#include "tests/gui/window_fixture.h"

#include <QDir>
#include <QFile>
#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "views/application.h"
#include "views/elided_label.h"
#include "views/icon_button.h"
#include "views/notice.h"
#include "views/opener.h"
#include "views/pages/page.h"
#include "views/study_view.h"

using namespace moescope;

using namespace moescope::window;

class WindowTest : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void init() {
    its_ = std::make_unique<Fixture>();
    applyTheme(*static_cast<QApplication*>(QCoreApplication::instance()), Theme::light());
  }
  void cleanup() { its_.reset(); }

  void anEmptyStudyHasOneButtonOnEveryPage() {
    its_->open({{"operations", operationsJson()}});
    for (Page* page : its_->window().findChildren<Page*>()) {
      its_->window().showPage(page->name());
      QCOMPARE(its_->window().page(), page);
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
    its_->open({{"operations", operationsJson()}, {"rows", {row('a', "corpus", "text")}}});
    its_->window().showPage("Load");
    auto* next = its_->window().page()->findChild<QPushButton*>("next");
    QCOMPARE(next->text(), QString("Train a language model..."));
    next->click();
    QVERIFY(its_->window().findChild<QWidget*>("formSide")->isVisible());
  }

  void theEnginesDeathIsABannerAndTheWindowLives() {
    its_->open({{"operations", operationsJson()}, {"rows", {row('a', "corpus", "text")}}, {"die_on", {"submit"}}});
    QSignalSpy lost(&its_->window().workbench().engine, &EngineClient::lost);
    its_->window().workbench().engine.submit({"train.lm", {{"corpus", {std::string(64, 'a')}}}});
    QTRY_COMPARE_WITH_TIMEOUT(lost.size(), 1, 10000);
    auto* banner = its_->window().findChild<Banner*>("banner");
    QTRY_VERIFY(banner->isVisible());
    QVERIFY2(banner->text().contains("engine"), qPrintable(banner->text()));
    its_->window().showPage("Figures");
    QCOMPARE(its_->window().page()->name(), QString("Figures"));
    QVERIFY(its_->window().workbench().tree.indexOf(QString(64, 'a')).isValid());
    QTRY_VERIFY_WITH_TIMEOUT(its_->window().workbench().engine.connected(), 10000);
    // Back again, the banner tells what the death cost: the job that had not been taken.
    QTRY_VERIFY2(banner->text().contains("Train a language model failed"), qPrintable(banner->text()));
  }

  void thePageAsksForItsFiguresAndShowsThem() {
    Result result;
    result.axes = {{"layer", {"0", "1"}}, {"expert", {"0", "1", "2"}}};
    result.add("utilisation", "x fair share", {"layer", "expert"}, {0.5, 1, 1.5, 2, 0.5, 0.5});
    result.figures = {heatMap("load", "utilisation").over({"layer", "expert"}).titled("Load by layer and expert")};
    result.facts = {{"tokens", 100}, {"documents", 4}};
    const QString file = its_->path("r.h5");
    QVERIFY(writeResult(result, file.toStdString()).has_value());
    const std::string id(64, 'f');
    its_->open({{"operations", operationsJson()},
                {"rows",
                 {row('a', "corpus", "text"), row('b', "model", "toy", {std::string(64, 'a')}),
                  row('c', "trace", "toy on text", {std::string(64, 'b')})}},
                {"outputs",
                 {{"load.balance", {{"result", {{"id", id}, {"path", file.toStdString()}, {"kind", "result"}}}}}}}});
    its_->window().showPage("Load");
    QTRY_VERIFY_WITH_TIMEOUT(its_->window().idle(), 10000);
    QStringList titles;
    for (const QLabel* label : its_->window().page()->findChildren<QLabel*>())
      if (label->property("role") == "title" && label->isVisible()) titles << label->text();
    QCOMPARE(titles, QStringList{"Load by layer and expert"});
    QCOMPARE(its_->window().workbench().selection.layers(), std::int64_t(2));
  }

  void aDroppedModelIsTakenUpAndShowsWhatItIsMadeOf() {
    Result result;
    result.axes = {{"role", {"expert", "router"}}};
    result.add("parameters", "parameters", {"role"}, {300, 4});
    result.add("tensors", Table{{{"tensor", "", std::vector<std::string>{"a", "b"}}}});
    result.figures = {sortedBars("roles", "parameters").over({"role"}).titled("Parameters by part"),
                      table("tensors", {"tensors"}).titled("Tensors")};
    const QString file = its_->path("r.h5");
    QVERIFY(writeResult(result, file.toStdString()).has_value());
    const std::string model(64, 'b'), id(64, 'f');
    its_->open({{"operations", operationsJson()},
                {"rows", {row('a', "corpus", "text"), row('b', "model", "mixtral")}},
                {"outputs",
                 {{"model.import", {{"model", {{"id", model}, {"kind", "model"}}}}},
                  {"model.inspect", {{"result", {{"id", id}, {"path", file.toStdString()}, {"kind", "result"}}}}}}}});
    its_->window().showPage("Load");
    QVERIFY(QDir(its_->path("")).mkdir("mixtral"));
    QFile config(its_->path("mixtral/config.json"));
    QVERIFY(config.open(QIODevice::WriteOnly));
    config.close();
    its_->window().opener().take(its_->path("mixtral"));
    QTRY_COMPARE(its_->window().page()->name(), QString("Overview"));
    QCOMPARE(its_->window().workbench().selection.artifact(), QString(64, 'b'));
    const auto titles = [&] {
      QStringList shown;
      for (const QLabel* label : its_->window().page()->findChildren<QLabel*>())
        if (label->property("role") == "title" && label->isVisible()) shown << label->text();
      return shown;
    };
    QTRY_VERIFY_WITH_TIMEOUT(titles().contains("Tensors"), 10000);
    QVERIFY(titles().contains("Parameters by part"));
    QVERIFY(its_->sent("submit").contains("\"path\":\"" + its_->path("mixtral")));
  }

  void nothingIsCutOff_data() {
    QTest::addColumn<QSize>("size");
    QTest::newRow("1280x720") << QSize(1280, 720);
    QTest::newRow("1440x900") << QSize(1440, 900);
    QTest::newRow("least") << QSize(880, 560);
  }
  void nothingIsCutOff() {
    QFETCH(QSize, size);
    its_->open({{"operations", operationsJson()},
                {"rows",
                 {row('a', "corpus", "a-corpus-with-a-name-that-is-much-longer-than-the-side-is-wide"),
                  row('b', "model", "toy", {std::string(64, 'a')})}}});
    its_->window().resize(size);
    for (Page* page : its_->window().findChildren<Page*>()) {
      its_->window().showPage(page->name());
      QTest::qWait(50);
      QCOMPARE(its_->window().size(), size);
      for (const QLabel* label : its_->window().findChildren<QLabel*>()) {
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
      for (const QPushButton* button : its_->window().findChildren<QPushButton*>())
        if (button->isVisible() && !button->text().isEmpty())
          QVERIFY2(button->width() + 1 >= button->fontMetrics().horizontalAdvance(button->text()),
                   qPrintable(page->name() + ": " + button->text()));
    }
  }

  void theSessionComesBackAfterAKill() {
    its_->open({{"operations", operationsJson()},
                {"rows", {row('a', "corpus", "text"), row('b', "model", "toy", {std::string(64, 'a')})}}});
    its_->window().showPage("Load");
    its_->window().workbench().selection.setArtifact(QString(64, 'a'));
    its_->window().setTheme(ThemeChoice::dark);
    QTest::qWait(700);  // written half a second after the change, nothing is saved at the end
    QFile::copy(its_->path("window.ini"), its_->path("killed.ini"));
    its_->newSession("killed.ini");
    QCOMPARE(its_->session().theme(), ThemeChoice::dark);
    QCOMPARE(its_->session().recent(), QStringList{its_->study()});
    its_->open({{"operations", operationsJson()},
                {"rows", {row('a', "corpus", "text"), row('b', "model", "toy", {std::string(64, 'a')})}}});
    QCOMPARE(its_->window().page()->name(), QString("Load"));
    QCOMPARE(its_->window().workbench().selection.artifact(), QString(64, 'a'));
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
    its_->open({{"operations", operationsJson()}});
    its_->window().opener().openStudy(its_->path(""));
    QVERIFY(its_->window().findChild<Banner*>("banner")->text().contains("not a study"));
  }

  void renameAndDeleteGoThroughTheStudy() {
    its_->open({{"operations", operationsJson()}, {"rows", {row('a', "corpus", "text")}}});
    its_->window().workbench().selection.setArtifact(QString(64, 'a'));
    its_->window().workbench().tree.setData(its_->window().workbench().tree.indexOf(QString(64, 'a')), "words",
                                            Qt::EditRole);
    QTRY_VERIFY(its_->sent("edit").contains("\"words\""));
    its_->window().workbench().actions.find("artifact.delete")->trigger();
    QTRY_VERIFY(its_->sent("edit").contains("remove"));
    its_->window().workbench().actions.find("edit.undo")->trigger();
    QTRY_VERIFY(its_->sent("edit").contains("undo"));
  }

 private:
  std::unique_ptr<Fixture> its_;
};

int main(int argc, char** argv) {
  Application application(argc, argv);
  WindowTest test;
  return QTest::qExec(&test, argc, argv);
}
#include "window.moc"
