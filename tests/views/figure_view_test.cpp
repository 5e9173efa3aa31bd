// SPDX-License-Identifier: GPL-3.0-or-later
// What a figure looks like and how it answers the pointer and the keyboard, on an offscreen window.
#include "views/figure_view.h"

#include <QApplication>
#include <QClipboard>
#include <QLineEdit>
#include <QMouseEvent>
#include <QSignalSpy>
#include <QTest>

#include "tests/views/sample.h"
#include "views/plot_view.h"
#include "views/table_view.h"
#include "views/text_view.h"
#include "views/theme.h"

using namespace moescope;

class FigureViewTest : public QObject {
  Q_OBJECT

  static std::unique_ptr<FigureView> shown(std::shared_ptr<const Drawing> drawing, QSize size = {560, 320}) {
    auto view = std::make_unique<FigureView>();
    view->resize(size);
    view->setDrawing(std::move(drawing));
    view->show();
    if (!QTest::qWaitForWindowExposed(view.get())) qFatal("the view was not shown");
    QTest::qWait(30);
    return view;
  }
  static PlotView* plot(FigureView* view) { return view->findChild<PlotView*>(); }
  // Off the middle of a cell, where its number may stand.
  static QPoint nearCell(PlotView* plot, int row, int column) {
    return plot->pixelOf(column - 0.35, row - 0.35).toPoint();
  }
  static QColor at(FigureView* view, QPoint pixel) {
    const QImage image = view->picture();
    return image.pixelColor(pixel * image.devicePixelRatio());
  }

 private Q_SLOTS:
  void hotIsRedAndColdIsBlueInBothThemes() {
    for (const Theme* theme : {&Theme::light(), &Theme::darkened()}) {
      applyTheme(*qApp, *theme);
      const auto view = shown(sample::drawn(sample::load(), sample::heat()));
      const QColor cold = at(view.get(), nearCell(plot(view.get()), 0, 0)),
                   hot = at(view.get(), nearCell(plot(view.get()), 0, 7));
      QVERIFY2(hot.red() > hot.blue() + 30, qPrintable(hot.name()));
      QVERIFY2(cold.blue() > cold.red() + 30, qPrintable(cold.name()));
      QCOMPARE(at(view.get(), nearCell(plot(view.get()), 3, 2)), theme->neutral);  // within its interval of fair
      if (!theme->dark) continue;
      const QColor warm = at(view.get(), nearCell(plot(view.get()), 0, 5));
      QVERIFY(hot.lightness() > warm.lightness());  // on a dark ground far from fair is bright
    }
  }

  void aMatrixOfManyCellsIsPaintedToo() {
    applyTheme(*qApp, Theme::light());
    const auto view = shown(sample::drawn(sample::load(60, 512), sample::heat()), {300, 100});
    const QColor hot = at(view.get(), plot(view.get())->pixelOf(500, 10).toPoint());
    QVERIFY2(hot.red() > hot.blue() + 30, qPrintable(hot.name()));
  }

  void theCentreOfACellHoversThatCell() {
    applyTheme(*qApp, Theme::light());
    const auto view = shown(sample::drawn(sample::load(), sample::heat()));
    QSignalSpy hovered(view.get(), &FigureView::hovered), chosen(view.get(), &FigureView::chosen);
    QTest::mouseMove(plot(view.get()), plot(view.get())->pixelOf(5, 2).toPoint());
    QTRY_COMPARE(hovered.count(), 2);
    QCOMPARE(hovered[0], (QVariantList{QStringLiteral("layer"), 2ll}));
    QCOMPARE(hovered[1], (QVariantList{QStringLiteral("expert"), 5ll}));
    QCOMPARE(plot(view.get())->readOut(), QStringLiteral("layer 2 (block 4) · expert 5\n1.81 × fair [1.72, 1.9]"));
    QTest::mouseClick(plot(view.get()), Qt::LeftButton, Qt::ShiftModifier, plot(view.get())->pixelOf(5, 2).toPoint());
    QCOMPARE(chosen.count(), 2);
    QCOMPARE(chosen[1][1].toLongLong(), 5ll);
    QCOMPARE(chosen[1][2].value<Qt::KeyboardModifiers>(), Qt::KeyboardModifiers(Qt::ShiftModifier));
    hovered.clear();
    QEvent leave(QEvent::Leave);
    QApplication::sendEvent(plot(view.get()), &leave);
    QCOMPARE(hovered.count(), 2);
    QCOMPARE(hovered[0][1].toLongLong(), -1ll);
  }

