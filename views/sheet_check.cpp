// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/sheet_check.h"

#include <QObject>
#include <QRegularExpression>
#include <algorithm>
#include <array>
#include <set>

#include "views/paper_table.h"

namespace moescope {

namespace {

constexpr int leastText = 6, mostCategories = 8, pageHeight = 648;  // points: nine inches of text
constexpr double leastLine = 0.25;
constexpr std::array rainbows{"jet", "rainbow", "hsv", "hues", "spectrum", "spectral", "turbo", "polar", "thermal"};

std::set<Ink> inksOf(const Drawing& drawing) {
  std::set<Ink> inks;
  for (const Item& item : drawing.items)
    std::visit(
        [&](const auto& mark) {
          if constexpr (requires { mark.ink; }) inks.insert(mark.ink);
        },
        item);
  return inks;
}

std::size_t categories(const Drawing& drawing) {
  std::set<std::string> names;
  for (const Item& item : drawing.items)
    if (const auto* line = std::get_if<Polyline>(&item); line != nullptr && !line->label.empty())
      names.insert(line->label);
  return drawing.text ? drawing.text->legend.size() : names.size();
}

bool isRainbow(const std::string& map) {
  const QString name = QString::fromStdString(map).toLower();
  return std::ranges::any_of(rainbows, [&](const char* one) { return name.contains(QLatin1String(one)); });
}

void checkPanel(const Drawing& drawing, const PaperStyle& style, const QString& panel, QStringList& warnings) {
  const auto say = [&](const QString& words) { warnings << panel + QLatin1Char(' ') + words; };
  if (drawing.table) {
    const PaperTable table(*drawing.table, PaperLayout(drawing, style).textFont(), style.width());
    if (table.cut())
      say(QObject::tr("is cut: its columns do not fit side by side even at 6 points; use the full width"));
  }
  if (drawing.scale && isRainbow(drawing.scale->map))
    say(QObject::tr("uses the map %1: a rainbow shows edges that are not there; viridis or cividis do not")
            .arg(QString::fromStdString(drawing.scale->map)));
  const std::set<Ink> inks = inksOf(drawing);
  if (inks.contains(Ink::good) && inks.contains(Ink::bad))
    say(QObject::tr("sets red beside green, which one reader in twelve cannot tell apart"));
  if (const std::size_t count = categories(drawing); count > mostCategories)
    say(QObject::tr("has %1 categories; more than %2 colours cannot be told apart").arg(count).arg(mostCategories));
  for (const Item& item : drawing.items)
    if (const auto* cells = std::get_if<Cells>(&item))
      say(QObject::tr("holds its matrix of %1 x %2 cells as a lossless image inside the vector file")
              .arg(cells->rows)
              .arg(cells->columns));
}

QString latex(QString text) {
  text.replace(QLatin1Char('\\'), QStringLiteral("\\textbackslash "));
  for (const QChar special : QStringLiteral("&%$#_{}")) text.replace(special, QStringLiteral("\\") + special);
  text.replace(QChar(0x00d7), QStringLiteral("$\\times$"));
  text.replace(QStringLiteral("log₂"), QStringLiteral("$\\log_2$"));
  text.replace(QChar(0x03c3), QStringLiteral("$\\sigma$"));
  text.replace(QStringLiteral(" · "), QStringLiteral("; "));
  return text;
}

}  // namespace

QStringList sheetWarnings(const SheetLayout& layout) {
  QStringList warnings;
  const PaperStyle& style = layout.panelStyle();
  if (std::min(style.venue.text, style.venue.tick) < leastText)
    warnings << QObject::tr("Text of %1 points cannot be read in print; 6 is the least.").arg(style.venue.tick);
  for (std::size_t at = 0; at < layout.panels(); ++at) {
    const Drawing& drawing = layout.drawing(at);
    if (PaperLayout(drawing, style).thinnestLine() < leastLine)
      warnings << QObject::tr("%1 has lines below 0.25 points, which printers lose.").arg(panelLetter(at));
    checkPanel(drawing, style, panelLetter(at), warnings);
  }
  if (layout.size().height() > pageHeight)
    warnings << QObject::tr("The figure is %1 points high and a page has about %2; use more columns.")
                    .arg(layout.size().height())
                    .arg(pageHeight);
  return warnings;
}

QString captionStub(const SheetLayout& layout, const std::vector<QString>& definitions) {
  QStringList parts;
  for (std::size_t at = 0; at < layout.panels(); ++at) {
    const Drawing& drawing = layout.drawing(at);
    QString part = layout.panels() > 1 ? panelLetter(at) + QLatin1Char(' ') : QString();
    part += latex(QString::fromStdString(drawing.title));
    if (!drawing.caption.empty()) part += QStringLiteral(": ") + latex(QString::fromStdString(drawing.caption));
    part += QLatin1Char('.');
    if (at < definitions.size() && !definitions[at].isEmpty())
      part += QLatin1Char(' ') + latex(definitions[at].simplified());
    parts << part;
  }
  QString label = layout.panels() == 0 ? QString() : QString::fromStdString(layout.drawing(0).title).toLower();
  label.replace(QRegularExpression(QStringLiteral("[^a-z0-9]+")), QStringLiteral("-"));
  return QStringLiteral("\\caption{%1}\n\\label{fig:%2}\n").arg(parts.join(QLatin1Char('\n')), label);
}

}  // namespace moescope
