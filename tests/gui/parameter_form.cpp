// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/parameter_form.h"

#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>

#include "views/artifact_tree.h"
#include "views/parameter_field.h"

using namespace moescope;

namespace {

Description description() {
  Description d;
  d.id = "train.lm";
  d.title = "Train a language model";
  d.in = {{"corpus", Kind::corpus}};
  d.out = {{"model", Kind::model}};
  d.parameters = {
      integer("layers", 4, 1, 128, "", "Blocks."),
      integer("top_k", 2, 1, 64, "", "Experts a token meets."),
      real("learning_rate", 1e-3, 0, 1, "", "Of the largest step."),
      choice("router", "softmax",
             {{"softmax", "Over the chosen."},
              {"noisy", "With noise.", {real("importance", 0.1, 0, 10, "", "Coefficient of the importance loss.")}}},
             "How experts are chosen."),
      flag("shared_gate", false, "A gate on the shared expert."),
      integer("seed", 0, 0, 1e9, "", "Of everything random."),
      list("domains", Json::array(), "Which domains; empty = all."),
      real("clip", 1, 0, 100, "", "Largest gradient norm.").secondary()};
  return d;
}

ParameterField* field(const QWidget& form, const QString& name) {
  for (ParameterField* one : form.findChildren<ParameterField*>())
    if (one->name() == name) return one;
  return nullptr;
}

QString wrongBeside(const ParameterField& field) {
  for (const QLabel* label : field.findChildren<QLabel*>(QString(), Qt::FindDirectChildrenOnly))
    if (label->property("role") == "wrong" && !label->isHidden()) return label->text();
  return {};
}

StudyRow corpus(const char* name) {
  return *studyRowFromJson({{"id", name}, {"kind", "corpus"}, {"names", {name}}, {"state", "present"}});
}

}  // namespace

class ParameterFormTest : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void init() {
    tree_ = std::make_unique<ArtifactTree>();
    tree_->take({corpus("one"), corpus("two")});
    form_ = std::make_unique<ParameterForm>(*tree_);
    form_->setOperation(description(), "one");
    form_->show();
  }
  void cleanup() {
    form_.reset();
    tree_.reset();
  }

  void fiveFieldsShowAndMoreOpensTheRest() {
    int shown = 0;
    for (ParameterField* one : form_->findChildren<ParameterField*>())
      if (one->isVisible()) ++shown;
    QCOMPARE(shown, 5);
    QVERIFY(!field(*form_, "clip")->isVisible());
    form_->findChild<QPushButton*>("more")->click();
    QVERIFY(field(*form_, "clip")->isVisible());
    QVERIFY(field(*form_, "seed")->isVisible());
  }

  void aWrongValueIsSaidBesideItsFieldWhileTyping() {
    ParameterField* layers = field(*form_, "layers");
    auto* line = layers->findChild<QLineEdit*>();
    QVERIFY(wrongBeside(*layers).isEmpty());
    line->selectAll();
    QTest::keyClicks(line, "999");
    QVERIFY2(wrongBeside(*layers).contains("layers") && wrongBeside(*layers).contains("128"),
             qPrintable(wrongBeside(*layers)));
    line->selectAll();
    QTest::keyClicks(line, "abc");
    QVERIFY(!wrongBeside(*layers).isEmpty());
    line->selectAll();
    QTest::keyClicks(line, "8");
    QVERIFY(wrongBeside(*layers).isEmpty());
  }

  void aWrongFormIsNotRun() {
    QSignalSpy run(form_.get(), &ParameterForm::runAsked);
    field(*form_, "layers")->findChild<QLineEdit*>()->setText("0");
    form_->findChild<QPushButton*>("run")->click();
    QCOMPARE(run.size(), 0);
    field(*form_, "layers")->findChild<QLineEdit*>()->setText("2");
    form_->findChild<QPushButton*>("run")->click();
    QCOMPARE(run.size(), 1);
  }

  void theOptionsParametersAppearWithTheOption() {
    ParameterField* importance = field(*form_, "noisy.importance");
    QVERIFY(importance != nullptr && !importance->isVisible());
    auto* router = field(*form_, "router")->findChild<QComboBox*>();
    router->setCurrentIndex(router->findData("noisy"));
    QVERIFY(importance->isVisible());
    importance->findChild<QLineEdit*>()->setText("0.5");
    const Order order = form_->order();
    QCOMPARE(canonical(order.set), canonical(Json({{"router", "noisy"}, {"noisy.importance", 0.5}})));
    router->setCurrentIndex(router->findData("softmax"));
    QVERIFY(!importance->isVisible());
    QCOMPARE(canonical(form_->order().set), canonical(Json::object()));
  }

  void onlyWhatDiffersFromTheDefaultsIsAsked() {
    QCOMPARE(canonical(form_->order().set), canonical(Json::object()));
    field(*form_, "top_k")->findChild<QLineEdit*>()->setText("1");
    QCOMPARE(canonical(form_->order().set), canonical(Json({{"top_k", 1}})));
  }

  void inputsAreTheArtifactsOfTheKindAndFollowTheSelection() {
    auto* box = form_->findChild<QComboBox*>("input corpus");
    QCOMPARE(box->count(), 2);
    QCOMPARE(form_->order().inputs.at("corpus"), std::vector<std::string>{"one"});
    form_->follow("two");
    QCOMPARE(form_->order().inputs.at("corpus"), std::vector<std::string>{"two"});
    tree_->take({corpus("three")});
    QCOMPARE(box->count(), 3);
    QCOMPARE(form_->order().inputs.at("corpus"), std::vector<std::string>{"two"});
  }

  void aNameThatTheStudyWouldRefuseIsSaid() {
    QSignalSpy run(form_.get(), &ParameterForm::runAsked);
    form_->findChildren<QLineEdit*>().last()->setText("no spaces");
    form_->findChild<QPushButton*>("run")->click();
    QCOMPARE(run.size(), 0);
  }

  void givenValuesAreFilledIn() {
    form_->setOperation(description(), "two",
                        {{"layers", 7}, {"router", "noisy"}, {"noisy.importance", 2}, {"clip", 3}});
    QCOMPARE(canonical(form_->order().set),
             canonical(Json({{"layers", 7}, {"router", "noisy"}, {"noisy.importance", 2.0}, {"clip", 3.0}})));
    QTRY_VERIFY2(field(*form_, "clip")->isVisible(), "a given value is never hidden");
  }

 private:
  std::unique_ptr<ArtifactTree> tree_;
  std::unique_ptr<ParameterForm> form_;
};

QTEST_MAIN(ParameterFormTest)
#include "parameter_form.moc"
