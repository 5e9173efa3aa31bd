// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSettings>
#include <QStringList>
#include <QTimer>
#include <QVariant>

#include "views/theme.h"

namespace moescope {

// What the window was like: theme, geometry and recent studies for all, page, selection and figures for each study.
// Written half a second after each change, so a kill loses nothing. GUI thread.
class Session : public QObject {
  Q_OBJECT
 public:
  // An empty file means the user's settings; tests and screenshots give their own.
  explicit Session(const QString& file = {}, QObject* parent = nullptr);
  ~Session() override;

  void setStudy(const QString& folder);  // also the newest of the recent ones
  QStringList recent() const;            // newest first; those that are gone are left out
  void addModel(const QString& folder);  // a checkpoint that was opened
  QStringList recentModels() const;      // newest first, also those that are gone: they can be relocated
  ThemeChoice theme() const;
  QVariant value(const QString& key, const QVariant& otherwise = {}) const;
  void set(const QString& key, const QVariant& value);
  QStringList keysBelow(const QString& group) const;
  void remove(const QString& key);
  QVariant ofStudy(const QString& key, const QVariant& otherwise = {}) const;
  void setOfStudy(const QString& key, const QVariant& value);

 private:
  QString studyKey(const QString& key) const;
  void putFirst(const QString& key, const QString& folder);
  QSettings settings_;
  QString study_;
  QTimer later_;
};

}  // namespace moescope