  void arrowKeysMoveThroughCells() {
    const auto view = shown(sample::drawn(sample::load(), sample::heat()));
    QSignalSpy hovered(view.get(), &FigureView::hovered), chosen(view.get(), &FigureView::chosen);
    for (Qt::Key key : {Qt::Key_Right, Qt::Key_Right, Qt::Key_Down, Qt::Key_Up, Qt::Key_Up, Qt::Key_Down})
      QTest::keyClick(plot(view.get()), key);
    // The first key enters at the first cell; the edge stops.
    QCOMPARE(hovered.last(), (QVariantList{QStringLiteral("expert"), 1ll}));
    QVERIFY(plot(view.get())->readOut().startsWith(QStringLiteral("layer 1 (block 2) · expert 1")));
    QTest::keyClick(plot(view.get()), Qt::Key_Return);
    QCOMPARE(chosen.first(),
             (QVariantList{QStringLiteral("layer"), 1ll, QVariant::fromValue(Qt::KeyboardModifiers())}));
  }

  void aSortedBarKnowsItsExpert() {
    const auto view = shown(sample::drawn(sample::load(), sample::bars()));
    QSignalSpy hovered(view.get(), &FigureView::hovered);
    QTest::mouseMove(plot(view.get()), plot(view.get())->pixelOf(0, 0.5).toPoint());
    QTRY_COMPARE(hovered.count(), 1);
    QCOMPARE(hovered[0], (QVariantList{QStringLiteral("expert"), 7ll}));  // the highest first
  }

  void highlightingChangesThePicture() {
    const auto view = shown(sample::drawn(sample::load(), sample::heat()));
    const QImage before = view->picture();
    view->setHighlighted(QStringLiteral("expert"), {3});
    QTest::qWait(20);
    QVERIFY(view->picture() != before);
    view->setHighlighted(QStringLiteral("expert"), {});
    QTest::qWait(20);
    QCOMPARE(view->picture(), before);
  }

  void linesZoomAndADoubleClickShowsAllAgain() {
    const auto view = shown(sample::drawn(sample::training(), sample::losses()));
    const double whole = plot(view.get())->xAxis->range().size();
    plot(view.get())->xAxis->scaleRange(0.5);
    view->setDrawing(sample::drawn(sample::training(410), sample::losses()));
    QVERIFY(plot(view.get())->xAxis->range().size() < 0.6 * whole);  // new steps do not take the view away
    QTest::mouseDClick(plot(view.get()), Qt::LeftButton, {}, plot(view.get())->axisRect()->center());
    QVERIFY(plot(view.get())->xAxis->range().size() > whole);
  }

  void theTableSortsByNumberAndCopiesCsv() {
    Result result;
    result.add("tensors", Table{{{"name", "", std::vector<std::string>{"a", "b, c", "d"}},
                                 {"size", "bytes", std::vector<double>{9, 100, 20}}}});
    const auto view = shown(sample::drawn(result, table("tensors", {"tensors"})));
    auto* shownTable = view->findChild<TableView*>();
    QCOMPARE(shownTable->model()->rowCount(), 3);
    shownTable->sortByColumn(1, Qt::DescendingOrder);
    QCOMPARE(shownTable->model()->index(0, 0).data().toString(), QStringLiteral("b, c"));
    QCOMPARE(shownTable->model()->index(2, 1).data().toString(), QStringLiteral("9"));
    QTest::keyClick(shownTable, Qt::Key_C, Qt::ControlModifier);
    QCOMPARE(QApplication::clipboard()->text(), QStringLiteral("name,\"size, bytes\"\n\"b, c\",100\nd,20\na,9\n"));
    shownTable->selectRow(1);
    QTest::keyClick(shownTable, Qt::Key_C, Qt::ControlModifier);
    QCOMPARE(QApplication::clipboard()->text(), QStringLiteral("name,\"size, bytes\"\nd,20\n"));
    QCOMPARE(view->values(), QStringLiteral("name,size\na,9\n\"b, c\",100\nd,20\n"));
  }

