// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/pages/page.h"

class QComboBox;
class QLabel;

namespace moescope {

class FiguresSide;
class SheetSource;
class SheetView;

// The sheet for a paper: panels from any page laid out at the venue's real size, what a reader would object to below,
// and at the right its order, its settings and where it goes.
class FiguresPage : public Page {
  Q_OBJECT
 public:
  explicit FiguresPage(Workbench& workbench, QWidget* parent = nullptr);
  QWidget* side() override;
  bool idle() const override;

  // Into a folder: the sheet in every format, its caption and its settings, and each panel in `format`. Gives how many
  // files were written.
  Expected<int> exportAll(const QString& folder, const QString& format) const;
  QString caption() const;

 protected:
  void refresh() override;

 private:
  QWidget* makeHead();
  void arrange();
  void askForFolder(const QString& format);
  void askForSheet(const QString& format);
  void copyPython();
  void copyTables();

  SheetSource* source_;
  SheetView* sheet_;
  QLabel* size_;
  QLabel* warnings_;
  FiguresSide* side_ = nullptr;
};

}  // namespace moescope
