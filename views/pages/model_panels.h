// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QWidget>
#include <memory>

#include "views/workbench.h"

namespace moescope {

// What a model is made of, as panels: asks for `model.inspect` as a preview when a model is looked at, and for
// `tensor.inspect` when a row of its tensors is chosen. GUI thread.
class ModelPanels : public QObject {
  Q_OBJECT
 public:
  explicit ModelPanels(Workbench& workbench, QObject* parent = nullptr);
  void show(const QString& model);  // id; empty: none
  bool waiting() const;

 Q_SIGNALS:
  // Whoever takes panels owns them. Those of a chosen tensor stand for the ones of the tensor before.
  void modelReady(const QList<QWidget*>& panels);
  void tensorReady(const QList<QWidget*>& panels);
  void failed(const moescope::Error& error);  // usually that the files are gone, changed or damaged

 private:
  // One request on its way: the job that works on it, then the result that is being read.
  struct Awaited {
    QString job, result;
    bool any() const { return !job.isEmpty() || !result.isEmpty(); }
  };
  void askModel();
  void askTensor(const QString& tensor);
  void finished(const QString& job, const Json& outputs);
  void received(const QString& id, const std::shared_ptr<const Result>& result);
  void ended(Awaited& awaited, const moescope::Error& error);
  QList<QWidget*> panelsOf(const QString& id, const std::shared_ptr<const Result>& result, const char* operation);

  Workbench& workbench_;
  QString model_;
  Awaited inspect_, tensor_;
};

}  // namespace moescope