  void manyRowsAreFoundByTheirWords() {
    constexpr int rows = 90'000;
    std::vector<std::string> names;
    std::vector<double> sizes;
    for (int row = 0; row < rows; ++row) {
      names.push_back("layers." + std::to_string(row / 100) + ".experts." + std::to_string(row % 100));
      sizes.push_back(row % 7);
    }
    Result result;
    result.add("tensors", Table{{{"name", "", names}, {"size", "bytes", sizes}}});
    const auto view = shown(sample::drawn(result, table("tensors", {"tensors"})));
    auto* shownTable = view->findChild<TableView*>();
    auto* find = view->findChild<QLineEdit*>();
    QVERIFY(find->isVisible());
    QCOMPARE(shownTable->model()->rowCount(), rows);
    QTest::keyClicks(find, "LAYERS.812. .33");
    QCOMPARE(shownTable->model()->rowCount(), 1);
    QCOMPARE(shownTable->model()->index(0, 0).data().toString(), QStringLiteral("layers.812.experts.33"));
    QCOMPARE(shownTable->copied(), QStringLiteral("name,\"size, bytes\"\nlayers.812.experts.33,%1\n").arg(81233 % 7));
    find->clear();
    QCOMPARE(shownTable->model()->rowCount(), rows);
  }

  void textIsColouredByExpertAndCanBeSelected() {
    applyTheme(*qApp, Theme::light());
    const auto view = shown(sample::drawn(sample::text(), tokenText("text", "text")));
    auto* text = view->findChild<TextView*>();
    QVERIFY(text->toPlainText().startsWith(QStringLiteral("Die Funktion open() gibt einen Dateideskriptor zurück")));
    QVERIFY(text->textInteractionFlags() & Qt::TextSelectableByMouse);
    QTextCursor cursor(text->document());
    cursor.setPosition(1);
    const QColor first = cursor.charFormat().background().color();
    cursor.setPosition(22);
    QVERIFY(first != cursor.charFormat().background().color());
    QVERIFY(contrast(Theme::light().text, first) >= 4.5);
    QSignalSpy hovered(view.get(), &FigureView::hovered);
    cursor.setPosition(0);
    const QPointF letter = text->cursorRect(cursor).center() + QPoint(6, 0);
    QMouseEvent move(QEvent::MouseMove, letter, text->viewport()->mapToGlobal(letter), Qt::NoButton, Qt::NoButton,
                     Qt::NoModifier);
    QApplication::sendEvent(text->viewport(), &move);
    QTRY_COMPARE(hovered.count(), 2);
    QCOMPARE(hovered[0], (QVariantList{QStringLiteral("token"), 0ll}));
    QCOMPARE(hovered[1], (QVariantList{QStringLiteral("expert"), 0ll}));
  }

  void namesOfLinesAreReadOnBothGrounds() {
    for (const Theme* theme : {&Theme::light(), &Theme::darkened()})
      for (const QColor& hue : theme->domains)
        QVERIFY2(contrast(legible(hue, theme->surface), theme->surface) >= 4.5, qPrintable(hue.name()));
    QCOMPARE(legible(QColor(Qt::black), QColor(Qt::white)), QColor(Qt::black));
  }

  void nothingToDrawIsASentence() {
    Drawing drawing;
    drawing.empty = "There is no load to show.";
    const auto view = shown(std::make_shared<const Drawing>(drawing));
    QVERIFY(!plot(view.get())->isVisible());
    view->setDrawing(nullptr);
    QCOMPARE(view->values(), QString());
  }

  void everyMarkFitsInASmallPanel() {
    for (const Figure& figure : {sample::heat(), sample::bars(), sample::metrics(), sample::summary()}) {
      const auto view = shown(sample::drawn(sample::load(48, 128), figure), {130, 90});
      QVERIFY(!view->picture().isNull());
    }
  }
};

QTEST_MAIN(FigureViewTest)
#include "figure_view_test.moc"
