// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/analysis_side.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "views/elided_label.h"
#include "views/fact_list.h"
#include "views/icon_button.h"
#include "views/parameter_field.h"
#include "views/parameter_form.h"
#include "views/theme.h"

namespace moescope {
namespace {

constexpr int mostFacts = 6;

QString withUnit(double value, const std::string& unit) {
  const QString text = QString::fromStdString(number(value));
  if (unit.empty()) return text;
  QString words = QString::fromStdString(unit);
  if (words.startsWith(QLatin1String("x "))) words[0] = QChar(0x00d7);
  return QString(text + QLatin1Char(' ') + words);
}

Fact factOf(const Value& value, const Array& array, std::size_t at, std::size_t row, std::size_t experts) {
  QString text = withUnit(array.values[at], array.unit);
  if (array.low.size() == array.values.size() && !std::isnan(array.low[at]))
    text += QStringLiteral(" [%1, %2]")
                .arg(QString::fromStdString(number(array.low[at])), QString::fromStdString(number(array.high[at])));
  std::size_t above = 0, known = 0;
  for (std::size_t e = 0; e < experts; ++e) {
    const double other = array.values[row * experts + e];
    if (std::isnan(other)) continue;
    ++known;
    above += other > array.values[at] ? 1 : 0;
  }
  QString help = QString::fromStdString(array.help);
  if (!help.isEmpty()) help += QLatin1Char('\n');
  help += FactList::tr("rank %1 of %2 in the layer").arg(above + 1).arg(known);
  return {plainName(value.name), text, help};
}

}  // namespace

QList<Fact> factsAt(const Result& result, std::int64_t layer, std::int64_t expert) {
  QList<Fact> facts;
  const Axis* layers = result.axis("layer");
  const Axis* experts = result.axis("expert");
  if (layers == nullptr || experts == nullptr || layer < 0 || expert < 0) return facts;
  const std::size_t rows = layers->labels.size(), columns = experts->labels.size();
  const auto l = static_cast<std::size_t>(layer), e = static_cast<std::size_t>(expert);
  if (l >= rows || e >= columns) return facts;
  bool ranked = false;
  for (const Value& value : result.values) {
    const auto* array = std::get_if<Array>(&value.content);
    if (array == nullptr || facts.size() >= mostFacts) continue;
    if (array->axes == std::vector<std::string>{"layer", "expert"} && array->values.size() == rows * columns) {
      facts.append(factOf(value, *array, l * columns + e, l, columns));
      if (ranked) continue;
      ranked = true;
      std::size_t above = 0, known = 0;
      for (std::size_t other = 0; other < columns; ++other) {
        const double v = array->values[l * columns + other];
        if (!std::isnan(v)) ++known, above += v > array->values[l * columns + e] ? 1 : 0;
      }
      facts.append({FactList::tr("Rank in layer"), FactList::tr("%1 of %2").arg(above + 1).arg(known)});
    }
    if (array->axes.size() == 3 && array->axes[0] == "layer" && array->axes[2] == "expert" && value.name == "lift") {
      const Axis* middle = result.axis(array->axes[1]);
      if (middle == nullptr || array->values.size() != rows * middle->labels.size() * columns) continue;
      std::size_t best = 0;
      const auto at = [&](std::size_t m) { return array->values[(l * middle->labels.size() + m) * columns + e]; };
      for (std::size_t m = 1; m < middle->labels.size(); ++m)
        if (at(m) > at(best)) best = m;
      facts.append({FactList::tr("Top %1").arg(QString::fromStdString(array->axes[1])),
                    FactList::tr("%1, %2 %3")
                        .arg(QString::fromStdString(middle->labels[best]), plainName(value.name).toLower(),
                             QString::fromStdString(number(at(best)))),
                    QString::fromStdString(array->help)});
    }
  }
  return facts;
}

AnalysisSide::AnalysisSide(Workbench& workbench, const QString& page, QWidget* parent)
    : QWidget(parent),
      workbench_(workbench),
      page_(page),
      facts_(new FactList),
      operation_(new ChoiceBox),
      form_(new ParameterForm(workbench.tree)),
      layer_(roleLabel("value")) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(Measures::padding, 12, Measures::padding, 12);
  layout->setSpacing(4);
  auto* title = roleLabel<ElidedLabel>("section", tr("Selection"));
  title->setMinimumHeight(22);
  layout->addWidget(title);
  auto* row = new QHBoxLayout;
  row->setSpacing(2);
  row->addWidget(roleLabel("muted", tr("Layer")), 1);
  auto* before = new IconButton(Glyph::left, tr("Layer before ([)"));
  auto* after = new IconButton(Glyph::right, tr("Layer after (])"));
  connect(before, &QToolButton::clicked, this, [this] { workbench_.selection.stepLayer(-1); });
  connect(after, &QToolButton::clicked, this, [this] { workbench_.selection.stepLayer(1); });
  row->addWidget(before);
  row->addWidget(layer_);
  row->addWidget(after);
  layout->addLayout(row);
  layout->addWidget(facts_);
  layout->addSpacing(10);
  operation_->setAccessibleName(tr("Analysis"));
  layout->addWidget(operation_);
  layout->addWidget(form_);
  layout->addStretch(1);
  connect(operation_, &QComboBox::activated, this, [this] {
    operation_->setProperty("chosen", true);
    showForm();
  });
  connect(form_, &ParameterForm::runAsked, this, &AnalysisSide::runAsked);
  connect(&workbench_.selection, &Selection::changed, this, &AnalysisSide::showFacts);
  connect(&workbench_.selection, &Selection::artifactChanged, this, [this](const QString& id) {
    form_->follow(id);
    showFacts();
  });
  connect(&workbench_, &Workbench::operationsChanged, this, &AnalysisSide::fillOperations);
  fillOperations();
  showFacts();
}

