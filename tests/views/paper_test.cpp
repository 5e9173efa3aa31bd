// SPDX-License-Identifier: GPL-3.0-or-later
// Figures as files, read back by other programs' eyes: poppler for PDF, an XML reader for SVG, the PNG's own header.
#include "views/paper.h"

#include <QFile>
#include <QImage>
#include <QProcess>
#include <QRegularExpression>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>
#include <QXmlStreamReader>
#include <algorithm>

#include "core/base/file.h"
#include "tests/views/sample.h"

using namespace moescope;

class PaperTest : public QObject {
  Q_OBJECT

  QTemporaryDir folder_;

  std::filesystem::path file(const char* name) const {
    return folder_.filePath(QString::fromLatin1(name)).toStdString();
  }
  static PaperStyle icml(bool full = false) { return {*venueNamed("icml"), full}; }
  static Provenance origin() { return {"load.balance", std::string(64, 'a'), std::string(64, 'b')}; }
  void write(const Drawing& drawing, const char* name, const PaperStyle& style = icml()) {
    const auto done = exportFigure(drawing, style, origin(), file(name));
    QVERIFY2(done, done ? "" : done.error().message.c_str());
  }
  QString run(const QString& program, const QStringList& arguments) const {
    QProcess process;
    process.start(program, arguments);
    if (!process.waitForFinished(60000) || process.exitCode() != 0) return {};
    return QString::fromUtf8(process.readAllStandardOutput());
  }
  static bool hasPoppler() { return !QStandardPaths::findExecutable(QStringLiteral("pdffonts")).isEmpty(); }
  QString path(const char* name) const { return folder_.filePath(QString::fromLatin1(name)); }

 private Q_SLOTS:
  void widthsAreThoseOfTheVenue() {
    const auto drawing = sample::drawn(sample::load(), sample::heat());
    const std::map<std::string, std::pair<int, int>> widths{
        {"icml", {234, 486}}, {"neurips", {396, 396}}, {"iclr", {396, 396}}, {"acl", {218, 454}},
        {"ieee", {252, 516}}, {"nature", {252, 519}},  {"slide", {480, 960}}};
    QCOMPARE(venues().size(), widths.size());
    for (const auto& [name, width] : widths) {
      QCOMPARE(paperSize(*drawing, {*venueNamed(name), false}).width(), width.first);
      QCOMPARE(paperSize(*drawing, {*venueNamed(name), true}).width(), width.second);
    }
    QCOMPARE(venueNamed("imcl").error().kind, ErrorKind::usage);
  }

  void pdfHasTheExactWidthFontsAndALosslessMatrix() {
    write(*sample::drawn(sample::load(48, 128), sample::heat()), "load.pdf");
    QFile pdf(path("load.pdf"));
    QVERIFY(pdf.open(QIODevice::ReadOnly));
    const QByteArray bytes = pdf.readAll();
    QVERIFY(!bytes.contains("DCTDecode"));
    if (!hasPoppler()) QSKIP("no poppler-utils here");
    const QString info = run(QStringLiteral("pdfinfo"), {path("load.pdf")});
    QVERIFY2(info.contains(QStringLiteral("234 x 145 pts")), qPrintable(info));
    QVERIFY(info.contains(QStringLiteral("request aaaaaaaa")));
    const QStringList fonts = run(QStringLiteral("pdffonts"), {path("load.pdf")}).split(u'\n', Qt::SkipEmptyParts);
    QVERIFY(fonts.size() > 2);
    for (const QString& font : fonts.mid(2)) {
      QVERIFY2(!font.contains(QStringLiteral("Type 3")), qPrintable(font));
      const QRegularExpressionMatch flags =
          QRegularExpression(QStringLiteral("(yes|no) +(yes|no) +(yes|no) +\\d+ +\\d+ *$")).match(font);
      QVERIFY2(flags.captured(1) == QStringLiteral("yes"), qPrintable(font));
    }
    const QString images = run(QStringLiteral("pdfimages"), {QStringLiteral("-list"), path("load.pdf")});
    QVERIFY2(!images.contains(QStringLiteral("jpeg")) && images.contains(QStringLiteral("image")), qPrintable(images));
    // Text can be searched, and the values travel with the figure.
    const QString words = run(QStringLiteral("pdftotext"), {path("load.pdf"), QStringLiteral("-")});
    QVERIFY2(words.contains(QStringLiteral("expert")) && words.contains(QStringLiteral("fair")), qPrintable(words));
    QVERIFY(run(QStringLiteral("pdfdetach"), {QStringLiteral("-list"), path("load.pdf")})
                .contains(QStringLiteral("values.csv")));
  }

