// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QWidget>
#include <memory>

#include "views/workbench.h"

namespace moescope {

// What a model is made of, as panels: asks for `model.inspect` as a preview when a model is looked at. GUI thread.
class ModelPanels : public QObject {
  Q_OBJECT
 public:
  explicit ModelPanels(Workbench& workbench, QObject* parent = nullptr);
  void show(const QString& model);  // id; empty: none
  bool waiting() const { return !job_.isEmpty() || !result_.isEmpty(); }

 Q_SIGNALS:
  void ready(const QList<QWidget*>& panels);  // whoever takes them owns them
  void failed(const moescope::Error& error);  // usually that the files are gone, changed or damaged

 private:
  void ask();
  void received(const QString& id, const std::shared_ptr<const Result>& result);
  void ended(const moescope::Error& error);

  Workbench& workbench_;
  QString model_;
  QString job_;     // that works on it
  QString result_;  // that is being read
};

}  // namespace moescope
