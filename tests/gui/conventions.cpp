// SPDX-License-Identifier: GPL-3.0-or-later
// What users of scientific desktop programs expect, one convention a line of conventions.txt: each has a test of its
// name in one of the programs of this folder, and a line without one fails here.
#include <QDir>
#include <QFile>
#include <QProcess>
#include <QRegularExpression>
#include <QSet>
#include <QTest>

class ConventionsTest : public QObject {
  Q_OBJECT

  // "Drag & drop / open" -> "dragDropOpen"
  static QString slotOf(const QString& title) {
    QString name;
    for (const QString& word : title.split(QRegularExpression("[^A-Za-z0-9]+"), Qt::SkipEmptyParts))
      name += name.isEmpty() ? word.toLower() : word.left(1).toUpper() + word.mid(1).toLower();
    return name;
  }

 private Q_SLOTS:
  void namesAreMadeOfTitles() {
    QCOMPARE(slotOf("Drag & drop / open"), QString("dragDropOpen"));
    QCOMPARE(slotOf("Layout save incl. ALL options"), QString("layoutSaveInclAllOptions"));
  }

  void everyConventionHasATestOfItsName() {
    QFile list(QStringLiteral(MOESCOPE_SOURCE_DIR "/tests/gui/conventions.txt"));
    QVERIFY(list.open(QIODevice::ReadOnly));
    QSet<QString> tests;
    const QDir programs(QStringLiteral(MOESCOPE_BINARY_DIR "/tests"));
    const QDir sources(QStringLiteral(MOESCOPE_SOURCE_DIR "/tests/gui"));
    for (const QString& source : sources.entryList({"conventions_*.cpp"})) {
      const QString program = programs.filePath("gui_" + source.chopped(4));
      QProcess process;
      process.start(program, {"-functions"});
      QVERIFY2(process.waitForFinished(30000) && process.exitCode() == 0, qPrintable(program + " cannot be run"));
      for (const QString& line : QString::fromUtf8(process.readAllStandardOutput()).split('\n', Qt::SkipEmptyParts))
        tests.insert(line.section('(', 0, 0).section(':', -1).trimmed());
    }
    QStringList without;
    int lines = 0;
    for (const QString& title : QString::fromUtf8(list.readAll()).split('\n', Qt::SkipEmptyParts)) {
      ++lines;
      if (!tests.contains(slotOf(title))) without << title;
    }
    QCOMPARE(lines, 27);
    QVERIFY2(without.isEmpty(), qPrintable("without a test: " + without.join(", ")));
  }
};

QTEST_GUILESS_MAIN(ConventionsTest)
#include "conventions.moc"
