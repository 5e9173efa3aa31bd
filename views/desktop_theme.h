// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QVariant>

class QDBusVariant;

namespace moescope {

// Whether the desktop prefers dark: asked of the portal org.freedesktop.portal.Settings (Qt 6.4 has no hint of its
// own), without waiting. Where there is no portal nothing is said and the palette of the platform counts. GUI thread.
class DesktopTheme : public QObject {
  Q_OBJECT
 public:
  explicit DesktopTheme(QObject* parent = nullptr);
  void ask();

  // Of a "color-scheme" value: 1 prefers dark, 2 light, 0 says nothing; nested variants are unwrapped.
  static bool prefersDark(QVariant value);

 Q_SIGNALS:
  void found(bool dark);

 private Q_SLOTS:
  void settingChanged(const QString& group, const QString& key, const QDBusVariant& value);
};

}  // namespace moescope
