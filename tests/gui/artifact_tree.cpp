// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/artifact_tree.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QTest>

using namespace moescope;

namespace {

std::string idOf(char digit) {
  return std::string(64, digit);
}

StudyRow row(char digit, const char* kind, const char* name, std::vector<std::string> inputs = {},
             const char* request = "") {
  Json json{{"id", idOf(digit)},  {"kind", kind},     {"names", Json::array()},
            {"state", "present"}, {"inputs", inputs}, {"request_digest", request}};
  if (*name != 0) json["names"].push_back(name);
  return *studyRowFromJson(json);
}

}  // namespace

class ArtifactTreeTest : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void init() {
    tree_ = std::make_unique<ArtifactTree>();
    tester_ =
        std::make_unique<QAbstractItemModelTester>(tree_.get(), QAbstractItemModelTester::FailureReportingMode::QtTest);
  }
  void cleanup() {
    tester_.reset();
    tree_.reset();
  }

  void lineageIsTheTree() {
    tree_->take({row('a', "corpus", "text"), row('b', "run", "toy.run", {idOf('a')}, "r"),
                 row('c', "model", "toy", {idOf('a')}, "r"), row('d', "trace", "toy on text", {idOf('c'), idOf('a')}),
                 row('e', "result", "lb", {idOf('d')})});
    QCOMPARE(tree_->rowCount(), 1);
    QStringList names;
    for (QModelIndex at = tree_->index(0, 0); at.isValid(); at = tree_->index(0, 0, at)) names << at.data().toString();
    QCOMPARE(names, (QStringList{"text", "toy.run", "toy", "toy on text", "lb"}));
  }

  void aSnapshotMovesBelowItsRunOnceThatIsThere() {
    tree_->take({row('a', "corpus", "text"), row('c', "model", "early", {idOf('a')}, "r")});
    QCOMPARE(tree_->parent(tree_->indexOf(QString(64, 'c'))), tree_->indexOf(QString(64, 'a')));
    QSignalSpy moved(tree_.get(), &QAbstractItemModel::rowsMoved);
    tree_->take({row('b', "run", "", {idOf('a')}, "r")});
    QCOMPARE(tree_->parent(tree_->indexOf(QString(64, 'c'))), tree_->indexOf(QString(64, 'b')));
    QCOMPARE(moved.size(), 1);
  }

  void deletingTheMiddleHandsItsChildrenUpAndUndoBringsItBack() {
    tree_->take({row('a', "corpus", "text"), row('c', "model", "toy", {idOf('a')}),
                 row('d', "trace", "t", {idOf('c'), idOf('a')})});
    StudyRow gone = row('c', "model", "toy", {idOf('a')});
    gone.artifact.state = ArtifactState::deleted;
    tree_->take({gone});
    QVERIFY(!tree_->indexOf(QString(64, 'c')).isValid());
    QCOMPARE(tree_->parent(tree_->indexOf(QString(64, 'd'))), tree_->indexOf(QString(64, 'a')));
    tree_->take({row('c', "model", "toy", {idOf('a')})});
    QCOMPARE(tree_->parent(tree_->indexOf(QString(64, 'd'))), tree_->indexOf(QString(64, 'c')));
  }

  void rowsThatNameEachOtherMakeNoLoop() {
    tree_->take({row('a', "result", "one", {idOf('b')}), row('b', "result", "two", {idOf('a')}),
                 row('c', "result", "self", {idOf('c')})});
    QVERIFY(tree_->indexOf(QString(64, 'a')).isValid());
    QVERIFY(tree_->indexOf(QString(64, 'b')).isValid());
    QVERIFY(tree_->indexOf(QString(64, 'c')).isValid());
  }

  void aRunningJobHasItsPlaceAndLeavesIt() {
    tree_->take({row('a', "corpus", "text")});
    tree_->setLive("w-1", Kind::run, "toy · training", "step 3", {idOf('a')});
    const QModelIndex live = tree_->indexOf("job:w-1");
    QCOMPARE(tree_->parent(live), tree_->indexOf(QString(64, 'a')));
    QCOMPARE(live.data(ArtifactTree::FactRole).toString(), QString("step 3"));
    QVERIFY(live.data(ArtifactTree::LiveRole).toBool());
    tree_->endLive("w-1");
    QVERIFY(!tree_->indexOf("job:w-1").isValid());
    QCOMPARE(tree_->rowCount(tree_->index(0, 0)), 0);
  }

  void theRelatedArtifactIsTheNearestAboveElseTheNewestBelow() {
    tree_->take({row('a', "corpus", "text"), row('c', "model", "toy", {idOf('a')}),
                 row('d', "trace", "older", {idOf('c')}), row('e', "trace", "newer", {idOf('c')}),
                 row('f', "result", "lb", {idOf('d')})});
    QCOMPARE(tree_->related(QString(64, 'f'), Kind::trace)->artifact.id, idOf('d'));
    QCOMPARE(tree_->related(QString(64, 'a'), Kind::trace)->artifact.id, idOf('e'));
    QCOMPARE(tree_->related(QString(64, 'd'), Kind::model)->artifact.id, idOf('c'));
    QVERIFY(tree_->related(QString(64, 'f'), Kind::plan) == nullptr);
  }

  void aNameShowsOnlyOnceTheStudyHasIt() {
    tree_->take({row('a', "corpus", "text")});
    QSignalSpy asked(tree_.get(), &ArtifactTree::renameAsked);
    QVERIFY(!tree_->setData(tree_->index(0, 0), "words", Qt::EditRole));
    QCOMPARE(asked.size(), 1);
    QCOMPARE(tree_->index(0, 0).data().toString(), QString("text"));
    tree_->take({row('a', "corpus", "words")});
    QCOMPARE(tree_->index(0, 0).data().toString(), QString("words"));
  }

  void smallFactsAreShort() {
    StudyRow corpus = row('a', "corpus", "text");
    corpus.artifact.bytes = 3100000;
    QCOMPARE(smallFact(corpus), QString("3.1 MB"));
    StudyRow model = row('c', "model", "toy");
    model.summary = {{"experts", 8}};
    QCOMPARE(smallFact(model), QString("8 experts"));
    StudyRow trace = row('d', "trace", "t");
    trace.summary = {{"tokens", 412345}};
    QCOMPARE(smallFact(trace), QString("412 k"));
    QCOMPARE(inTime(80), QString("1 min 20 s"));
    QCOMPARE(inTime(7500), QString("2 h 5 min"));
    QCOMPARE(inBytes(999), QString("999 bytes"));
    QCOMPARE(inCount(30532000000.0), QString("30.5 B"));
  }

  void aRowOfNoKindIsRefusedAndForeignTypesDoNoHarm() {
    QVERIFY(!studyRowFromJson(Json{{"id", "x"}, {"kind", "spoon"}}));
    QVERIFY(!studyRowFromJson(Json::array()));
    const auto odd = studyRowFromJson(Json{{"id", "x"},
                                           {"kind", "model"},
                                           {"names", 7},
                                           {"summary", "no json"},
                                           {"bytes", "many"},
                                           {"inputs", {{"p", {"a", 3}}}}});
    QVERIFY(odd.has_value());
    QCOMPARE(odd->inputs, std::vector<std::string>{"a"});
  }

 private:
  std::unique_ptr<ArtifactTree> tree_;
  std::unique_ptr<QAbstractItemModelTester> tester_;
};

QTEST_MAIN(ArtifactTreeTest)
#include "artifact_tree.moc"
