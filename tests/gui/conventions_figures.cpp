// SPDX-License-Identifier: GPL-3.0-or-later
// What users of scientific desktop programs expect of figures: how they leave the window and come back.
#include <QClipboard>
#include <QImage>
#include <QMimeData>
#include <QProcess>
#include <QStandardPaths>

#include "tests/gui/window_fixture.h"
#include "views/application.h"
#include "views/figure_provenance.h"
#include "views/figure_view.h"
#include "views/notice.h"
#include "views/opener.h"
#include "views/pages/figures_page.h"
#include "views/pages/figures_side.h"
#include "views/plot_view.h"
#include "views/sheet_check.h"
#include "views/sheet_view.h"

using namespace moescope;
using namespace moescope::window;

class ConventionsFiguresTest : public QObject {
  Q_OBJECT
  std::unique_ptr<Fixture> its_;

  QByteArray read(const QString& file) const {
    QFile in(file);
    return in.open(QIODevice::ReadOnly) ? in.readAll() : QByteArray();
  }
  Expected<void> write(FigurePanel& panel, const QString& file) {
    return exportFigure(*panel.drawing(), its_->bench().paper.style(), panel.provenance(),
                        its_->path(file).toStdString());
  }
  void keepAll() {
    for (FigurePanel* panel : its_->panels()) panel->keep();
    its_->window().showPage("Figures");
    QTRY_VERIFY_WITH_TIMEOUT(its_->window().idle(), 10000);
  }

 private Q_SLOTS:
  void init() {
    its_ = std::make_unique<Fixture>();
    applyTheme(*static_cast<QApplication*>(QCoreApplication::instance()), Theme::light());
    its_->openLoad();
  }
  void cleanup() { its_.reset(); }

  // Every view exports for paper: vector with fonts, at the venue's width, from its own menu.
  void vectorPublicationExport() {
    for (FigurePanel* panel : its_->panels())
      for (const char* ending : {"pdf", "svg", "png", "tex", "csv"}) {
        const QString file = QString("figure.") + ending;
        QVERIFY2(write(*panel, file).has_value(), ending);
        QVERIFY2(QFile(its_->path(file)).size() > 40, ending);
      }
    QVERIFY(read(its_->path("figure.pdf")).contains("FontFile2"));
    QCOMPARE(paperSize(*its_->panels().front()->drawing(), its_->bench().paper.style()).width(), 234);
    for (const char* id : {"figure.pdf", "figure.svg", "figure.png", "figure.tex", "figure.csv"})
      QVERIFY(its_->bench().actions.find(id) != nullptr);
  }

  void exportManyAtOnce() {
    keepAll();
    auto* page = its_->window().findChild<FiguresPage*>();
    QDir(its_->path("")).mkdir("out");
    const auto written = page->exportAll(its_->path("out"), "pdf");
    QVERIFY2(written.has_value(), written ? "" : written.error().message.c_str());
    const QStringList files = QDir(its_->path("out")).entryList(QDir::Files, QDir::Name);
    QCOMPARE(*written, int(files.size()));
    for (const char* name : {"sheet.pdf", "sheet.svg", "sheet.png", "sheet.tex", "sheet.csv", "sheet-caption.tex",
                             "sheet.json", "load-by-layer-and-expert.pdf", "unevenness-by-layer.pdf"})
      QVERIFY2(files.contains(name), name);
    const QByteArray caption = read(its_->path("out/sheet-caption.tex"));
    QVERIFY2(caption.contains("\\caption{(a) ") && caption.contains("98,304 tokens") && caption.contains("N k / E"),
             caption);
  }

  // What is drawn can be had as numbers, and these are the result's.
  void dataBehindThePlot() {
    its_->action("figure.values");
    its_->panel("Load by layer")->copyValues();
    const QString csv = QGuiApplication::clipboard()->mimeData()->text();
    const QStringList lines = csv.trimmed().split('\n');
    QCOMPARE(lines.size(), 7);  // a heading and six cells
    QVERIFY2(lines.filter(QRegularExpression("^1.*,0,2(,|$)")).size() == 1, qPrintable(csv));
    QCOMPARE(QString::fromUtf8(QGuiApplication::clipboard()->mimeData()->data("text/csv")), csv);
  }

