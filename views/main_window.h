// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMainWindow>
#include <QTimer>

#include "views/desktop_theme.h"
#include "views/session.h"
#include "views/workbench.h"

class QSplitter;

namespace moescope {

class CommandPalette;
class ElidedLabel;
class FigurePanel;
class FormSide;
class JobBar;
class Page;
class PageTabs;
class SideStack;

// Puts the parts together and nothing else: study tree left, pages in the centre, their side right, jobs below.
class MainWindow : public QMainWindow {
  Q_OBJECT
 public:
  // Shows at once; the study is opened and the engine started after the first frame. An empty engine means the one
  // beside.
  MainWindow(Session& session, const QString& engine, const QString& study, QWidget* parent = nullptr);
  ~MainWindow() override;

  Workbench& workbench() { return workbench_; }
  void openStudy(const QString& folder);
  void newStudy(const QString& folder);
  // A checkpoint's folder; without an open study one is made for it in the user's data folder.
  void openModel(const QString& folder);
  void take(const QString& dropped);  // a study, a model, or a folder of text
  void showPage(const QString& name);
  Page* page() const;
  bool idle() const;  // engine connected, rows there, nothing awaited on the page
  void setTheme(ThemeChoice choice);
  void say(const QString& level, const QString& text, const QString& details = {});

 protected:
  void resizeEvent(QResizeEvent* event) override;
  void moveEvent(QMoveEvent* event) override;
  void showEvent(QShowEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void makeHead();
  void makeCentre();
  void addPages();
  void connectWorkbench();
  void restore();
  void begin();
  void chooseArtifact();
  void showSide();
  void openForm(const std::string& operation, const Json& given);
  void setSidesFor(int width);
  void fillMenus();
  FigurePanel* currentPanel() const;

  friend class WindowActions;  // adds the actions that act on the window itself

  Session& session_;
  Workbench workbench_;
  DesktopTheme desktop_;
  QString firstStudy_;
  QString firstModel_;  // to be taken up once the study is there
  bool rows_ = false, sideAsked_ = false;
  QSplitter* splitter_;
  QWidget *left_, *right_;
  ElidedLabel* studyTitle_;
  PageTabs* tabs_;
  SideStack* side_;
  FormSide* form_;
  JobBar* jobs_;
  CommandPalette* palette_;
};

}  // namespace moescope
