// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/engine_notices.h"

#include "views/engine.h"
#include "views/notice.h"

namespace moescope {

EngineNotices::EngineNotices(EngineClient& engine, Banner& banner, QObject* parent) : QObject(parent) {
  connect(&engine, &EngineClient::greeted, this, [&banner] {
    if (banner.property("of").toString() == QLatin1String("engine")) banner.hide();
  });
  connect(&engine, &EngineClient::lost, this, [&banner](const QString& what, const QString& details, int seconds) {
    banner.say(QStringLiteral("error"),
               tr("%1 It is started again in %2 s; the window goes on.").arg(what).arg(seconds), details);
    banner.setProperty("of", QStringLiteral("engine"));
  });
  connect(&engine, &EngineClient::logged, this,
          [&banner](const QString& job, const QString& level, const QString& text) {
            if (job.isEmpty() && level == QLatin1String("warning")) banner.say(level, text);
          });
  connect(&engine, &EngineClient::refused, this, [&banner](const Error& error) { banner.say(error); });
  connect(&engine, &EngineClient::edited, this, [&banner](const Json& message) {
    const QString what = QString::fromStdString(message.value("what", std::string()));
    if (what.contains(QLatin1Char(' '))) banner.say(QStringLiteral("info"), what);
  });
}

}  // namespace moescope
