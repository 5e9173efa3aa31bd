// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/paper.h"

#include <QBuffer>
#include <QImage>
#include <QMarginsF>
#include <QPageSize>
#include <QPainter>
#include <QPdfWriter>
#include <QSvgGenerator>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/file.h"
#include "views/paper_layout.h"

namespace moescope {

namespace {

constexpr double pointsAnInch = 72;
constexpr int pdfResolution = 1200, pngResolution = 600;

Error notPainted(const std::filesystem::path& file) {
  return environmentError("cannot paint " + file.string() + ": the graphics library refused to start", file.string());
}

Expected<QByteArray> pdf(const Drawing& drawing, const PaperLayout& layout, const Provenance& provenance,
                         const std::filesystem::path& file) {
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  QPdfWriter writer(&buffer);
  writer.setResolution(pdfResolution);
  writer.setPageSize(QPageSize(QSizeF(layout.size()), QPageSize::Point, QString(), QPageSize::ExactMatch));
  writer.setPageMargins(QMarginsF());
  writer.setTitle(QString::fromStdString(drawing.title));
  writer.setCreator(QString::fromStdString("Moescope " MOESCOPE_VERSION ", request " + provenance.request));
  writer.addFileAttachment(QStringLiteral("values.csv"), QByteArray::fromStdString(csv(drawing)),
                           QStringLiteral("text/csv"));
  writer.addFileAttachment(QStringLiteral("provenance.json"), QByteArray::fromStdString(provenance.json()),
                           QStringLiteral("application/json"));
  QPainter painter;
  if (!painter.begin(&writer)) return notPainted(file);
  painter.setRenderHint(QPainter::LosslessImageRendering, true);
  painter.scale(pdfResolution / pointsAnInch, pdfResolution / pointsAnInch);
  layout.paint(painter);
  painter.end();
  return bytes;
}

Expected<QByteArray> svg(const Drawing& drawing, const PaperLayout& layout, const Provenance& provenance,
                         const std::filesystem::path& file) {
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  QSvgGenerator generator;
  generator.setOutputDevice(&buffer);
  generator.setResolution(int(pointsAnInch));
  generator.setSize(layout.size());
  generator.setViewBox(QRect(QPoint(0, 0), layout.size()));
  generator.setTitle(QString::fromStdString(drawing.title).toHtmlEscaped());
  generator.setDescription(QString::fromStdString(provenance.json()).toHtmlEscaped());
  QPainter painter;
  if (!painter.begin(&generator)) return notPainted(file);
  layout.paint(painter);
  painter.end();
  return bytes;
}

Expected<QByteArray> png(const Drawing& drawing, const PaperLayout& layout, const Provenance& provenance,
                         const std::filesystem::path& file) {
  constexpr double scale = pngResolution / pointsAnInch;
  QImage image(int(std::lround(layout.size().width() * scale)), int(std::lround(layout.size().height() * scale)),
               QImage::Format_RGB32);
  if (image.isNull())
    return environmentError("there is no memory for a picture of this size: " + file.string(), file.string());
  image.fill(Qt::white);
  image.setDotsPerMeterX(int(std::lround(pngResolution / 0.0254)));
  image.setDotsPerMeterY(int(std::lround(pngResolution / 0.0254)));
  image.setText(QStringLiteral("Title"), QString::fromStdString(drawing.title));
  image.setText(QStringLiteral("Moescope"), QString::fromStdString(provenance.json()));
  QPainter painter;
  if (!painter.begin(&image)) return notPainted(file);
  painter.scale(scale, scale);
  layout.paint(painter);
  painter.end();
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  if (!image.save(&buffer, "PNG")) return notPainted(file);
  return bytes;
}

}  // namespace

std::string Provenance::json() const {
  return canonical(Json{{"program", "Moescope"},
                        {"version", MOESCOPE_VERSION},
                        {"operation", operation},
                        {"request", request},
                        {"result", result}});
}

QSize paperSize(const Drawing& drawing, const PaperStyle& style) {
  return PaperLayout(drawing, style).size();
}

Expected<void> exportFigure(const Drawing& drawing, const PaperStyle& style, const Provenance& provenance,
                            const std::filesystem::path& file) {
  const std::string ending = file.extension().string();
  if (ending == ".csv") return writeFileSafely(file, csv(drawing));
  if (ending == ".tex") return writeFileSafely(file, pgfplots(drawing, style.width(), style.venue.text));
  if (ending != ".pdf" && ending != ".svg" && ending != ".png")
    return usageError("\"" + file.string() + "\" must end in .pdf, .svg, .png, .tex or .csv");
  const PaperLayout layout(drawing, style);
  TRY(bytes, ending == ".pdf"   ? pdf(drawing, layout, provenance, file)
             : ending == ".svg" ? svg(drawing, layout, provenance, file)
                                : png(drawing, layout, provenance, file));
  return writeFileSafely(file, std::string_view(bytes.constData(), std::size_t(bytes.size())));
}

}  // namespace moescope