void AnalysisSide::setResults(std::vector<std::shared_ptr<const Result>> results) {
  results_ = std::move(results);
  showFacts();
}

void AnalysisSide::fillOperations() {
  const QString before = operation_->currentData().toString();
  operation_->clear();
  for (const Description* operation : workbench_.operationsOf(page_))
    operation_->addItem(QString::fromStdString(operation->title), QString::fromStdString(operation->id));
  int at = operation_->property("chosen").toBool() ? operation_->findData(before) : -1;
  // The page's figures first: what they come from is most often what is set.
  for (int first = 0; at < 0 && first < operation_->count(); ++first)
    if (const Description* operation = workbench_.operation(operation_->itemData(first).toString().toStdString());
        operation != nullptr && !operation->figures.empty())
      at = first;
  if (at >= 0) operation_->setCurrentIndex(at);
  operation_->setVisible(operation_->count() > 1);
  showForm();
}

void AnalysisSide::showForm() {
  const std::string id = operation_->currentData().toString().toStdString();
  const Description* operation = workbench_.operation(id);
  form_->setVisible(operation != nullptr);
  if (operation == nullptr || id == shownForm_) return;
  shownForm_ = id;
  form_->setOperation(*operation, workbench_.selection.artifact());
}

void AnalysisSide::showFacts() {
  const Selection& selection = workbench_.selection;
  layer_->setText(selection.layers() > 0 ? tr("%1 of 0–%2").arg(selection.layer()).arg(selection.layers() - 1)
                                         : QString::number(selection.layer()));
  QList<Fact> facts;
  const auto add = [&](Kind kind, const QString& name) {
    if (const StudyRow* row = workbench_.tree.related(selection.artifact(), kind))
      facts.append({name, workbench_.tree.title(QString::fromStdString(row->artifact.id))});
  };
  add(Kind::model, tr("Model"));
  add(Kind::trace, tr("Trace"));
  const auto& experts = selection.on("expert");
  if (experts.empty()) {
    facts.append({tr("Expert"), tr("none; click one")});
  } else {
    QStringList names;
    for (std::int64_t expert : experts) names << QString::number(expert);
    facts.append({experts.size() == 1 ? tr("Expert") : tr("Experts"), names.join(QStringLiteral(", "))});
    if (experts.size() == 1)
      for (const auto& result : results_)
        for (const Fact& fact : factsAt(*result, selection.layer(), *experts.begin()))
          if (std::none_of(facts.begin(), facts.end(), [&](const Fact& other) { return other.name == fact.name; }))
            facts.append(fact);
  }
  facts_->setFacts(facts);
}

}  // namespace moescope
