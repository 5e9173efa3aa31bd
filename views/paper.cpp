// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/paper.h"

#include <QPainter>

#include "core/base/file.h"
#include "views/paper_layout.h"

namespace moescope {

namespace {

Expected<QByteArray> bytesOf(const Drawing& drawing, const PaperStyle& style, const Provenance& provenance,
                             std::string_view ending, const std::filesystem::path& file) {
  const PaperLayout layout(drawing, style);
  Provenance its = provenance;
  its.stripped = its.stripped || style.stripped;
  return painted({.title = QString::fromStdString(drawing.title),
                  .size = layout.size(),
                  .paint = [&layout](QPainter& painter) { layout.paint(painter); },
                  .provenance = its.json(),
                  .values = csv(drawing),
                  .request = its.stripped ? std::string() : its.request},
                 ending, file);
}

}  // namespace

QSize paperSize(const Drawing& drawing, const PaperStyle& style) {
  return PaperLayout(drawing, style).size();
}

Expected<QByteArray> figureBytes(const Drawing& drawing, const PaperStyle& style, const Provenance& provenance,
                                 std::string_view ending) {
  return bytesOf(drawing, style, provenance, ending, "the clipboard");
}

Expected<void> exportFigure(const Drawing& drawing, const PaperStyle& style, const Provenance& provenance,
                            const std::filesystem::path& file) {
  const std::string ending = file.extension().string();
  if (ending == ".csv") return writeFileSafely(file, csv(drawing));
  if (ending == ".tex") return writeFileSafely(file, pgfplots(drawing, style.width(), style.venue.text));
  TRY(bytes, bytesOf(drawing, style, provenance, ending, file));
  return writeFileSafely(file, std::string_view(bytes.constData(), std::size_t(bytes.size())));
}

}  // namespace moescope
