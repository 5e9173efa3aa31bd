// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QListWidget;
class QVBoxLayout;

namespace moescope {

class Workbench;

// The right side of Figures: the panels in order, how the sheet is laid out, for which venue, and the ways out.
class FiguresSide : public QWidget {
  Q_OBJECT
 public:
  explicit FiguresSide(Workbench& workbench, QWidget* parent = nullptr);
  void setTitles(const QStringList& titles);
  void setChosen(int panel);

 Q_SIGNALS:
  void chosenChanged(int panel);
  void exportAsked(const QString& format);     // the sheet
  void exportAllAsked(const QString& format);  // the sheet and every panel
  void captionAsked();
  void pythonAsked();
  void tablesAsked();
  void applyAsked();

 private:
  void addPanels(QVBoxLayout& layout);
  void addSheet(QVBoxLayout& layout);
  void addVenue(QVBoxLayout& layout);
  void addExports(QVBoxLayout& layout);

  Workbench& workbench_;
  QListWidget* panels_ = nullptr;
};

}  // namespace moescope
