// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/machine_words.h"

#include <QCoreApplication>
#include <QStringList>
#include <nlohmann/json.hpp>

#include "views/study_row.h"

namespace moescope {

QString machineWords(const Json& devices) {
  const auto tr = [](const char* text) { return QCoreApplication::translate("machineWords", text); };
  QStringList words;
  int gpus = 0;
  if (devices.is_array())
    for (const Json& device : devices) {
      if (!device.is_object()) continue;
      const std::string name = device.value("name", std::string());
      if (name == "cpu" && device.contains("threads")) {
        words << tr("%1 cores").arg(inWords(device["threads"]));
        if (device.contains("memory") && device["memory"].is_number())
          words << tr("%1 memory").arg(inBytes(device["memory"].get<double>()));
      } else if (name.starts_with("cuda")) {
        ++gpus;
      }
    }
  words << (gpus == 0 ? tr("no GPU") : gpus == 1 ? tr("1 GPU") : tr("%1 GPUs").arg(gpus));
  return words.join(QStringLiteral(" · "));
}

}  // namespace moescope
