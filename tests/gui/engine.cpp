// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/engine.h"

#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "views/job_model.h"
#include "views/live_runs.h"

using namespace moescope;

namespace {

QString fake(const QTemporaryDir& folder, const Json& script) {
  const QString file = folder.filePath("script.json");
  QFile out(file);
  if (!out.open(QIODevice::WriteOnly)) return {};
  out.write(QByteArray::fromStdString(script.dump()));
  return QStringLiteral("python3 -B \"%1/tests/gui/fake_serve.py\" \"%2\"")
      .arg(QStringLiteral(MOESCOPE_SOURCE_DIR), file);
}

std::vector<Json> got(const QTemporaryDir& folder) {
  std::vector<Json> messages;
  QFile in(folder.filePath("script.json.got"));
  if (in.open(QIODevice::ReadOnly))
    while (!in.atEnd()) messages.push_back(Json::parse(in.readLine().toStdString()));
  return messages;
}

}  // namespace

class EngineTest : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void greetsThenAsksForOperationsAndRows() {
    QTemporaryDir folder;
    EngineClient engine;
    engine.setCommand(
        fake(folder, {{"rows", {{{"id", "abc"}, {"kind", "corpus"}, {"names", {"text"}}, {"state", "present"}}}}}));
    std::vector<StudyRow> rows;
    connect(&engine, &EngineClient::rowsArrived, this, [&](const std::vector<StudyRow>& arrived) { rows = arrived; });
    engine.open("/nowhere/study");
    QTRY_COMPARE_WITH_TIMEOUT(rows.size(), std::size_t(1), 10000);
    QCOMPARE(rows[0].artifact.names.front(), std::string("text"));
    const auto messages = got(folder);
    QCOMPARE(canonical(messages[0]["type"]), canonical(Json("hello")));
    QCOMPARE(canonical(messages[0]["study"]), canonical(Json("/nowhere/study")));
    for (std::size_t i = 1; i < messages.size(); ++i)
      QVERIFY(messages[i]["seq"].get<int>() > messages[i - 1]["seq"].get<int>());
  }

  void aJobGoesFromSubmittedToDone() {
    QTemporaryDir folder;
    EngineClient engine;
    JobModel jobs(engine);
    engine.setCommand(fake(folder, {{"outputs", {{"load.balance", {{"result", {{"id", "r1"}}}}}}}}));
    QSignalSpy greeted(&engine, &EngineClient::greeted);
    engine.open("/nowhere/study");
    QTRY_COMPARE_WITH_TIMEOUT(greeted.size(), 1, 10000);
    const QString job = engine.submit({"load.balance", {{"trace", {"t1"}}}, {{"draws", 10}}, "lb", "Load", false});
    QTRY_VERIFY_WITH_TIMEOUT(jobs.find(job)->state == JobLine::State::done, 10000);
    QCOMPARE(canonical(jobs.find(job)->outputs["result"]["id"]), canonical(Json("r1")));
    Json sent;
    for (const Json& message : got(folder))
      if (message["type"] == "submit") sent = message;
    QCOMPARE(canonical(sent["request"]["in"]["trace"]), canonical(Json({"t1"})));
    QCOMPARE(canonical(sent["request"]["set"]["draws"]), canonical(Json(10)));
    QCOMPARE(canonical(sent["view"]), canonical(Json("Load")));
    QCOMPARE(canonical(sent["keep"]), canonical(Json(false)));
  }

  void aFailureKeepsItsMessage() {
    QTemporaryDir folder;
    EngineClient engine;
    JobModel jobs(engine);
    engine.setCommand(fake(
        folder,
        {{"errors", {{"load.balance", {{"kind", "input"}, {"message", "the trace is damaged"}, {"file", "t.h5"}}}}}}));
    QSignalSpy greeted(&engine, &EngineClient::greeted);
    engine.open("/nowhere/study");
    QTRY_COMPARE_WITH_TIMEOUT(greeted.size(), 1, 10000);
    const QString job = engine.submit({"load.balance"});
    QTRY_VERIFY_WITH_TIMEOUT(jobs.find(job)->state == JobLine::State::failed, 10000);
    QVERIFY(JobModel::words(*jobs.find(job)).contains("the trace is damaged"));
    QCOMPARE(jobs.find(job)->error.file, std::string("t.h5"));
  }

  void deathIsToldAndTheEngineComesBack() {
    QTemporaryDir folder;
    EngineClient engine;
    JobModel jobs(engine);
    engine.setCommand(
        fake(folder, {{"die_on", {"submit"}}, {"outputs", {{"load.balance", {{"result", {{"id", "r1"}}}}}}}}));
    QSignalSpy greeted(&engine, &EngineClient::greeted), lost(&engine, &EngineClient::lost);
    engine.open("/nowhere/study");
    QTRY_COMPARE_WITH_TIMEOUT(greeted.size(), 1, 10000);
    const QString job = engine.submit({"load.balance"});
    QTRY_COMPARE_WITH_TIMEOUT(lost.size(), 1, 10000);
    QVERIFY(lost[0][0].toString().contains("code 9"));
    QVERIFY(lost[0][1].toString().contains("dying as told"));
    QTRY_COMPARE_WITH_TIMEOUT(greeted.size(), 2, 10000);
    QVERIFY(jobs.find(job)->state == JobLine::State::failed);
    const QString again = engine.submit({"load.balance"});
    QTRY_VERIFY_WITH_TIMEOUT(jobs.find(again)->state == JobLine::State::done, 10000);
  }

  void aCommandThatIsNotThereIsNamed() {
    EngineClient engine;
    engine.setCommand("/nowhere/moescope-cli serve");
    QSignalSpy lost(&engine, &EngineClient::lost);
    engine.open("/nowhere/study");
    QTRY_COMPARE_WITH_TIMEOUT(lost.size(), 1, 10000);
    QVERIFY(lost[0][0].toString().contains("/nowhere/moescope-cli"));
    const QString job = engine.submit({"load.balance"});
    QVERIFY(!job.isEmpty());
  }

  void garbageIsLoggedAndWhatFollowsIsRead() {
    QTemporaryDir folder;
    EngineClient engine;
    engine.setCommand(
        fake(folder, {{"say", {{"operations", {"this is no message", "[1,2", "{\"type\":\"never heard of\"}"}}}}}));
    QSignalSpy logged(&engine, &EngineClient::logged), rows(&engine, &EngineClient::rowsArrived);
    engine.open("/nowhere/study");
    QTRY_VERIFY_WITH_TIMEOUT(rows.size() >= 1, 10000);
    QTRY_VERIFY_WITH_TIMEOUT(logged.size() >= 2, 10000);
    QVERIFY(engine.connected());
  }

  void jobsFoundRunningAreFollowed() {
    QTemporaryDir folder;
    EngineClient engine;
    JobModel jobs(engine);
    LiveRuns live;
    connect(&engine, &EngineClient::metricsArrived, &live, &LiveRuns::take);
    const Json metrics{{"type", "metrics"},       {"job", "other-1"},
                       {"names", {"loss", "cv"}}, {"shapes", {Json::array(), {2}}},
                       {"steps", {1, 2}},         {"values", {{2.5, nullptr}, {{0.1, 0.2}, {0.3, 0.4}}}}};
    engine.setCommand(fake(folder, {{"jobs", {{{"job", "other-1"}, {"operation", "train.lm"}, {"state", "running"}}}},
                                    {"say", {{"attach", {metrics}}}}}));
    engine.open("/nowhere/study");
    QTRY_VERIFY_WITH_TIMEOUT(live.find("other-1") != nullptr, 10000);
    const RunSeries& run = *live.find("other-1");
    QCOMPARE(run.step, (std::vector<std::int64_t>{1, 2}));
    QCOMPARE(run.metrics.at("loss").values[0], 2.5);
    QVERIFY(std::isnan(run.metrics.at("loss").values[1]));
    QCOMPARE(run.metrics.at("cv").values, (std::vector<double>{0.1, 0.2, 0.3, 0.4}));
    QVERIFY(jobs.find("other-1") != nullptr && jobs.find("other-1")->active());
  }

  void jobsThatStartLaterElsewhereAreFollowed() {
    QTemporaryDir folder;
    EngineClient engine;
    JobModel jobs(engine);
    const auto running = [](const char* job, bool keep) {
      return Json{{"type", "progress"}, {"job", job},       {"operation", "train.lm"},
                  {"state", "running"}, {"fraction", 0.25}, {"stage", "training"},
                  {"eta", 60},          {"keep", keep},     {"names", {{"model", "toy"}}}};
    };
    const QString command =
        fake(folder, {{"say", {{"rows", {running("other-2", true), running("preview-1", false)}}}}});
    engine.setCommand(command);
    engine.open("/nowhere/study");
    QTRY_VERIFY_WITH_TIMEOUT(jobs.find("other-2") != nullptr, 10000);
    QCOMPARE(jobs.find("other-2")->order.name, QString("toy"));
    QCOMPARE(jobs.find("other-2")->fraction, 0.25);
    QVERIFY(jobs.find("preview-1") == nullptr);
  }

  void stepsSentTwiceCountOnceAndLateMetricsAreNotANumberBefore() {
    RunSeries run;
    append(run, {{}, {"loss"}, {{}}, {1, 2}, {{3.0, 2.0}}});
    append(run, {{}, {"loss", "validation_loss"}, {{}, {}}, {2, 3}, {{2.0, 1.0}, {9.0, 8.0}}});
    QCOMPARE(run.step, (std::vector<std::int64_t>{1, 2, 3}));
    QCOMPARE(run.metrics.at("loss").values, (std::vector<double>{3, 2, 1}));
    append(run, {{}, {"loss"}, {{}}, {0}, {{4.0}}});
    QCOMPARE(run.step.front(), std::int64_t(0));
    QCOMPARE(run.metrics.at("loss").values, (std::vector<double>{4, 3, 2, 1}));
    QVERIFY(std::isnan(run.metrics.at("validation_loss").values[1]));
    QCOMPARE(run.metrics.at("validation_loss").values[2], 9.0);
  }
};

QTEST_GUILESS_MAIN(EngineTest)
#include "engine.moc"
