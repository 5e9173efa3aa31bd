// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/result_reader.h"

namespace moescope {

ResultReader::ResultReader(QObject* parent) : QObject(parent), worker_(new QObject) {
  thread_.setObjectName(QStringLiteral("results"));
  worker_->moveToThread(&thread_);
  connect(&thread_, &QThread::finished, worker_, &QObject::deleteLater);
  thread_.start();
}

ResultReader::~ResultReader() {
  thread_.quit();
  thread_.wait();
}

void ResultReader::readResult(const QString& id, const QString& file) {
  if (auto held = held_[id].lock()) {
    QMetaObject::invokeMethod(
        this, [this, id, held] { Q_EMIT resultRead(id, held); }, Qt::QueuedConnection);
    return;
  }
  QMetaObject::invokeMethod(worker_, [this, id, file] {
    auto read = moescope::readResult(file.toStdString());
    if (!read) {
      QMetaObject::invokeMethod(this, [this, id, error = read.error()] { Q_EMIT failed(id, error); });
      return;
    }
    auto result = std::make_shared<const Result>(*std::move(read));
    QMetaObject::invokeMethod(this, [this, id, result] {
      held_[id] = result;
      Q_EMIT resultRead(id, result);
    });
  });
}

void ResultReader::readRun(const QString& id, const QString& folder) {
  QMetaObject::invokeMethod(worker_, [this, id, folder] {
    auto read = moescope::readRun(folder.toStdString());
    if (!read) {
      QMetaObject::invokeMethod(this, [this, id, error = read.error()] { Q_EMIT failed(id, error); });
      return;
    }
    auto series = std::make_shared<const RunSeries>(*std::move(read));
    QMetaObject::invokeMethod(this, [this, id, series] { Q_EMIT runRead(id, series); });
  });
}

void ResultReader::forget() {
  held_.clear();
}

}  // namespace moescope
