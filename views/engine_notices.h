// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

namespace moescope {

class Banner;
class EngineClient;

// Tells in the banner what the engine says that belongs to no page: that it died, warnings, refusals, what was undone.
class EngineNotices : public QObject {
  Q_OBJECT
 public:
  EngineNotices(EngineClient& engine, Banner& banner, QObject* parent = nullptr);
};

}  // namespace moescope
