// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/session.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFileInfo>

namespace moescope {
namespace {
constexpr qsizetype mostRecent = 8;
const QString recentKey = QStringLiteral("recent"), modelsKey = QStringLiteral("recent_models");

QString settingsFile() {
  // Not what QSettings would choose by itself: one plain file, wherever the organisation's name is set or not.
  const QString config = qEnvironmentVariable("XDG_CONFIG_HOME", QDir::homePath() + QStringLiteral("/.config"));
  return config + QStringLiteral("/moescope/window.ini");
}
}  // namespace

Session::Session(const QString& file, QObject* parent)
    : QObject(parent), settings_(file.isEmpty() ? settingsFile() : file, QSettings::IniFormat) {
  later_.setSingleShot(true);
  later_.setInterval(500);
  connect(&later_, &QTimer::timeout, this, [this] { settings_.sync(); });
}

Session::~Session() {
  settings_.sync();
}

QString Session::studyKey(const QString& key) const {
  const QByteArray digest = QCryptographicHash::hash(study_.toUtf8(), QCryptographicHash::Sha256).toHex().left(16);
  return QStringLiteral("study-") + QString::fromLatin1(digest) + QLatin1Char('/') + key;
}

void Session::putFirst(const QString& key, const QString& folder) {
  QStringList all = settings_.value(key).toStringList();
  all.removeAll(folder);
  all.prepend(folder);
  set(key, QStringList(all.mid(0, mostRecent)));
}

void Session::setStudy(const QString& folder) {
  study_ = QFileInfo(folder).absoluteFilePath();
  putFirst(recentKey, study_);
}

void Session::addModel(const QString& folder) {
  putFirst(modelsKey, QFileInfo(folder).absoluteFilePath());
}

QStringList Session::recentModels() const {
  return settings_.value(modelsKey).toStringList();
}

QStringList Session::keysBelow(const QString& group) const {
  QStringList keys;
  for (const QString& key : settings_.allKeys())
    if (key.startsWith(group + QLatin1Char('/'))) keys << key.mid(group.size() + 1);
  return keys;
}

void Session::remove(const QString& key) {
  settings_.remove(key);
  if (!later_.isActive()) later_.start();
}

QStringList Session::recent() const {
  QStringList there;
  for (const QString& folder : settings_.value(recentKey).toStringList())
    if (QFileInfo::exists(folder + QStringLiteral("/study.sqlite"))) there << folder;
  return there;
}

ThemeChoice Session::theme() const {
  return themeChoiceFromName(value(QStringLiteral("theme")).toString());
}
QVariant Session::value(const QString& key, const QVariant& otherwise) const {
  return settings_.value(key, otherwise);
}

void Session::set(const QString& key, const QVariant& value) {
  if (settings_.value(key) == value) return;
  settings_.setValue(key, value);
  if (!later_.isActive()) later_.start();  // not put off by changes that go on
}

QVariant Session::ofStudy(const QString& key, const QVariant& otherwise) const {
  return value(studyKey(key), otherwise);
}
void Session::setOfStudy(const QString& key, const QVariant& value) {
  set(studyKey(key), value);
}

}  // namespace moescope
