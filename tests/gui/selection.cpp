// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/selection.h"

#include <QSignalSpy>
#include <QTest>

#include "views/figure_panel.h"
#include "views/figure_view.h"
#include "views/workbench.h"

using namespace moescope;

namespace {

std::shared_ptr<const Result> result() {
  auto made = std::make_shared<Result>();
  made->axes = {{"layer", {"0 (block 0)", "1 (block 1)"}}, {"expert", {"0", "1", "2"}}};
  made->add("utilisation", "x fair share", {"layer", "expert"}, {0.5, 1, 1.5, 2, 0.5, 0.5});
  made->facts = {{"tokens", 100}, {"documents", 4}};
  return made;
}

const Outline* outline(const FigurePanel& panel) {
  for (const Item& item : panel.drawing()->items)
    if (const auto* found = std::get_if<Outline>(&item)) return found;
  return nullptr;
}

const Bars* bars(const FigurePanel& panel) {
  for (const Item& item : panel.drawing()->items)
    if (const auto* found = std::get_if<Bars>(&item)) return found;
  return nullptr;
}

}  // namespace

class SelectionTest : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void aClickInOneViewSelectsInTheOther() {
    Workbench workbench;
    Selection& selection = workbench.selection;
    const auto shown = result();
    std::unique_ptr<FigurePanel> map(
        figurePanel(workbench, "r", shown, heatMap("load", "utilisation").over({"layer", "expert"}), nullptr));
    std::unique_ptr<FigurePanel> sorted(
        figurePanel(workbench, "r", shown, sortedBars("bars", "utilisation").over({"expert"}).at("layer"), nullptr));
    map->show();
    sorted->show();
    const auto* view = map->findChild<FigureView*>();
    Q_EMIT const_cast<FigureView*>(view)->chosen("layer", 1, Qt::NoModifier);
    Q_EMIT const_cast<FigureView*>(view)->chosen("expert", 2, Qt::NoModifier);
    QCOMPARE(selection.layer(), 1);
    const Bars* drawn = bars(*sorted);
    QVERIFY(drawn != nullptr);
    QCOMPARE(drawn->height.front(), 2.0);  // the other layer's largest
    for (std::size_t i = 0; i < drawn->index.size(); ++i) QCOMPARE(bool(drawn->selected[i]), drawn->index[i] == 2);
    QVERIFY(outline(*map) != nullptr);
  }

  void shiftAddsAndTakesAwayEscClears() {
    Selection selection;
    selection.pick("expert", 3, false);
    selection.pick("expert", 5, true);
    QCOMPARE(selection.on("expert"), (std::set<std::int64_t>{3, 5}));
    selection.pick("expert", 3, true);
    QCOMPARE(selection.on("expert"), (std::set<std::int64_t>{5}));
    QSignalSpy changed(&selection, &Selection::changed);
    selection.clear();
    QVERIFY(selection.on("expert").empty());
    QCOMPARE(changed.size(), 1);
    selection.clear();
    QCOMPARE(changed.size(), 1);
  }

  void layersStopAtTheirEnds() {
    Selection selection;
    selection.setLayers(3);
    selection.stepLayer(-1);
    QCOMPARE(selection.layer(), 0);
    for (int i = 0; i < 5; ++i) selection.stepLayer(1);
    QCOMPARE(selection.layer(), 2);
    selection.setLayers(2);
    QCOMPARE(selection.layer(), 1);
  }

  void hoverIsToldOnceEverywhere() {
    Selection selection;
    QSignalSpy hovered(&selection, &Selection::hovered);
    selection.hover("expert", 4);
    selection.hover("expert", 4);
    selection.hover("expert", -1);
    QCOMPARE(hovered.size(), 2);
  }

  void aFigurePutAsideKeepsItsView() {
    Workbench workbench;
    Selection& selection = workbench.selection;
    const auto shown = result();
    std::unique_ptr<FigurePanel> sorted(
        figurePanel(workbench, "r", shown, sortedBars("bars", "utilisation").over({"expert"}).at("layer"), nullptr));
    sorted->show();
    selection.setLayer(1);
    KeptFigure kept;
    connect(sorted.get(), &FigurePanel::keepAsked, this, [&](const KeptFigure& figure) { kept = figure; });
    sorted->keep();
    const auto read = keptFigureFromJson(toJson(kept));
    QVERIFY(read.has_value());
    QCOMPARE(read->view.at.at("layer"), std::int64_t(1));
    QCOMPARE(read->figure.name, std::string("bars"));
    QVERIFY(!keptFigureFromJson(Json{{"result", 3}}).has_value());
  }
};

QTEST_MAIN(SelectionTest)
#include "selection.moc"