  void theMatrixInThePdfHasExactlyTheColoursOfTheMap() {
    if (!hasPoppler()) QSKIP("no poppler-utils here");
    write(*sample::drawn(sample::load(16, 16), sample::heat()), "cells.pdf");
    run(QStringLiteral("pdfimages"), {QStringLiteral("-png"), path("cells.pdf"), path("cells")});
    const QImage cells(path("cells-000.png"));
    QVERIFY(!cells.isNull());
    QCOMPARE(cells.width() % 16, 0);
    const int factor = cells.width() / 16;
    for (int expert = 0; expert < 16; ++expert) {
      const QRgb first = cells.pixel(expert * factor, 0);
      QCOMPARE(cells.pixel(expert * factor + factor - 1, factor - 1), first);  // no ringing at the edges
    }
    QVERIFY(qRed(cells.pixel(cells.width() - 1, 0)) > qBlue(cells.pixel(cells.width() - 1, 0)));
  }

  // Every coordinate of every line lies within the picture, although the data go far beyond the axes.
  void svgIsCutAtTheAxes() {
    Drawing drawing = *sample::drawn(sample::training(), sample::losses());
    drawing.x.high = 1000;
    drawing.x.low = 300;
    drawing.y.low = 1.6;
    drawing.y.high = 2;
    write(drawing, "loss.svg");
    QFile svg(path("loss.svg"));
    QVERIFY(svg.open(QIODevice::ReadOnly));
    QXmlStreamReader reader(&svg);
    double left = 1e9, right = -1e9, top = 1e9, bottom = -1e9;
    int polylines = 0;
    bool described = false;
    while (!reader.atEnd()) {
      if (reader.readNext() != QXmlStreamReader::StartElement) continue;
      if (reader.name() == QStringLiteral("metadata"))
        described = reader.readElementText().contains(QStringLiteral("load.balance"));
      if (reader.name() != QStringLiteral("polyline")) continue;
      const QStringList points =
          reader.attributes().value(QStringLiteral("points")).toString().split(u' ', Qt::SkipEmptyParts);
      if (points.size() < 3) continue;  // axes and ticks
      ++polylines;
      for (const QString& point : points) {
        const QStringList xy = point.split(u',');
        left = std::min(left, xy[0].toDouble());
        right = std::max(right, xy[0].toDouble());
        top = std::min(top, xy[1].toDouble());
        bottom = std::max(bottom, xy[1].toDouble());
      }
    }
    QVERIFY2(!reader.hasError(), qPrintable(reader.errorString()));
    QVERIFY(described);
    QVERIFY(polylines >= 5);
    QVERIFY2(left > 15 && right < 234 - 20, qPrintable(QStringLiteral("%1 to %2").arg(left).arg(right)));
    QVERIFY2(top >= 1 && bottom < 145 - 15, qPrintable(QStringLiteral("%1 to %2").arg(top).arg(bottom)));
  }

  void pngHas600DotsAnInchAndItsOrigin() {
    write(*sample::drawn(sample::load(), sample::bars()), "bars.png");
    const QImage image(path("bars.png"));
    QCOMPARE(image.width(), 1950);
    QCOMPARE(image.height(), int(std::lround(145 * 600 / 72.0)));
    QCOMPARE(image.dotsPerMeterX(), 23622);
    QVERIFY(image.text(QStringLiteral("Moescope")).contains(QStringLiteral("load.balance")));
    QCOMPARE(image.pixelColor(1, 1), QColor(Qt::white));
  }

  void csvAndTexAreThoseOfTheDrawing() {
    const auto drawing = sample::drawn(sample::load(), sample::metrics());
    write(*drawing, "m.csv");
    write(*drawing, "m.tex");
    QCOMPARE(*readFile(file("m.csv")), csv(*drawing));
    QCOMPARE(*readFile(file("m.tex")), pgfplots(*drawing, 234, 8));
  }

  void tablesAndTextsBecomeAsHighAsTheyAre() {
    const QSize few = paperSize(*sample::drawn(sample::load(4, 8), table("t", {"cv", "gini"}).over({"layer"})), icml());
    const QSize many =
        paperSize(*sample::drawn(sample::load(48, 8), table("t", {"cv", "gini"}).over({"layer"})), icml());
    QVERIFY(many.height() > 8 * few.height());
    write(*sample::drawn(sample::text(), tokenText("text", "text")), "text.pdf");
    if (!hasPoppler()) QSKIP("no poppler-utils here");
    QVERIFY(
        run(QStringLiteral("pdftotext"), {path("text.pdf"), QStringLiteral("-")}).contains(QStringLiteral("Funktion")));
  }

  void whatCannotBeWrittenIsAnErrorAndLeavesNothing() {
    const auto drawing = sample::drawn(sample::load(), sample::heat());
    QCOMPARE(exportFigure(*drawing, icml(), origin(), file("f.jpeg")).error().kind, ErrorKind::usage);
    const auto nowhere = exportFigure(*drawing, icml(), origin(), file("no/such/folder/f.pdf"));
    QVERIFY(!nowhere);
    QVERIFY(nowhere.error().kind == ErrorKind::input || nowhere.error().kind == ErrorKind::environment);
    QVERIFY(!std::filesystem::exists(file("f.jpeg")));
  }
};

QTEST_MAIN(PaperTest)
#include "paper_test.moc"
