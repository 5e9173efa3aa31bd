// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/command_palette.h"

#include <QLineEdit>
#include <QListWidget>
#include <QMenu>
#include <QMenuBar>
#include <QTest>

#include "views/action_registry.h"

using namespace moescope;

class PaletteTest : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void init() {
    window_ = std::make_unique<QWidget>();
    window_->resize(900, 600);
    actions_ = std::make_unique<ActionRegistry>();
    done_.clear();
    for (const char* name : {"Open study...", "Load", "Theme: dark", "Load balance..."})
      actions_->add(name, "Run", name, {}, [this, name] { done_ << name; });
    palette_ = new CommandPalette(*actions_, window_.get());
    window_->show();
    palette_->open();
  }
  void cleanup() {
    window_.reset();
    actions_.reset();
  }

  void typingNarrowsAndEnterRuns() {
    auto* typed = palette_->findChild<QLineEdit*>();
    auto* list = palette_->findChild<QListWidget*>();
    QCOMPARE(list->count(), 4);
    QTest::keyClicks(typed, "thd");
    QCOMPARE(list->count(), 1);
    QTest::keyClick(typed, Qt::Key_Return);
    QCOMPARE(done_, QStringList{"Theme: dark"});
    QVERIFY(palette_->isHidden());
  }

  void theBestMatchGoesFirst() {
    auto* typed = palette_->findChild<QLineEdit*>();
    QTest::keyClicks(typed, "lb");
    QTest::keyClick(typed, Qt::Key_Return);
    QCOMPARE(done_, QStringList{"Load balance..."});
  }

  void arrowsMoveAndEscapeRunsNothing() {
    auto* typed = palette_->findChild<QLineEdit*>();
    QTest::keyClick(typed, Qt::Key_Down);
    QCOMPARE(palette_->findChild<QListWidget*>()->currentRow(), 1);
    QTest::keyClick(typed, Qt::Key_Escape);
    QVERIFY(palette_->isHidden());
    QVERIFY(done_.isEmpty());
  }

  void whatCannotBeDoneNowIsNotOffered() {
    actions_->find("Load")->setEnabled(false);
    palette_->open();
    QCOMPARE(palette_->findChild<QListWidget*>()->count(), 3);
  }

  void nothingMatchesNothing() {
    auto* typed = palette_->findChild<QLineEdit*>();
    QTest::keyClicks(typed, "zzz");
    QCOMPARE(palette_->findChild<QListWidget*>()->count(), 0);
    QTest::keyClick(typed, Qt::Key_Return);
    QVERIFY(done_.isEmpty());
    QCOMPARE(fuzzyScore("zq", "Quit"), 0);
    QVERIFY(fuzzyScore("ts", "Theme: system") > fuzzyScore("ts", "Specialist text"));
  }

  void menusAreMadeOfTheSameActions() {
    QMenuBar bar;
    actions_->fill(bar, {"Run", "Help"});
    QCOMPARE(bar.actions().size(), 2);
    QCOMPARE(bar.actions().first()->menu()->actions().size(), 4);
    actions_->removeWithPrefix("Load");
    QCOMPARE(actions_->entries().size(), std::size_t(2));
  }

 private:
  std::unique_ptr<QWidget> window_;
  std::unique_ptr<ActionRegistry> actions_;
  CommandPalette* palette_ = nullptr;
  QStringList done_;
};

QTEST_MAIN(PaletteTest)
#include "palette.moc"
