// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/main_window.h"

#include <QApplication>
#include <QDragEnterEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QMenuBar>
#include <QMimeData>
#include <QSplitter>
#include <QTimer>

#include "core/study/study.h"
#include "views/command_palette.h"
#include "views/elided_label.h"
#include "views/engine_notices.h"
#include "views/figure_panel.h"
#include "views/figure_restore.h"
#include "views/finder.h"
#include "views/job_bar.h"
#include "views/layer_play.h"
#include "views/log_view.h"
#include "views/machine_words.h"
#include "views/model_watch.h"
#include "views/notice.h"
#include "views/opener.h"
#include "views/page_tabs.h"
#include "views/pages/all_pages.h"
#include "views/pages/form_side.h"
#include "views/pages/page.h"
#include "views/pages/tokens_page.h"
#include "views/pages/welcome_page.h"
#include "views/parameter_field.h"
#include "views/preferences.h"
#include "views/relocate_dialog.h"
#include "views/side_stack.h"
#include "views/study_memory.h"
#include "views/study_view.h"
#include "views/window_actions.h"
#include "views/window_layout.h"

namespace moescope {
namespace {

QWidget* sideFrame(int width) {
  auto* side = new QWidget;
  side->setProperty("role", "side");
  side->setAttribute(Qt::WA_StyledBackground);
  side->setMinimumWidth(width - 40);
  return side;
}

}  // namespace

MainWindow::MainWindow(Session& session, const QString& engine, const QString& study, QWidget* parent)
    : QMainWindow(parent), session_(session), firstStudy_(study) {
  setWindowTitle(QStringLiteral("Moescope"));
  setAcceptDrops(true);
  setMinimumSize(880, 560);
  workbench_.engine.setCommand(engine);
  makeHead();
  makeCentre();
  opener_ = new Opener(session_, workbench_, this);
  memory_ = new StudyMemory(session_, workbench_, this);
  layout_ = new WindowLayout(*this, *splitter_, session_);
  finder_ = new Finder(workbench_.selection, this);
  play_ = new LayerPlay(workbench_.selection, this);
  log_ = new LogView(workbench_, this);
  restoreKeys(session_, workbench_.actions);
  connectParts();
  WindowActions(*this).addAll();
  fillMenus();
  restore();
}

MainWindow::~MainWindow() {
  // Pages and sides refer to the workbench, which is a member: they go first.
  workbench_.engine.close();
  if (form_->parent() == nullptr) delete form_;  // was never in front
  delete takeCentralWidget();
  for (QObject* part : {static_cast<QObject*>(palette_), static_cast<QObject*>(finder_), static_cast<QObject*>(play_),
                        static_cast<QObject*>(log_), static_cast<QObject*>(opener_), static_cast<QObject*>(memory_),
                        static_cast<QObject*>(models_), static_cast<QObject*>(layout_)})
    delete part;
}

void MainWindow::makeHead() {
  auto* brand = roleLabel("brand", QStringLiteral("Moescope"));
  brand->setContentsMargins(12, 0, 8, 0);
  menuBar()->setNativeMenuBar(false);
  menuBar()->setCornerWidget(brand, Qt::TopLeftCorner);
  palette_ = new CommandPalette(workbench_.actions, this);
  auto* search = new UnitEdit(QStringLiteral("Ctrl+Shift+P"));
  search->setObjectName(QStringLiteral("search"));
  search->setPlaceholderText(tr("Find or run anything"));
  search->setAccessibleName(tr("Find or run anything"));
  search->setReadOnly(true);
  search->setFocusPolicy(Qt::NoFocus);
  search->setFixedWidth(300);
  search->installEventFilter(this);
  auto* holder = new QWidget;
  auto* layout = new QHBoxLayout(holder);
  layout->setContentsMargins(0, 4, 12, 4);
  layout->addWidget(search);
  menuBar()->setCornerWidget(holder, Qt::TopRightCorner);
}

void MainWindow::makeCentre() {
  splitter_ = new QSplitter;
  splitter_->setChildrenCollapsible(false);
  QWidget* left = sideFrame(Measures::left);
  auto* leftLayout = new QVBoxLayout(left);
  leftLayout->setContentsMargins(0, 10, 0, 0);
  leftLayout->setSpacing(4);
  studyTitle_ = roleLabel<ElidedLabel>("section");
  studyTitle_->setContentsMargins(14, 0, 14, 4);
  leftLayout->addWidget(studyTitle_);
  leftLayout->addWidget(new StudyView(workbench_.tree, workbench_.selection), 1);

  tabs_ = new PageTabs;
  connect(tabs_, &PageTabs::asked, this, &MainWindow::showPage);
  connect(tabs_, &PageTabs::sideToggled, this, [this] { layout_->toggleRight(); });
  addPages(*tabs_, workbench_);
  auto* welcome = new WelcomePage(session_, workbench_);
  connect(welcome, &WelcomePage::openAsked, this, [this](const QString& folder) { opener_->openStudy(folder); });
  tabs_->setWelcome(welcome);

  QWidget* right = sideFrame(Measures::right);
  auto* rightLayout = new QVBoxLayout(right);
  rightLayout->setContentsMargins(0, 0, 0, 0);
  side_ = new SideStack;
  rightLayout->addWidget(side_);
  form_ = new FormSide(workbench_);

  splitter_->addWidget(left);
  splitter_->addWidget(tabs_);
  splitter_->addWidget(right);
  splitter_->setStretchFactor(1, 1);
  auto* all = new QWidget;
  auto* layout = new QVBoxLayout(all);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  auto* rule = new QFrame;
  rule->setProperty("role", "rule");
  rule->setFixedHeight(1);
  layout->addWidget(rule);
  layout->addWidget(splitter_, 1);
  jobs_ = new JobBar(workbench_, this);
  layout->addWidget(jobs_);
  setCentralWidget(all);
}

void MainWindow::connectParts() {
  connect(&workbench_, &Workbench::pageAsked, this, &MainWindow::showPage);
  connect(&workbench_, &Workbench::formAsked, this, &MainWindow::openForm);
  connect(&workbench_, &Workbench::notice, this, &MainWindow::say);
  connect(form_, &FormSide::left, this, &MainWindow::showSide);
  connect(&workbench_, &Workbench::operationsChanged, this, [this] {
    WindowActions(*this).addOperations();
    fillMenus();
  });
  connect(layout_, &WindowLayout::namesChanged, this, [this] {
    WindowActions(*this).addLayouts();
    fillMenus();
  });
  connect(&workbench_, &Workbench::firstRows, this, [this] {
    rows_ = true;
    memory_->chooseArtifact();
    opener_->rowsArrived();
  });
  connect(opener_, &Opener::studyChosen, this, &MainWindow::studyChosen);
  connect(opener_, &Opener::said, this, [this](const QString& level, const QString& text) { say(level, text); });
  connect(opener_, &Opener::failed, this, [this](const Error& error) { tabs_->banner().say(error); });
  connect(opener_, &Opener::formAsked, this, &MainWindow::openForm);
  connect(opener_, &Opener::figureDropped, this, [this](const Json& provenance) {
    if (const auto done = goOnFrom(provenance, workbench_); !done) tabs_->banner().say(done.error());
  });
  connect(finder_, &Finder::textAsked, this, [this](const QString& words) {
    auto* tokens = findChild<TokensPage*>();
    if (tokens == nullptr) return;
    showPage(tokens->name());
    tokens->find(words);
  });
  models_ = new ModelWatch(workbench_, this);
  connect(models_, &ModelWatch::missing, this, [this](const QString& model, const QString& folder) {
    say(QStringLiteral("warning"),
        tr("The files of %1 are not in %2 any more.").arg(workbench_.tree.title(model), folder));
    tabs_->banner().offer(tr("Relocate..."), [this, model] { relocate(model); });
  });
  connect(models_, &ModelWatch::changed, this,
          [this](const QString& model, const QString& folder, const QString& file) {
            say(QStringLiteral("warning"),
                tr("%1 has changed since %2 was imported (%3): what is shown may not be of these files.")
                    .arg(file, workbench_.tree.title(model), folder));
            tabs_->banner().offer(tr("Import again"), [this, folder] { opener_->openModel(folder); });
          });
  new EngineNotices(workbench_.engine, tabs_->banner(), &tabs_->banner());
  connect(&workbench_.engine, &EngineClient::greeted, this,
          [this](const Json& devices) { jobs_->setMachine(machineWords(devices)); });
  connect(&workbench_.tree, &ArtifactTree::renameAsked, this, [this](const QString& id, const QString& name) {
    if (const auto right = Study::checkName(name.toStdString()); !right) return tabs_->banner().say(right.error());
    workbench_.engine.edit({{"edit", "name"}, {"id", id.toStdString()}, {"name", name.toStdString()}});
  });
  connect(&workbench_.paper, &PaperChoice::changed, this, [this] {
    session_.set(QStringLiteral("preset"), workbench_.paper.preset());
    session_.set(QStringLiteral("full_width"), workbench_.paper.full());
    session_.set(QStringLiteral("strip_names"), workbench_.paper.stripped());
  });
  connect(&desktop_, &DesktopTheme::found, this, [this](bool dark) {
    session_.set(QStringLiteral("desktop_dark"), dark);
    setTheme(session_.theme());
  });
}

void MainWindow::restore() {
  layout_->restore();
  workbench_.paper.setPreset(session_.value(QStringLiteral("preset"), QStringLiteral("icml")).toString());
  workbench_.paper.setFull(session_.value(QStringLiteral("full_width"), false).toBool());
  workbench_.paper.setStripped(session_.value(QStringLiteral("strip_names"), false).toBool());
  jobs_->setMachine({});
  showSide();
  if (auto described = describedOperations(QCoreApplication::applicationDirPath()))
    workbench_.setOperations(*std::move(described));
}

void MainWindow::showEvent(QShowEvent* event) {
  QMainWindow::showEvent(event);
  // After the first frame: nothing is read or started before the window is there.
  if (!event->spontaneous()) QTimer::singleShot(0, this, &MainWindow::begin);
}

void MainWindow::begin() {
  if (!workbench_.engine.study().isEmpty()) return;
  QString study = std::exchange(firstStudy_, {});
  const bool reopens = session_.value(QStringLiteral("reopen"), true).toBool();
  if (study.isEmpty() && reopens && !session_.recent().isEmpty()) study = session_.recent().first();
  if (!study.isEmpty()) opener_->openStudy(study);
  if (session_.theme() == ThemeChoice::system) desktop_.ask();
}

void MainWindow::studyChosen(const QString& path) {
  tabs_->banner().hide();
  rows_ = false;
  studyTitle_->setText(tr("Study · %1").arg(QFileInfo(path).fileName()));
  setWindowTitle(tr("%1 – Moescope").arg(QFileInfo(path).fileName()));
  memory_->open(path);
  tabs_->open();
  showPage(memory_->page(tr("Overview")));
  WindowActions(*this).addRecent();
  fillMenus();
}

QStringList MainWindow::pageNames() const {
  return tabs_->names();
}

Page* MainWindow::page() const {
  return tabs_->page();
}

void MainWindow::showPage(const QString& name) {
  if (workbench_.engine.study().isEmpty()) return;  // the welcome stays until there is a study
  if (!tabs_->show(name)) return;
  memory_->setPage(name);
  showSide();
}

void MainWindow::showSide() {
  Page* current = page();
  side_->show(current == nullptr ? nullptr : current->side());
}

void MainWindow::openForm(const std::string& operation, const Json& given) {
  if (!form_->open(operation, given))
    return say(QStringLiteral("warning"),
               tr("%1 is not among the operations of this engine.").arg(QString::fromStdString(operation)));
  side_->show(form_);
  layout_->showRight();
}

bool MainWindow::idle() const {
  const Page* current = page();
  return workbench_.engine.connected() && rows_ && !workbench_.operations().empty() && current != nullptr &&
         current->idle();
}

void MainWindow::relocate(const QString& model) {
  auto* dialog = new RelocateDialog(workbench_, model, this);
  connect(dialog, &RelocateDialog::said, this, [this](const QString& level, const QString& text) { say(level, text); });
  dialog->show();
}

void MainWindow::setTheme(ThemeChoice choice) {
  session_.set(QStringLiteral("theme"), name(choice));
  const bool dark = choice == ThemeChoice::dark ||
                    (choice == ThemeChoice::system && session_.value(QStringLiteral("desktop_dark"), false).toBool());
  applyTheme(*qApp, dark ? Theme::darkened() : Theme::light());
  if (choice == ThemeChoice::system) desktop_.ask();
}

void MainWindow::say(const QString& level, const QString& text, const QString& details) {
  tabs_->banner().say(level, text, details);
}

void MainWindow::fillMenus() {
  menuBar()->clear();
  const QStringList menus{tr("File"), tr("Edit"), tr("View"), tr("Run"), tr("Figure"), tr("Help")};
  workbench_.actions.fill(*menuBar(), menus);
  for (const ActionRegistry::Entry& entry : workbench_.actions.entries()) addAction(entry.action);
}

FigurePanel* MainWindow::currentPanel() const {
  for (QWidget* widget : {QApplication::widgetAt(QCursor::pos()), QApplication::focusWidget()})
    for (; widget != nullptr; widget = widget->parentWidget())
      if (auto* panel = qobject_cast<FigurePanel*>(widget)) return panel;
  if (const Page* current = page())
    for (FigurePanel* panel : current->findChildren<FigurePanel*>())
      if (panel->isVisible()) return panel;
  return nullptr;
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
  if (event->mimeData()->hasUrls() && event->mimeData()->urls().first().isLocalFile()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
  opener_->take(event->mimeData()->urls().first().toLocalFile());
}

bool MainWindow::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::MouseButtonPress && watched->objectName() == QLatin1String("search")) {
    palette_->open();
    return true;
  }
  return QMainWindow::eventFilter(watched, event);
}

}  // namespace moescope
