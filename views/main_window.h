// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMainWindow>

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
class ModelWatch;
class Finder;
class LayerPlay;
class LogView;
class Opener;
class Page;
class PageTabs;
class SideStack;
class StudyMemory;
class WindowLayout;

// Puts the parts together and nothing else: study tree left, pages in the centre, their side right, jobs below.
class MainWindow : public QMainWindow {
  Q_OBJECT
 public:
  // Shows at once; the study is opened and the engine started after the first frame. An empty engine means the one
  // beside.
  MainWindow(Session& session, const QString& engine, const QString& study, QWidget* parent = nullptr);
  ~MainWindow() override;

  Workbench& workbench() { return workbench_; }
  Session& session() { return session_; }
  WindowLayout& layoutOfWindow() { return *layout_; }
  Opener& opener() { return *opener_; }
  JobBar& jobBar() { return *jobs_; }
  CommandPalette& palette() { return *palette_; }
  Finder& finder() { return *finder_; }
  LayerPlay& layerPlay() { return *play_; }
  LogView& log() { return *log_; }
  void relocate(const QString& model);
  void showPage(const QString& name);
  QStringList pageNames() const;  // in the order of their tabs
  Page* page() const;
  bool idle() const;  // engine connected, rows there, nothing awaited on the page
  void setTheme(ThemeChoice choice);
  void say(const QString& level, const QString& text, const QString& details = {});
  void openForm(const std::string& operation, const Json& given);
  FigurePanel* currentPanel() const;  // under the pointer, with the focus, or the first of the page
  void fillMenus();

 protected:
  void showEvent(QShowEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void makeHead();
  void makeCentre();
  void connectParts();
  void restore();
  void begin();
  void studyChosen(const QString& path);
  void showSide();

  Session& session_;
  Workbench workbench_;
  DesktopTheme desktop_;
  QString firstStudy_;
  bool rows_ = false;
  QSplitter* splitter_;
  ElidedLabel* studyTitle_;
  PageTabs* tabs_;
  SideStack* side_;
  FormSide* form_;
  JobBar* jobs_;
  CommandPalette* palette_;
  Finder* finder_;
  LayerPlay* play_;
  LogView* log_;
  Opener* opener_;
  StudyMemory* memory_;
  ModelWatch* models_ = nullptr;
  WindowLayout* layout_;
};

}  // namespace moescope
