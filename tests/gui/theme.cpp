// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/theme.h"

#include <QApplication>
#include <QTest>
#include <QtDBus/QDBusVariant>
#include <set>

#include "views/desktop_theme.h"
#include "views/style_sheet.h"

using namespace moescope;

class ThemeTest : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void contrastOfBlackAndWhiteIsTwentyOne() {
    QVERIFY(std::abs(contrast(QColor(0, 0, 0), QColor(255, 255, 255)) - 21.0) < 1e-9);
    QCOMPARE(contrast(QColor(9, 9, 9), QColor(9, 9, 9)), 1.0);
  }

  void textOnItsGroundKeepsItsContrast_data() {
    QTest::addColumn<QColor>("ink");
    QTest::addColumn<QColor>("ground");
    for (const Theme* theme : {&Theme::light(), &Theme::darkened()}) {
      const QByteArray mode = theme->dark ? "dark " : "light ";
      for (const auto& [name, ground] : {std::pair("background", theme->background),
                                         std::pair("surface", theme->surface), std::pair("raised", theme->raised)}) {
        QTest::newRow(QByteArray(mode + "text on " + name)) << theme->text << ground;
        QTest::newRow(QByteArray(mode + "muted on " + name)) << theme->muted << ground;
        QTest::newRow(QByteArray(mode + "bad on " + name)) << theme->bad << ground;
      }
      QTest::newRow(QByteArray(mode + "text on neutral")) << theme->text << theme->neutral;
      QTest::newRow(QByteArray(mode + "selected row")) << theme->text << theme->accentGround;
      QTest::newRow(QByteArray(mode + "primary button")) << theme->onAccent << theme->accent;
      QTest::newRow(QByteArray(mode + "read-out")) << theme->readOutText << theme->readOut;
    }
  }
  void textOnItsGroundKeepsItsContrast() {
    QFETCH(QColor, ink);
    QFETCH(QColor, ground);
    QVERIFY2(contrast(ink, ground) >= 4.5, qPrintable(QString::number(contrast(ink, ground))));
  }

  void everyTokenOfTheStyleSheetIsReplaced() {
    for (const Theme* theme : {&Theme::light(), &Theme::darkened()}) {
      const QString sheet = styleSheet(*theme);
      QVERIFY2(!sheet.contains(QLatin1Char('@')), qPrintable(sheet.mid(sheet.indexOf(QLatin1Char('@')), 40)));
    }
  }

  void theAppliedThemeIsTheCurrentOne() {
    auto& application = *static_cast<QApplication*>(QCoreApplication::instance());
    applyTheme(application, Theme::darkened());
    QVERIFY(currentTheme().dark);
    applyTheme(application, Theme::light());
    QVERIFY(!currentTheme().dark);
  }

  void kindsAndDomainsAreToldApart() {
    for (const Theme* theme : {&Theme::light(), &Theme::darkened()}) {
      std::set<QRgb> kinds, domains;
      for (const QColor& colour : theme->kinds) kinds.insert(colour.rgb());
      for (const QColor& colour : theme->domains) domains.insert(colour.rgb());
      QCOMPARE(kinds.size(), std::size_t(8));
      QCOMPARE(domains.size(), std::size_t(8));
      QCOMPARE(theme->ink(domainInk(3)), theme->domains[3]);
      QCOMPARE(theme->ink(domainInk(11)), theme->domains[3]);
    }
  }

  void thePortalsAnswerIsUnwrapped() {
    const QVariant once = QVariant::fromValue(QDBusVariant(QVariant(1u)));
    QVERIFY(DesktopTheme::prefersDark(QVariant(1u)));
    QVERIFY(DesktopTheme::prefersDark(once));
    QVERIFY(DesktopTheme::prefersDark(QVariant::fromValue(QDBusVariant(once))));
    QVERIFY(!DesktopTheme::prefersDark(QVariant(2u)));
    QVERIFY(!DesktopTheme::prefersDark(QVariant()));
  }
};

QTEST_MAIN(ThemeTest)
#include "theme.moc"
