// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace moescope {

class MainWindow;

// Fills the registry with what can be done to the window: studies, edits, pages, selection, theme, figures, help.
// Operations are added anew whenever the engine lists them.
class WindowActions {
 public:
  explicit WindowActions(MainWindow& window) : window_(window) {}
  void addAll();
  void addOperations();
  void addRecent();
  void addLayouts();

 private:
  void addFile();
  void addEdit();
  void addView();
  void addPages();
  void addFigure();
  void addHelp();
  MainWindow& window_;
};

}  // namespace moescope
