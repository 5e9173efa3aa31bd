// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <QThread>
#include <map>
#include <memory>

#include "core/result/result.h"
#include "core/study/run_file.h"

namespace moescope {

// Reads results and runs on the window's one I/O thread; what was read is shared and never changes. GUI thread outside.
class ResultReader : public QObject {
  Q_OBJECT
 public:
  explicit ResultReader(QObject* parent = nullptr);
  ~ResultReader() override;

  // Answers with `resultRead` or `failed`, never before this returns. A result that is still held is not read again.
  void readResult(const QString& id, const QString& file);
  void readRun(const QString& id, const QString& folder);  // closed segments only; always read anew
  void forget();

 Q_SIGNALS:
  void resultRead(const QString& id, const std::shared_ptr<const moescope::Result>& result);
  void runRead(const QString& id, const std::shared_ptr<const moescope::RunSeries>& series);
  void failed(const QString& id, const moescope::Error& error);

 private:
  QThread thread_;
  QObject* worker_;
  std::map<QString, std::weak_ptr<const Result>> held_;
};

}  // namespace moescope
