// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QRectF>
#include <filesystem>
#include <memory>
#include <vector>

#include "views/paper_layout.h"
#include "views/sheet.h"

namespace moescope {

// A sheet laid out at the width of a venue, in points: panels share its width by columns, rows are as high as their
// highest panel, the last row may be shorter. The painter is scaled to 72 units an inch.
class SheetLayout {
 public:
  // One drawing a panel, in order; scales are shared here where the sheet says so.
  SheetLayout(const Sheet& sheet, std::vector<Drawing> drawings, const PaperStyle& style);
  QSize size() const { return size_; }
  QRectF panel(std::size_t at) const { return places_[at]; }
  std::size_t panels() const { return places_.size(); }
  const Drawing& drawing(std::size_t at) const { return drawings_[at]; }
  const PaperStyle& panelStyle() const { return panel_; }
  void paint(QPainter& painter) const;

 private:
  bool letters_;
  std::vector<Drawing> drawings_;
  PaperStyle panel_;
  std::vector<std::unique_ptr<PaperLayout>> layouts_;
  std::vector<QRectF> places_;
  QSize size_;
};

// The whole sheet as one .pdf, .svg, .png, .tex (all panels in one pgfplots document) or .csv (one block a panel) file.
Expected<void> exportSheet(const SheetLayout& layout, const PaperStyle& style, const Provenance& provenance,
                           const std::filesystem::path& file);

QString panelLetter(std::size_t at);  // "(a)"

}  // namespace moescope
