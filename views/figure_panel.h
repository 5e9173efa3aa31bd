// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>

#include "core/operation/operation.h"
#include "views/figure_list.h"
#include "views/panel.h"
#include "views/paper.h"

class QMenu;

namespace moescope {

class FigureView;
class Workbench;

// A panel with a drawing, its export, copy and "what is this?"; it follows and feeds the shared selection. GUI thread.
class FigurePanel : public Panel {
  Q_OBJECT
 public:
  explicit FigurePanel(Workbench& workbench, QWidget* parent = nullptr);

  // Of a figure of a result: what is drawn, its help and its origin. Again with another result, zoom and place stay.
  void showFigure(const QString& id, std::shared_ptr<const Result> result, const Figure& figure,
                  const Description* operation);
  // What to draw for a view state: called now, and again whenever the selection changes unless it is `fixed`.
  void setSource(std::function<Drawing(const ViewState&)> draw, bool fixed = false);
  void refresh();
  void setHelp(const QString& title, const QString& text);
  void setOrigin(const KeptFigure& origin);                            // without one it cannot be put aside
  std::shared_ptr<const Drawing> drawing() const { return drawing_; }  // null before the first
  void setFollows(bool follows);                                       // false: keeps the view state of its origin
  ViewState viewState() const;
  Provenance provenance() const;

  void exportAs(const QString& format);  // asks for the file; "pdf", "svg", "png", "tex", "csv"
  void copy();                           // as a picture (what is on the screen, and SVG) and its values
  void copyValues();                     // as CSV
  void copyPython();                     // a script that draws the same from the study's file
  void copyCaption();
  QString script() const;  // empty where there is no result behind the figure
  void showHelp();
  void keep();
  void goToToken(std::int64_t run);  // of token text
  bool keepable() const { return !origin_.result.empty(); }
  const Figure& figure() const { return origin_.figure; }

 Q_SIGNALS:
  void failed(const moescope::Error& error);
  void drawn();                                        // something else is shown
  void keepAsked(const moescope::KeptFigure& figure);  // "Add to figures"
  void rowChosen(const QString& first);                // of a table: what stands in the row's first column

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  void fillExportMenu(QMenu& menu);
  void fillViewMenu(QMenu& menu);
  std::string key() const;  // of its view settings
  void redrawLater();

  Workbench& workbench_;
  FigureView* view_;
  std::function<Drawing(const ViewState&)> draw_;
  std::shared_ptr<const Drawing> drawing_;
  bool follows_ = true, stale_ = false, fixed_ = false;
  KeptFigure origin_;
  std::shared_ptr<const Result> result_;  // behind the figure; null for drawings of a run
  QString helpTitle_, helpText_;
};

// The panel of one figure of a result.
FigurePanel* figurePanel(Workbench& workbench, const QString& id, std::shared_ptr<const Result> result,
                         const Figure& figure, const Description* operation);
// Title, what it is, formula and source, and the definitions of the values that a figure shows.
QString helpText(const Result& result, const Figure& figure, const Description* operation);

}  // namespace moescope
