// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/overview_page.h"

#include <QDateTime>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

#include "views/elided_label.h"
#include "views/fact_list.h"
#include "views/figure_panel.h"
#include "views/pages/model_panels.h"
#include "views/pages/overview_side.h"
#include "views/parameter_field.h"

namespace moescope {
namespace {

QString kindWord(Kind kind) {
  const std::string_view word = name(kind);
  return QString::fromUtf8(word.data(), static_cast<qsizetype>(word.size()));
}

QWidget* scrolled(QWidget* content) {
  auto* area = new QScrollArea;
  area->setWidgetResizable(true);
  area->setWidget(content);
  area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  content->setAutoFillBackground(false);
  area->viewport()->setAutoFillBackground(false);
  return area;
}

QWidget* onTop(QWidget* content) {
  auto* holder = new QWidget;
  auto* layout = new QVBoxLayout(holder);
  layout->setContentsMargins(0, 0, 8, 0);
  layout->addWidget(content);
  layout->addStretch(1);
  return scrolled(holder);
}

QString localTime(const std::string& utc) {
  QDateTime time = QDateTime::fromString(QString::fromStdString(utc), Qt::ISODate);
  return time.isValid() ? time.toLocalTime().toString(QStringLiteral("yyyy-MM-dd hh:mm")) : QString::fromStdString(utc);
}

// A fact of the summary as a reader wants it: large numbers shortened, small lists written out.
void addFact(QList<Fact>& facts, const std::string& key, const Json& value) {
  if (key == "title") return;
  if (value.is_number()) {
    const double number = value.get<double>();
    facts.append({plainName(key), key.find("bytes") != std::string::npos ? inBytes(number)
                                  : value.is_number_integer()            ? inCount(number)
                                                              : QString::fromStdString(moescope::number(number))});
  } else if (value.is_object()) {
    for (const auto& [inner, part] : value.items())
      if (part.is_primitive())
        facts.append({plainName(key) + QStringLiteral(", ") + QString::fromStdString(inner), inWords(part)});
  } else {
    const QString words = inWords(value);
    if (!words.isEmpty()) facts.append({plainName(key), words});
  }
}

}  // namespace

OverviewPage::OverviewPage(Workbench& workbench, QWidget* parent)
    : Page(tr("Overview"), workbench, parent),
      grid_(new PanelGrid),
      model_(new ModelPanels(workbench, this)),
      what_(new Panel),
      origin_(new Panel(tr("Where it came from"))),
      next_(new Panel(tr("What can be done next"))),
      whatFacts_(new FactList),
      originFacts_(new FactList),
      nextRows_(new QVBoxLayout) {
  what_->setContent(onTop(whatFacts_));
  origin_->setContent(onTop(originFacts_));
  auto* rows = new QWidget;
  rows->setLayout(nextRows_);
  nextRows_->setContentsMargins(0, 0, 0, 0);
  nextRows_->setSpacing(8);
  next_->setContent(onTop(rows));
  setBody(grid_->scrolled());
  connect(&workbench_.reader, &ResultReader::resultRead, this,
          [this](const QString& id, const std::shared_ptr<const Result>& result) {
            if (id != resultId_ || !figures_.isEmpty()) return;
            const StudyRow* row = workbench_.tree.row(id);
            const Description* operation = row == nullptr ? nullptr : workbench_.operation(row->artifact.operation);
            for (const Figure& figure : result->figures) {
              if (!figures_.isEmpty()) break;
              FigurePanel* panel = figurePanel(workbench_, id, result, figure, operation);
              adopt(*panel);
              figures_.append(panel);
            }
            grid_->setPanels(QList<QWidget*>{what_, origin_, next_} + figures_);
          });
  connect(model_, &ModelPanels::modelReady, this, [this](const QList<QWidget*>& panels) { showModel(panels, {}); });
  connect(model_, &ModelPanels::tensorReady, this, [this](const QList<QWidget*>& panels) {
    QList<QWidget*> kept = figures_;
    for (QWidget* panel : std::as_const(tensor_)) kept.removeOne(panel);
    showModel(kept, panels);
  });
  connect(model_, &ModelPanels::failed, this, [this](const Error& error) {
    setWaiting(false);
    say(error);
  });
}

OverviewPage::~OverviewPage() {
  for (QWidget* panel : {static_cast<QWidget*>(what_), static_cast<QWidget*>(origin_), static_cast<QWidget*>(next_)})
    if (panel->parent() == nullptr) delete panel;  // was never on the grid
}

// The picture of a model; below its tensors, the numbers of the one that was chosen.
void OverviewPage::showModel(const QList<QWidget*>& model, const QList<QWidget*>& tensor) {
  for (QWidget* panel : model + tensor)
    if (!figures_.contains(panel)) adopt(*qobject_cast<FigurePanel*>(panel));
  tensor_ = tensor;
  figures_ = model + tensor;
  QList<QWidget*> all{what_, next_};
  all += figures_;
  // Beside the small ones; the list of tensors and what follows from it stay together.
  const auto wide =
      std::find_if(all.begin(), all.end(), [](QWidget* panel) { return panel->property("wide").toBool(); });
  all.insert(wide, origin_);
  grid_->setPanels(all);
  setWaiting(false);
}

void OverviewPage::adopt(FigurePanel& panel) {
  connect(&panel, &FigurePanel::failed, this, &OverviewPage::say);
  connect(&panel, &FigurePanel::keepAsked, &workbench_.figures, &FigureList::add);
}

bool OverviewPage::idle() const {
  return Page::idle() && !model_->waiting();
}

QWidget* OverviewPage::side() {
  if (side_ == nullptr) side_ = new OverviewSide(workbench_);
  return side_;
}

void OverviewPage::refresh() {
  const StudyRow* row = workbench_.tree.row(workbench_.selection.artifact());
  if (row == nullptr || workbench_.selectedJob() != nullptr) {
    model_->show({});
    if (const JobLine* job = workbench_.selectedJob(); job != nullptr)
      return showEmpty(tr("%1 is being made.").arg(workbench_.tree.title(workbench_.selection.artifact())),
                       tr("Watch it train"), [this] { Q_EMIT workbench_.pageAsked(QStringLiteral("Train")); });
    if (workbench_.tree.empty())
      return showEmpty(tr("This study is empty. It begins with text to train on and to route, one folder a domain."),
                       Kind::corpus);
    return showEmpty(tr("Choose something at the left to see what it is."), {}, {});
  }
  showBody();
  const QString kind = kindWord(row->artifact.kind);
  what_->setTitle(workbench_.tree.title(workbench_.selection.artifact()));
  what_->setCaption(row->artifact.bytes > 0
                        ? QString(kind + QStringLiteral(" · ") + inBytes(static_cast<double>(row->artifact.bytes)))
                        : kind);
  showFacts(*row);
  showOrigin(*row);
  showNext(*row);
  showFigure(*row);
}

void OverviewPage::showFacts(const StudyRow& row) {
  QList<Fact> facts;
  for (const auto& [key, value] : row.summary.items()) addFact(facts, key, value);
  facts.append({tr("Id"), QString::fromStdString(row.artifact.id)});
  facts.append({tr("Where"), workbench_.placeOf(QString::fromStdString(row.artifact.id), row.artifact.kind)});
  whatFacts_->setFacts(facts);
}

void OverviewPage::showOrigin(const StudyRow& row) {
  QList<Fact> facts;
  const Description* operation = workbench_.operation(row.artifact.operation);
  origin_->setCaption(operation != nullptr ? QString::fromStdString(operation->title + " · " + operation->id)
                                           : QString::fromStdString(row.artifact.operation));
  facts.append({tr("Made"), localTime(row.artifact.created)});
  for (const std::string& input : row.inputs) {
    const QString id = QString::fromStdString(input);
    const StudyRow* from = workbench_.tree.row(id);
    facts.append({from == nullptr ? tr("From") : tr("From %1").arg(kindWord(from->artifact.kind)),
                  from == nullptr ? id.left(12) : workbench_.tree.title(id)});
  }
  if (const auto set = row.request.find("set"); set != row.request.end() && set->is_object())
    for (const auto& [name, value] : set->items()) facts.append({plainName(name), inWords(value)});
  for (const auto& [key, value] : row.provenance.items()) {
    if (value.is_number() && (key == "seconds" || key == "duration")) {
      facts.append({tr("Took"), value.get<double>() < 1 ? tr("less than 1 s") : inTime(value.get<double>())});
    } else if (value.is_primitive()) {
      facts.append({plainName(key), inWords(value)});
    } else if (key == "resources" && value.is_object()) {
      // 0 stands for "as much as there is", which says nothing.
      for (const auto& [inner, part] : value.items())
        if (part != 0) facts.append({plainName(inner), inner == "memory" ? inBytes(part) : inWords(part)});
    }
  }
  originFacts_->setFacts(facts);
}

void OverviewPage::showNext(const StudyRow& row) {
  // Operations that take an artifact of this kind first; pages that show figures of it go as buttons to the page.
  QString key = QString::fromStdString(row.artifact.id);
  for (const Description& operation : workbench_.operations()) key += QString::fromStdString(operation.id);
  if (key == shownNext_) return;
  shownNext_ = key;
  while (QLayoutItem* item = nextRows_->takeAt(0)) {
    if (item->widget() != nullptr) item->widget()->deleteLater();
    delete item;
  }
  if (const Description* made = workbench_.operation(row.artifact.operation);
      row.artifact.kind == Kind::result && made != nullptr && !made->page.empty())
    addNext(tr("Show on %1").arg(QString::fromStdString(made->page)), tr("The page with the figures of this analysis"),
            {}, [this, page = QString::fromStdString(made->page)] { Q_EMIT workbench_.pageAsked(page); });
  for (const Description& operation : workbench_.operations()) {
    const bool takes = std::any_of(operation.in.begin(), operation.in.end(),
                                   [&](const Port& port) { return port.kind == row.artifact.kind && !port.optional; });
    const bool here = operation.interactive && operation.page == name().toStdString();  // shown by itself
    if (!takes || here) continue;
    const std::string first = operation.help.substr(0, operation.help.find(". "));
    const bool show = operation.interactive && !operation.page.empty();
    addNext(QString::fromStdString(operation.title), QString::fromStdString(first).simplified(),
            QString::fromStdString(operation.help),
            [this, show, id = operation.id, page = QString::fromStdString(operation.page)] {
              if (show) {
                Q_EMIT workbench_.pageAsked(page);
              } else {
                Q_EMIT workbench_.formAsked(id, Json::object());
              }
            });
  }
}

void OverviewPage::addNext(const QString& text, const QString& sentence, const QString& help,
                           std::function<void()> act) {
  auto* line = new QWidget;
  auto* layout = new QHBoxLayout(line);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(12);
  auto* button = new QPushButton(text);
  button->setMinimumWidth(170);
  button->setToolTip(help);
  auto* words = roleLabel<ElidedLabel>("muted", sentence);
  words->setMode(Qt::ElideRight);
  layout->addWidget(button);
  layout->addWidget(words, 1);
  nextRows_->addWidget(line);
  connect(button, &QPushButton::clicked, this, [act = std::move(act)] { act(); });
}

// A model shows what it is made of, a result its own figures; what is above it, those of the newest result that it led
// to.
void OverviewPage::showFigure(const StudyRow& row) {
  const QString own = QString::fromStdString(row.artifact.id);
  if (row.artifact.kind == Kind::model) {
    if (resultId_ == own && !grid_->panels().isEmpty()) return;
    resultId_ = own;
    figures_ = tensor_ = {};
    grid_->setPanels({what_, next_, origin_});
    quiet();
    model_->show(own);
    return setWaiting(model_->waiting());
  }
  model_->show({});
  const StudyRow* result = row.artifact.kind == Kind::result ? &row : workbench_.tree.related(own, Kind::result);
  const QString id = result == nullptr ? QString() : QString::fromStdString(result->artifact.id);
  if (id == resultId_ && !grid_->panels().isEmpty()) return;
  resultId_ = id;
  figures_ = tensor_ = {};
  grid_->setPanels({what_, origin_, next_});
  setWaiting(false);
  if (result != nullptr) workbench_.reader.readResult(id, workbench_.placeOf(id, Kind::result));
}

}  // namespace moescope
