// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/figure_copy.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QMimeData>

namespace moescope {

Expected<void> copyFigure(const Drawing& drawing, const QImage& picture, const PaperStyle& style,
                          const Provenance& provenance) {
  const QString values = QString::fromStdString(csv(drawing));
  auto* mime = new QMimeData;
  mime->setImageData(picture);
  mime->setText(values);
  mime->setData(QStringLiteral("text/csv"), values.toUtf8());
  const auto svg = figureBytes(drawing, style, provenance, ".svg");
  if (svg) mime->setData(QStringLiteral("image/svg+xml"), *svg);
  QGuiApplication::clipboard()->setMimeData(mime);
  if (!svg) return svg.error();
  return {};
}

void copyText(const QString& text, const QString& type) {
  auto* mime = new QMimeData;
  mime->setText(text);
  mime->setData(type, text.toUtf8());
  QGuiApplication::clipboard()->setMimeData(mime);
}

}  // namespace moescope
