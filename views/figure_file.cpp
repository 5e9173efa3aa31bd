// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/figure_file.h"

#include <QBuffer>
#include <QImage>
#include <QMarginsF>
#include <QPageSize>
#include <QPainter>
#include <QPdfWriter>
#include <QSvgGenerator>
#include <cmath>

#include "views/figure_provenance.h"

namespace moescope {

namespace {

constexpr double pointsAnInch = 72;
constexpr int pdfResolution = 1200, pngResolution = 600;
constexpr double mostPixels = 200e6;  // of a PNG: 800 MB while it is painted

Error notPainted(const std::filesystem::path& file) {
  return environmentError("cannot paint " + file.string() + ": the graphics library refused to start", file.string());
}

Expected<QByteArray> pdf(const FigureFile& figure, const std::filesystem::path& file) {
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  QPdfWriter writer(&buffer);
  writer.setResolution(pdfResolution);
  writer.setPageSize(QPageSize(QSizeF(figure.size), QPageSize::Point, QString(), QPageSize::ExactMatch));
  writer.setPageMargins(QMarginsF());
  writer.setTitle(figure.title);
  writer.setCreator(QString::fromStdString("Moescope " MOESCOPE_VERSION +
                                           (figure.request.empty() ? "" : ", request " + figure.request)));
  if (!figure.values.empty())
    writer.addFileAttachment(QStringLiteral("values.csv"), QByteArray::fromStdString(figure.values),
                             QStringLiteral("text/csv"));
  writer.addFileAttachment(QStringLiteral("provenance.json"), QByteArray::fromStdString(figure.provenance),
                           QStringLiteral("application/json"));
  QPainter painter;
  if (!painter.begin(&writer)) return notPainted(file);
  painter.setRenderHint(QPainter::LosslessImageRendering, true);
  painter.scale(pdfResolution / pointsAnInch, pdfResolution / pointsAnInch);
  figure.paint(painter);
  painter.end();
  return bytes;
}

Expected<QByteArray> svg(const FigureFile& figure, const std::filesystem::path& file) {
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  QSvgGenerator generator;
  generator.setOutputDevice(&buffer);
  generator.setResolution(int(pointsAnInch));
  generator.setSize(figure.size);
  generator.setViewBox(QRect(QPoint(0, 0), figure.size));
  generator.setTitle(figure.title.toHtmlEscaped());
  QPainter painter;
  if (!painter.begin(&generator)) return notPainted(file);
  figure.paint(painter);
  painter.end();
  return withSvgProvenance(bytes, figure.provenance);
}

Expected<QByteArray> png(const FigureFile& figure, const std::filesystem::path& file) {
  constexpr double scale = pngResolution / pointsAnInch;
  const double width = figure.size.width() * scale, height = figure.size.height() * scale;
  if (width * height > mostPixels)
    return usageError(file.string() + " would have " + std::to_string(std::llround(width)) + " x " +
                      std::to_string(std::llround(height)) + " pixels; write PDF or SVG instead, or fewer panels");
  QImage image(int(std::lround(width)), int(std::lround(height)), QImage::Format_RGB32);
  if (image.isNull())
    return environmentError("there is no memory for a picture of this size: " + file.string(), file.string());
  image.fill(Qt::white);
  image.setDotsPerMeterX(int(std::lround(pngResolution / 0.0254)));
  image.setDotsPerMeterY(int(std::lround(pngResolution / 0.0254)));
  image.setText(QStringLiteral("Title"), figure.title);
  QPainter painter;
  if (!painter.begin(&image)) return notPainted(file);
  painter.scale(scale, scale);
  figure.paint(painter);
  painter.end();
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  if (!image.save(&buffer, "PNG")) return notPainted(file);
  return withPngProvenance(bytes, figure.provenance);
}

}  // namespace

Expected<QByteArray> painted(const FigureFile& figure, std::string_view ending, const std::filesystem::path& file) {
  if (ending == ".pdf") return pdf(figure, file);
  if (ending == ".svg") return svg(figure, file);
  if (ending == ".png") return png(figure, file);
  return usageError("\"" + file.string() + "\" must end in .pdf, .svg, .png, .tex or .csv");
}

}  // namespace moescope
