// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/desktop_theme.h"

#include <QtDBus/QDBusConnection>
#include <QtDBus/QDBusMessage>
#include <QtDBus/QDBusPendingCallWatcher>
#include <QtDBus/QDBusPendingReply>
#include <QtDBus/QDBusVariant>

namespace moescope {
namespace {

const QString service = QStringLiteral("org.freedesktop.portal.Desktop");
const QString place = QStringLiteral("/org/freedesktop/portal/desktop");
const QString interface = QStringLiteral("org.freedesktop.portal.Settings");
const QString appearance = QStringLiteral("org.freedesktop.appearance");
const QString scheme = QStringLiteral("color-scheme");

}  // namespace

DesktopTheme::DesktopTheme(QObject* parent) : QObject(parent) {}

void DesktopTheme::ask() {
  // Without an address the bus library would start a bus of its own.
  if (qEnvironmentVariableIsEmpty("DBUS_SESSION_BUS_ADDRESS")) return;
  QDBusConnection bus = QDBusConnection::sessionBus();
  if (!bus.isConnected()) return;
  QDBusMessage question = QDBusMessage::createMethodCall(service, place, interface, QStringLiteral("Read"));
  question << appearance << scheme;
  auto* watcher = new QDBusPendingCallWatcher(bus.asyncCall(question, 2000), this);
  connect(watcher, &QDBusPendingCallWatcher::finished, this, [this](QDBusPendingCallWatcher* done) {
    const QDBusPendingReply<QDBusVariant> reply = *done;
    if (!reply.isError()) Q_EMIT found(prefersDark(reply.value().variant()));
    done->deleteLater();
  });
  bus.connect(service, place, interface, QStringLiteral("SettingChanged"), this,
              SLOT(settingChanged(QString, QString, QDBusVariant)));
}

bool DesktopTheme::prefersDark(QVariant value) {
  for (int depth = 0; depth < 4 && value.canConvert<QDBusVariant>(); ++depth)
    value = value.value<QDBusVariant>().variant();
  return value.toUInt() == 1;
}

void DesktopTheme::settingChanged(const QString& group, const QString& key, const QDBusVariant& value) {
  if (group == appearance && key == scheme) Q_EMIT found(prefersDark(value.variant()));
}

}  // namespace moescope
