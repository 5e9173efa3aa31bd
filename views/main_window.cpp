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
#include <QStandardPaths>
#include <QThread>

#include "core/base/json_reading.h"
#include "core/study/study.h"
#include "core/study/trust.h"
#include "views/command_palette.h"
#include "views/elided_label.h"
#include "views/figure_panel.h"
#include "views/job_bar.h"
#include "views/notice.h"
#include "views/page_tabs.h"
#include "views/pages/analysis_page.h"
#include "views/pages/figures_page.h"
#include "views/pages/form_side.h"
#include "views/pages/overview_page.h"
#include "views/pages/tokens_page.h"
#include "views/pages/train_page.h"
#include "views/pages/welcome_page.h"
#include "views/parameter_field.h"
#include "views/side_stack.h"
#include "views/study_view.h"
#include "views/window_actions.h"

namespace moescope {
namespace {

constexpr int sideFrom = 1340;  // narrower windows start without the right side
constexpr int withoutLeft = 900;

QWidget* sideFrame(int width) {
  auto* side = new QWidget;
  side->setProperty("role", "side");
  side->setAttribute(Qt::WA_StyledBackground);
  side->setMinimumWidth(width - 40);
  return side;
}

QString machineWords(const Json& devices) {
  QStringList words;
  int gpus = 0;
  if (devices.is_array())
    for (const Json& device : devices) {
      if (!device.is_object()) continue;
      const std::string name = device.value("name", std::string());
      if (name == "cpu" && device.contains("threads")) {
        words << MainWindow::tr("%1 cores").arg(inWords(device["threads"]));
        if (device.contains("memory") && device["memory"].is_number())
          words << MainWindow::tr("%1 memory").arg(inBytes(device["memory"].get<double>()));
      } else if (name.starts_with("cuda")) {
        ++gpus;
      }
    }
  words << (gpus == 0   ? MainWindow::tr("no GPU")
            : gpus == 1 ? MainWindow::tr("1 GPU")
                        : MainWindow::tr("%1 GPUs").arg(gpus));
  return words.join(QStringLiteral(" · "));
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
  connectWorkbench();
  WindowActions(*this).addAll();
  fillMenus();
  restore();
}

MainWindow::~MainWindow() {
  // Pages and sides refer to the workbench, which is a member: they go first.
  workbench_.engine.close();
  delete takeCentralWidget();
  delete palette_;
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
  left_ = sideFrame(Measures::left);
  auto* leftLayout = new QVBoxLayout(left_);
  leftLayout->setContentsMargins(0, 10, 0, 0);
  leftLayout->setSpacing(4);
  studyTitle_ = roleLabel<ElidedLabel>("section");
  studyTitle_->setContentsMargins(14, 0, 14, 4);
  leftLayout->addWidget(studyTitle_);
  leftLayout->addWidget(new StudyView(workbench_.tree, workbench_.selection), 1);

  tabs_ = new PageTabs;
  connect(tabs_, &PageTabs::asked, this, &MainWindow::showPage);
  connect(tabs_, &PageTabs::sideToggled, this, [this] {
    sideAsked_ = true;
    right_->setVisible(right_->isHidden());
  });
  addPages();

  right_ = sideFrame(Measures::right);
  auto* rightLayout = new QVBoxLayout(right_);
  rightLayout->setContentsMargins(0, 0, 0, 0);
  side_ = new SideStack;
  rightLayout->addWidget(side_);
  form_ = new FormSide(workbench_);

  splitter_->addWidget(left_);
  splitter_->addWidget(tabs_);
  splitter_->addWidget(right_);
  splitter_->setStretchFactor(1, 1);
  splitter_->setSizes({Measures::left, 900, Measures::right});
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

void MainWindow::addPages() {
  tabs_->add(new OverviewPage(workbench_));
  tabs_->add(new TrainPage(workbench_));
  tabs_->add(new AnalysisPage(
      tr("Load"), tr("How evenly the router spreads tokens over the experts of each layer; it needs a trace."),
      workbench_));
  tabs_->add(new AnalysisPage(
      tr("Specialisation"),
      tr("Which experts prefer which domains, against what chance alone would show; it needs a trace."), workbench_));
  tabs_->add(new TokensPage(workbench_));
  tabs_->add(new FiguresPage(workbench_));
  auto* welcome = new WelcomePage(session_, workbench_);
  connect(welcome, &WelcomePage::openAsked, this, &MainWindow::openStudy);
  tabs_->setWelcome(welcome);
}

void MainWindow::connectWorkbench() {
  connect(&workbench_, &Workbench::pageAsked, this, &MainWindow::showPage);
  connect(&workbench_, &Workbench::formAsked, this, &MainWindow::openForm);
  connect(&workbench_, &Workbench::notice, this, &MainWindow::say);
  connect(form_, &FormSide::left, this, &MainWindow::showSide);
  connect(&workbench_, &Workbench::operationsChanged, this, [this] {
    WindowActions(*this).addOperations();
    fillMenus();
  });
  connect(&workbench_, &Workbench::firstRows, this, [this] {
    rows_ = true;
    chooseArtifact();
    if (!firstModel_.isEmpty()) workbench_.openModel(std::exchange(firstModel_, {}));
  });
  EngineClient& engine = workbench_.engine;
  connect(&engine, &EngineClient::greeted, this, [this](const Json& devices, const std::vector<KnownJob>&) {
    jobs_->setMachine(machineWords(devices));
    if (tabs_->banner().property("of").toString() == QLatin1String("engine")) tabs_->banner().hide();
  });
  connect(&engine, &EngineClient::lost, this, [this](const QString& what, const QString& details, int seconds) {
    say(QStringLiteral("error"), tr("%1 It is started again in %2 s; the window goes on.").arg(what).arg(seconds),
        details);
    tabs_->banner().setProperty("of", QStringLiteral("engine"));
  });
  connect(&engine, &EngineClient::logged, this, [this](const QString& job, const QString& level, const QString& text) {
    if (job.isEmpty() && level == QLatin1String("warning")) say(level, text);
  });
  connect(&engine, &EngineClient::refused, this, [this](const Error& error) { tabs_->banner().say(error); });
  connect(&engine, &EngineClient::edited, this, [this](const Json& message) {
    const QString what = QString::fromStdString(message.value("what", std::string()));
    if (what.contains(QLatin1Char(' '))) say(QStringLiteral("info"), what);
  });
  connect(&workbench_.tree, &ArtifactTree::renameAsked, this, [this](const QString& id, const QString& name) {
    if (const auto right = Study::checkName(name.toStdString()); !right) return tabs_->banner().say(right.error());
    workbench_.engine.edit({{"edit", "name"}, {"id", id.toStdString()}, {"name", name.toStdString()}});
  });
  connect(&workbench_.selection, &Selection::artifactChanged, this, [this](const QString& id) {
    if (!id.isEmpty() && !id.startsWith(QLatin1String("job:"))) session_.setOfStudy(QStringLiteral("artifact"), id);
  });
  connect(&workbench_.selection, &Selection::changed, this,
          [this] { session_.setOfStudy(QStringLiteral("layer"), static_cast<int>(workbench_.selection.layer())); });
  connect(&workbench_.figures, &FigureList::changed, this, [this] {
    session_.setOfStudy(QStringLiteral("figures"), QString::fromStdString(workbench_.figures.save().dump()));
  });
  connect(&workbench_.paper, &PaperChoice::changed, this, [this] {
    session_.set(QStringLiteral("preset"), workbench_.paper.preset());
    session_.set(QStringLiteral("full_width"), workbench_.paper.full());
  });
  connect(&desktop_, &DesktopTheme::found, this, [this](bool dark) {
    session_.set(QStringLiteral("desktop_dark"), dark);
    setTheme(session_.theme());
  });
}

void MainWindow::restore() {
  resize(1440, 900);
  const QByteArray geometry = session_.value(QStringLiteral("geometry")).toByteArray();
  if (!geometry.isEmpty() && !restoreGeometry(geometry)) resize(1440, 900);
  workbench_.paper.setPreset(session_.value(QStringLiteral("preset"), QStringLiteral("icml")).toString());
  workbench_.paper.setFull(session_.value(QStringLiteral("full_width"), false).toBool());
  jobs_->setMachine({});
  showSide();
  right_->setVisible(width() >= sideFrom);
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
  if (study.isEmpty() && !session_.recent().isEmpty()) study = session_.recent().first();
  if (!study.isEmpty()) openStudy(study);
  if (session_.theme() == ThemeChoice::system) desktop_.ask();
}

void MainWindow::openStudy(const QString& folder) {
  const QString path = QFileInfo(folder).absoluteFilePath();
  if (!QFileInfo::exists(path + QStringLiteral("/study.sqlite")))
    return say(
        QStringLiteral("error"),
        tr("%1 is not a study: it has no study.sqlite. Choose another folder, or make a new study there.").arg(folder));
  tabs_->banner().hide();
  session_.setStudy(path);
  rows_ = false;
  studyTitle_->setText(tr("Study · %1").arg(QFileInfo(path).fileName()));
  setWindowTitle(tr("%1 – Moescope").arg(QFileInfo(path).fileName()));
  const std::string figures = session_.ofStudy(QStringLiteral("figures")).toString().toStdString();
  const auto kept = parseJson(figures);
  workbench_.figures.restore(kept ? *kept : Json::array());
  workbench_.open(path);
  tabs_->open();
  showPage(session_.ofStudy(QStringLiteral("page"), tr("Overview")).toString());
  workbench_.selection.setLayer(session_.ofStudy(QStringLiteral("layer"), 0).toInt());
  WindowActions(*this).addRecent();
  fillMenus();
}

void MainWindow::newStudy(const QString& folder) {
  auto* maker = QThread::create([this, folder] {
    auto made = Study::create(folder.toStdString());
    if (made) (void)trust(*made);  // whoever makes a study trusts its plugins
    QMetaObject::invokeMethod(this,
                              [this, folder, error = made ? std::optional<Error>() : std::optional(made.error())] {
                                if (error) return tabs_->banner().say(*error);
                                openStudy(folder);
                              });
  });
  connect(maker, &QThread::finished, maker, &QObject::deleteLater);
  maker->start();
}

void MainWindow::openModel(const QString& folder) {
  if (!workbench_.engine.study().isEmpty()) return workbench_.openModel(folder);
  firstModel_ = folder;
  const QString studies = QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) +
                          QStringLiteral("/moescope/studies/") + QFileInfo(folder).fileName();
  if (QFileInfo::exists(studies + QStringLiteral("/study.sqlite"))) return openStudy(studies);
  newStudy(studies);
}

// What was selected last time; else what is being made; else the newest of what one looks at first.
void MainWindow::chooseArtifact() {
  const QString before = session_.ofStudy(QStringLiteral("artifact")).toString();
  Selection& selection = workbench_.selection;
  if (!selection.artifact().isEmpty() && workbench_.tree.indexOf(selection.artifact()).isValid()) return;
  if (workbench_.tree.indexOf(before).isValid()) return selection.setArtifact(before);
  for (Kind kind : {Kind::trace, Kind::model, Kind::run, Kind::corpus, Kind::result})
    if (const auto all = workbench_.tree.present(kind); !all.empty())
      return selection.setArtifact(QString::fromStdString(all.front()->artifact.id));
}

Page* MainWindow::page() const {
  return tabs_->page();
}

void MainWindow::showPage(const QString& name) {
  if (workbench_.engine.study().isEmpty()) return;  // the welcome stays until there is a study
  if (!tabs_->show(name)) return;
  session_.setOfStudy(QStringLiteral("page"), name);
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
  right_->show();
}

bool MainWindow::idle() const {
  const Page* current = page();
  return workbench_.engine.connected() && rows_ && !workbench_.operations().empty() && current != nullptr &&
         current->idle();
}

void MainWindow::setTheme(ThemeChoice choice) {
  session_.set(QStringLiteral("theme"), name(choice));
  const bool dark = choice == ThemeChoice::dark ||
                    (choice == ThemeChoice::system && session_.value(QStringLiteral("desktop_dark"), false).toBool());
  applyTheme(*qApp, dark ? Theme::darkened() : Theme::light());
  if (choice == ThemeChoice::system) desktop_.ask();
}

void MainWindow::say(const QString& level, const QString& text, const QString& details) {
  tabs_->banner().setProperty("of", QString());
  tabs_->banner().say(level, text, details);
  if (level == QLatin1String("info"))
    QTimer::singleShot(6000, this, [this, text] {
      if (tabs_->banner().text() == text) tabs_->banner().hide();
    });
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

void MainWindow::setSidesFor(int width) {
  if (!sideAsked_) right_->setVisible(width >= sideFrom);
  left_->setVisible(width >= withoutLeft);
}

void MainWindow::resizeEvent(QResizeEvent* event) {
  QMainWindow::resizeEvent(event);
  // At 1280 x 720 the right side goes first; it comes back when it is asked for.
  if ((event->oldSize().width() >= sideFrom) != (event->size().width() >= sideFrom) || !event->oldSize().isValid())
    setSidesFor(event->size().width());
  session_.set(QStringLiteral("geometry"), saveGeometry());
}

void MainWindow::moveEvent(QMoveEvent* event) {
  QMainWindow::moveEvent(event);
  session_.set(QStringLiteral("geometry"), saveGeometry());
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
  if (event->mimeData()->hasUrls() && event->mimeData()->urls().first().isLocalFile()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
  take(event->mimeData()->urls().first().toLocalFile());
}

void MainWindow::take(const QString& path) {
  if (QFileInfo::exists(path + QStringLiteral("/study.sqlite"))) return openStudy(path);
  if (!QFileInfo(path).isDir())
    return say(QStringLiteral("warning"),
               tr("%1 is no folder. Drop a study, a model, or a folder of text with one folder a domain.").arg(path));
  if (QFileInfo::exists(path + QStringLiteral("/config.json"))) return openModel(path);
  if (workbench_.engine.study().isEmpty())
    return say(QStringLiteral("warning"),
               tr("Make or open a study first (File menu); then the text in %1 can be imported.").arg(path));
  openForm("corpus.import", {{"path", path.toStdString()}});
}

bool MainWindow::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::MouseButtonPress && watched->objectName() == QLatin1String("search")) {
    palette_->open();
    return true;
  }
  return QMainWindow::eventFilter(watched, event);
}

}  // namespace moescope
