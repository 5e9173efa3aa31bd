// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

namespace moescope {

class Session;
class Workbench;

// What stands in the centre while no study is open: one sentence, one button, the recent studies.
class WelcomePage : public QWidget {
  Q_OBJECT
 public:
  WelcomePage(const Session& session, Workbench& workbench, QWidget* parent = nullptr);

 Q_SIGNALS:
  void openAsked(const QString& study);
};

}  // namespace moescope
