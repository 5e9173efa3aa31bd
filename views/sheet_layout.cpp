// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/sheet_layout.h"

#include <algorithm>
#include <cmath>

#include "core/base/file.h"

namespace moescope {

namespace {

// Points.
constexpr int gutter = 12, rowGap = 10, letterRoom = 11, letterSize = 8;

PaperStyle ofPanel(const Sheet& sheet, const PaperStyle& style) {
  PaperStyle panel = style;
  const int columns =
      std::max(1, std::min(sheet.columns, static_cast<int>(std::max<std::size_t>(1, sheet.panels.size()))));
  const int width = (style.width() - (columns - 1) * gutter) / columns;
  panel.venue.column = panel.venue.full = width;
  panel.full = false;
  return panel;
}

// What stands between the beginning and the end of a LaTeX document.
std::string bodyOf(const std::string& document) {
  const std::string begin = "\\begin{document}", end = "\\end{document}";
  const std::size_t at = document.find(begin), to = document.rfind(end);
  return at == std::string::npos || to == std::string::npos
             ? document
             : document.substr(at + begin.size(), to - at - begin.size());
}

std::string texOf(const SheetLayout& layout, const PaperStyle& style) {
  if (layout.panels() == 0) return {};
  const double width = layout.panelStyle().width();
  std::string text = pgfplots(layout.drawing(0), width, style.venue.text);
  text.erase(text.find("\\begin{document}"));
  text += "\\begin{document}\n\\begin{minipage}{" + std::to_string(style.width()) + "pt}\n";
  for (std::size_t at = 0; at < layout.panels(); ++at) {
    if (at > 0) text += layout.panel(at).left() == 0 ? "\\par\\medskip\n" : "\\hfill\n";
    text += "\\begin{minipage}[t]{" + std::to_string(layout.panelStyle().width()) + "pt}\n\\textbf{" +
            panelLetter(at).toStdString() + "}\\par" + bodyOf(pgfplots(layout.drawing(at), width, style.venue.text)) +
            "\\end{minipage}%\n";
  }
  return text + "\\end{minipage}\n\\end{document}\n";
}

std::string csvOf(const SheetLayout& layout) {
  std::string text;
  for (std::size_t at = 0; at < layout.panels(); ++at)
    text += (at > 0 ? "\n" : "") + ("# " + panelLetter(at).toStdString() + " " + layout.drawing(at).title) + "\n" +
            csv(layout.drawing(at));
  return text;
}

}  // namespace

QString panelLetter(std::size_t at) {
  QString letters;
  for (std::size_t rest = at + 1; rest > 0; rest = (rest - 1) / 26)
    letters.prepend(QLatin1Char(static_cast<char>('a' + (rest - 1) % 26)));
  return QLatin1Char('(') + letters + QLatin1Char(')');
}

SheetLayout::SheetLayout(const Sheet& sheet, std::vector<Drawing> drawings, const PaperStyle& style)
    : letters_(sheet.letters && drawings.size() > 1), drawings_(std::move(drawings)), panel_(ofPanel(sheet, style)) {
  if (sheet.shared) shareScales(drawings_);
  const auto columns = static_cast<std::size_t>(std::max(1, sheet.columns));
  const double above = letters_ ? letterRoom : 0;
  double y = 0, high = 0;
  for (std::size_t at = 0; at < drawings_.size(); ++at) {
    layouts_.push_back(std::make_unique<PaperLayout>(drawings_[at], panel_));
    const std::size_t column = at % columns;
    if (column == 0 && at > 0) {
      y += high + rowGap;
      high = 0;
    }
    const QSizeF own(layouts_.back()->size());
    places_.emplace_back(QPointF(static_cast<double>(column) * (panel_.width() + gutter), y),
                         QSizeF(own.width(), own.height() + above));
    high = std::max(high, places_.back().height());
  }
  size_ = {style.width(), std::max(1, int(std::ceil(y + high)))};
}

void SheetLayout::paint(QPainter& painter) const {
  QFont bold(paperFamily(panel_.venue.serif));
  bold.setPixelSize(letterSize);
  bold.setBold(true);
  for (std::size_t at = 0; at < layouts_.size(); ++at) {
    painter.save();
    painter.translate(places_[at].topLeft());
    if (letters_) {
      painter.setFont(bold);
      painter.setPen(Qt::black);
      painter.drawText(QPointF(0, letterSize), panelLetter(at));
      painter.translate(0, letterRoom);
    }
    layouts_[at]->paint(painter);
    painter.restore();
  }
}

Expected<void> exportSheet(const SheetLayout& layout, const PaperStyle& style, const Provenance& provenance,
                           const std::filesystem::path& file) {
  const std::string ending = file.extension().string();
  if (layout.panels() == 0) return usageError("the sheet has no panel yet; add one on another page");
  if (ending == ".csv") return writeFileSafely(file, csvOf(layout));
  if (ending == ".tex") return writeFileSafely(file, texOf(layout, style));
  Provenance its = provenance;
  its.stripped = its.stripped || style.stripped;
  TRY(bytes, painted({.title = QString::fromStdString(layout.drawing(0).title),
                      .size = layout.size(),
                      .paint = [&layout](QPainter& painter) { layout.paint(painter); },
                      .provenance = its.json(),
                      .values = csvOf(layout)},
                     ending, file));
  return writeFileSafely(file, std::string_view(bytes.constData(), std::size_t(bytes.size())));
}

}  // namespace moescope
