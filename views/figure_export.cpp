// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/figure_export.h"

#include <QFileDialog>
#include <QRegularExpression>

#include "core/base/file.h"
#include "core/result/token_html.h"

namespace moescope {

QString fileNameFor(const Drawing& drawing) {
  QString name = QString::fromStdString(drawing.title).toLower();
  name.replace(QRegularExpression(QStringLiteral("[^a-z0-9]+")), QStringLiteral("-"));
  name.remove(QRegularExpression(QStringLiteral("^-|-$")));
  return name.isEmpty() ? QStringLiteral("figure") : name;
}

Expected<void> exportDrawing(const Drawing& drawing, const QString& format, const PaperStyle& style,
                             const Provenance& provenance, QWidget* parent) {
  QString file =
      QFileDialog::getSaveFileName(parent, QObject::tr("Export"), fileNameFor(drawing) + QLatin1Char('.') + format,
                                   QStringLiteral("%1 (*.%2)").arg(format.toUpper(), format));
  if (file.isEmpty()) return {};
  if (!file.endsWith(QLatin1Char('.') + format)) file += QLatin1Char('.') + format;
  if (format == QLatin1String("html")) return writeFileSafely(file.toStdString(), tokenHtml(drawing));
  return exportFigure(drawing, style, provenance, file.toStdString());
}

}  // namespace moescope