  void clipboard() {
    FigurePanel* panel = its_->panel("Load by layer");
    panel->copy();
    const QMimeData* mime = QGuiApplication::clipboard()->mimeData();
    QVERIFY(mime->hasImage());
    QVERIFY(!qvariant_cast<QImage>(mime->imageData()).isNull());
    QVERIFY(mime->data("image/svg+xml").contains("<svg"));
    QVERIFY(mime->text().startsWith("layer,expert"));
    QCOMPARE(its_->action("figure.copy").shortcut(), QKeySequence(QKeySequence::Copy));
    QCOMPARE(its_->action("figure.values").shortcut(), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_C));
    panel->copyValues();
    QVERIFY(!QGuiApplication::clipboard()->mimeData()->hasImage());
  }

  // A brush is part of what a figure keeps, and of what Ctrl+Z takes back.
  void selectionInProvenance() {
    its_->bench().selection.brush("expert", {0, 2}, false);
    its_->bench().selection.setLayer(1);
    QVERIFY(write(*its_->panel("Load by layer"), "brushed.pdf").has_value());
    const auto inside = readProvenance(its_->path("brushed.pdf").toStdString());
    QVERIFY2(inside.has_value(), inside ? "" : inside.error().message.c_str());
    const Json& panel = (*inside)["sheet"]["panels"][0];
    QCOMPARE(panel["selected"]["expert"], Json({0, 2}));
    QCOMPARE(panel["at"]["layer"], Json(1));
    its_->action("edit.undo").trigger();
    QVERIFY(its_->bench().selection.layer() == 0 || its_->bench().selection.on("expert").empty());
  }

  // Hovered everywhere, clicked, added with Shift, brushed.
  void linkedBrushing() {
    Selection& selection = its_->bench().selection;
    auto* plot = its_->panel("Load by layer")->findChild<PlotView*>();
    const auto cell = [&](int layer, int expert) { return plot->pixelOf(expert, layer).toPoint(); };
    QTest::mouseClick(plot, Qt::LeftButton, {}, cell(1, 2));
    QCOMPARE(selection.on("expert"), (std::set<std::int64_t>{2}));
    QCOMPARE(selection.layer(), std::int64_t(1));
    QTest::mouseClick(plot, Qt::LeftButton, Qt::ShiftModifier, cell(1, 0));
    QCOMPARE(selection.on("expert"), (std::set<std::int64_t>{0, 2}));
    const auto drag = [&](QPoint from, QPoint to) {
      QTest::mousePress(plot, Qt::LeftButton, {}, from);
      QTest::mouseMove(plot, (from + to) / 2);
      QMouseEvent move(QEvent::MouseMove, to, plot->mapToGlobal(to), Qt::NoButton, Qt::LeftButton, {});
      QCoreApplication::sendEvent(plot, &move);
      QTest::mouseRelease(plot, Qt::LeftButton, {}, to);
    };
    drag(cell(0, 0), cell(1, 1));
    QCOMPARE(selection.on("expert"), (std::set<std::int64_t>{0, 1}));
    const auto& bars = its_->panel("xperts by load")->viewState().selected;
    QCOMPARE(bars.at("expert"), (std::vector<std::int64_t>{0, 1}));
  }

  // The sheet's figures of another trace: their analyses run with it, and the panels show the new results.
  void templates() {
    Result other = loadResult();
    std::get<Array>(other.values.front().content).values = {1, 1, 1, 1, 1, 1};
    const std::string id(64, 'd'), trace(64, 'e');
    QVERIFY(writeResult(other, QString(its_->study() + "/arrays/" + QString(64, 'd') + ".h5").toStdString()).has_value());
    Json second = row('e', "trace", "other", {std::string(64, 'b')});
    its_->newSession("templates.ini");
    its_->openLoad({{"outputs", {{"load.balance", {{"result", {{"id", id}, {"kind", "result"}}}}}}}});
    its_->panel("Load by layer")->keep();
    its_->window().showPage("Figures");
    QTRY_VERIFY(its_->window().idle());
    its_->bench().tree.take({*studyRowFromJson(second)});
    its_->bench().selection.setArtifact(QString(64, 'e'));
    Q_EMIT its_->window().findChild<FiguresSide*>()->applyAsked();
    QTRY_COMPARE(its_->bench().figures.figures().front().result, id);
    QVERIFY(its_->sent("submit").contains(QString::fromStdString(trace)));
    its_->action("edit.undo").trigger();
    QCOMPARE(its_->bench().figures.figures().front().result, std::string(64, 'f'));
  }

  // Years later, without the study: the numbers that were drawn are in the file.
  void selfContainedProject() {
    QVERIFY(write(*its_->panel("Load by layer"), "alone.pdf").has_value());
    if (QStandardPaths::findExecutable("pdfdetach").isEmpty()) {
      QVERIFY(read(its_->path("alone.pdf")).contains("/EmbeddedFile"));
      return;
    }
    QProcess detach;
    detach.start("pdfdetach", {"-saveall", "-o", its_->path(""), its_->path("alone.pdf")});
    QVERIFY(detach.waitForFinished(30000));
    QCOMPARE(read(its_->path("values.csv")), QByteArray::fromStdString(csv(*its_->panel("Load by layer")->drawing())));
  }

  // h5py and matplotlib draw the same from the study's file; what the script hands to matplotlib is compared.
  void scriptNotebookHandOff() {
    QDir(its_->path("")).mkpath("fake/matplotlib");
    QFile fake(its_->path("fake/matplotlib/pyplot.py")), package(its_->path("fake/matplotlib/__init__.py"));
    QVERIFY(fake.open(QIODevice::WriteOnly) && package.open(QIODevice::WriteOnly));
    fake.write(R"(import json, numpy as np
class Any:
    def __getattr__(self, name):
        def call(*a, **k):
            for v in a:
                if isinstance(v, (np.ndarray, list)) and name in ("imshow", "bar", "plot"):
                    print(name, json.dumps(np.asarray(v).tolist()))
            return Any()
        return call
def subplots(*a, **k): return Any(), Any()
def show(): pass
)");
    fake.close();
    package.close();
    const auto run = [&](const QString& title) {
      QProcess python;
      QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
      environment.insert("PYTHONPATH", its_->path("fake"));
      environment.insert("PYTHONDONTWRITEBYTECODE", "1");
      python.setProcessEnvironment(environment);
      python.start("/usr/bin/python3", {"-c", its_->panel(title)->script()});
      if (!python.waitForFinished(60000) || python.exitCode() != 0)
        qWarning("%s\n%s", python.readAllStandardError().constData(), qPrintable(its_->panel(title)->script()));
      return QString::fromUtf8(python.readAllStandardOutput());
    };
    const auto imported = QProcess::execute("/usr/bin/python3", {"-c", "import h5py, numpy"});
    if (imported != 0) QSKIP("h5py is not installed");
    QCOMPARE(run("Load by layer").trimmed(), QString("imshow [[-1.0, 0.0, 0.5849625007211562], [1.0, -1.0, -1.0]]"));
    its_->bench().selection.setLayer(1);
    QCOMPARE(run("xperts by load").trimmed(), QString("bar [2.0, 0.5, 0.5]"));
    QCOMPARE(run("Unevenness").trimmed(), QString("plot [0.4, 0.7]"));
    its_->panel("Load by layer")->copyPython();
    QVERIFY(QGuiApplication::clipboard()->mimeData()->text().contains("import h5py"));
  }

  // Dropped on the window, a figure of ours restores its view; one without names says that it cannot.
  void figureCarriesState() {
    Selection& selection = its_->bench().selection;
    selection.setLayer(1);
    selection.pick("expert", 2, false);
    its_->bench().views.set("load.balance/load", "values", "other");
    for (const char* ending : {"pdf", "png", "svg"})
      QVERIFY(write(*its_->panel("Load by layer"), QString("carries.") + ending).has_value());
    for (const char* ending : {"pdf", "png", "svg"}) {
      selection.clear();
      selection.setLayer(0);
      its_->bench().views.restore(Json::object());
      its_->window().showPage("Overview");
      its_->window().opener().take(its_->path(QString("carries.") + ending));
      QTRY_COMPARE(its_->window().page()->name(), QString("Load"));
      QCOMPARE(selection.layer(), std::int64_t(1));
      QCOMPARE(selection.on("expert"), (std::set<std::int64_t>{2}));
      QCOMPARE(its_->bench().views.of("load.balance/load").at("values"), std::string("other"));
    }
    keepAll();
    auto* page = its_->window().findChild<FiguresPage*>();
    QDir(its_->path("")).mkdir("sheet");
    QVERIFY(page->exportAll(its_->path("sheet"), "png").has_value());
    its_->bench().figures.restore(Json::array());
    its_->window().opener().take(its_->path("sheet/sheet.pdf"));
    QTRY_COMPARE(its_->bench().figures.figures().size(), std::size_t(3));
    its_->bench().paper.setStripped(true);
    QVERIFY(page->exportAll(its_->path("sheet"), "png").has_value());
    for (const char* name : {"sheet.pdf", "sheet.svg", "sheet.png", "sheet.json", "load-by-layer-and-expert.png"}) {
      const QByteArray bytes = read(its_->path(QString("sheet/") + name));
      QVERIFY2(!bytes.contains(QByteArray(64, 'f')) && !bytes.contains("load.balance"), name);
      QVERIFY2(!bytes.contains(its_->study().toUtf8()), name);
    }
    its_->window().opener().take(its_->path("sheet/sheet.pdf"));
    QTRY_VERIFY(its_->window().findChild<Banner*>("banner")->text().contains("without names"));
    QFile garbage(its_->path("garbage.pdf"));
    QVERIFY(garbage.open(QIODevice::WriteOnly));
    garbage.write("%PDF-1.4\nstream\nnothing");
    garbage.close();
    its_->window().opener().take(its_->path("garbage.pdf"));
    QTRY_VERIFY(its_->window().findChild<Banner*>("banner")->text().contains("carries no figure"));
  }

  // Maps that are even to the eye by default; what is not is said before it goes to print.
  void colour() {
    const auto drawing = its_->panel("Load by layer")->drawing();
    QCOMPARE(drawing->scale->map, std::string("blue white red"));
    QCOMPARE(drawing->scale->low, -drawing->scale->high);  // fair share in the neutral middle
    Drawing rainbow = *drawing, clash = *its_->panel("Unevenness")->drawing();
    rainbow.scale->map = "jet";
    clash.items = {Polyline{{0, 1}, {0, 1}, "good", Ink::good}, Polyline{{0, 1}, {1, 0}, "bad", Ink::bad}};
    Drawing many = clash;
    many.items.clear();
    for (int i = 0; i < 9; ++i) many.items.push_back(Polyline{{0, 1}, {0, 1}, std::to_string(i), domainInk(i)});
    const SheetLayout layout({.columns = 2}, {rainbow, clash, many}, its_->bench().paper.style());
    const QStringList warnings = sheetWarnings(layout);
    QCOMPARE(warnings.filter("rainbow").size(), 1);
    QCOMPARE(warnings.filter("red beside green").size(), 1);
    QCOMPARE(warnings.filter("9 categories").size(), 1);
    QVERIFY(warnings.filter("rainbow").front().startsWith("(a)"));
    const SheetLayout sound({}, {*drawing}, its_->bench().paper.style());
    QVERIFY(sheetWarnings(sound).filter("rainbow").isEmpty());
  }

  // A theme is of the window: on paper a figure is the same whatever it is.
  void darkModeTheme() {
    FigurePanel* panel = its_->panel("Load by layer");
    QVERIFY(write(*panel, "light.png").has_value());
    its_->window().setTheme(ThemeChoice::dark);
    QVERIFY(currentTheme().dark);
    QVERIFY(write(*panel, "dark.png").has_value());
    QCOMPARE(read(its_->path("dark.png")), read(its_->path("light.png")));
    its_->window().setTheme(ThemeChoice::light);
    QVERIFY(!currentTheme().dark);
    QVERIFY(its_->bench().actions.find("theme.system") != nullptr);
  }
};

int main(int argc, char** argv) {
  Application application(argc, argv);
  ConventionsFiguresTest test;
  return QTest::qExec(&test, argc, argv);
}
#include "conventions_figures.moc"
