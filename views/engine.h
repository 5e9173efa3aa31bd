// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QMap>
#include <QObject>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTimer>
#include <functional>
#include <vector>

#include "core/operation/operation.h"
#include "views/engine_message.h"
#include "views/study_row.h"

namespace moescope {

// What the window asks to be run.
struct Order {
  std::string operation;
  std::map<std::string, std::vector<std::string>> inputs;  // ids by port
  Json set = Json::object();
  QString name;      // for the first output; empty = none
  QString view;      // the latest order of a view withdraws the one before; empty = none
  bool keep = true;  // false: a preview, in scratch
};

// A job that was there before this window (from `hello`).
struct KnownJob {
  QString job, operation, state, name;
  Json inputs = Json::object();  // ids by port; empty when the supervisor does not say
  Json set = Json::object();
  bool keep = true;
};

// The supervisor as the window sees it: one child process that speaks JSON lines (contract section 6). GUI thread;
// nothing waits. When it dies, `lost` says why, and it is started again after 0.5, 1, 2 ... 30 s; jobs go on without
// it.
class EngineClient : public QObject {
  Q_OBJECT
 public:
  explicit EngineClient(QObject* parent = nullptr);
  ~EngineClient() override;

  // An empty command means `moescope-cli serve` beside this program.
  void setCommand(const QString& command);
  void open(const QString& study);
  void close();
  bool connected() const { return greeted_; }
  const QString& study() const { return study_; }

  QString submit(const Order& order);  // gives the job's name
  void cancel(const QString& job);
  void sendEvent(const QString& job, const Json& event);  // {"snapshot":true}, {"pause":true}, {"set":{...}}
  void attach(const QString& job, std::int64_t fromStep);
  void edit(const Json& change);
  void askRows();
  void get(const QString& id);

 Q_SIGNALS:
  void greeted(const moescope::Json& devices, const std::vector<moescope::KnownJob>& jobs);
  void lost(const QString& what, const QString& details, int secondsToNextTry);
  void operationsArrived(const std::vector<moescope::Description>& operations);
  void rowsArrived(const std::vector<moescope::StudyRow>& rows, bool complete);
  void submitted(const QString& job, const moescope::Order& order);
  void accepted(const QString& job);
  void seen(const moescope::KnownJob& job);  // one that runs in this study, of whomever
  void progressed(const QString& job, double fraction, const QString& stage, double secondsLeft);
  void metricsArrived(const moescope::MetricsBatch& batch);
  void artifactArrived(const QString& job, const QString& port, const QString& id, bool final);
  void finished(const QString& job, const moescope::Json& outputs);
  void failed(const QString& job, const moescope::Error& error);
  void withdrawn(const QString& job);
  void edited(const moescope::Json& message);
  void refused(const moescope::Error& error);  // an answer that belongs to no job
  void logged(const QString& job, const QString& level, const QString& text);
  void partArrived(const QString& id, const QString& path, qint64 offset, qint64 total, const QByteArray& bytes);

 private:
  void start();
  void send(Json message);
  void read();
  bool takeMessage();
  void dispatch(const Json& message, const QByteArray& bytes);
  void dispatchJob(const std::string& type, const Json& message);
  void takeRows(const Json& message);
  void takeOperations(const Json& message);
  void greet(const Json& message);
  void keepErrors();
  void died(const QString& what);

  QStringList command_;
  QString study_;
  QProcess* process_ = nullptr;
  QByteArray input_, errors_;
  Json pending_;  // a message that waits for its bytes
  qint64 pendingBytes_ = -1;
  std::int64_t seq_ = 0, revision_ = 0, jobs_ = 0;
  std::vector<Description> operations_;  // of a list that comes in parts
  QMap<qint64, QString> jobBySeq_;
  bool greeted_ = false, rowsAsked_ = false;
  int failures_ = 0;
  QTimer again_;
};

}  // namespace moescope
