// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <map>
#include <string>

#include "core/base/json.h"

namespace moescope {

// How figures are looked at beyond the selection: by figure ("load.balance/load") the settings of its mark
// ("order", "values", "rank"; core/result/marks.h). One for the whole window; saved with the study. GUI thread.
class ViewSettings : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;
  using Settings = std::map<std::string, std::string>;

  const Settings& of(const std::string& figure) const;
  void set(const std::string& figure, const std::string& key, const std::string& value);  // empty = as the figure says
  Json save() const;
  void restore(const Json& json);  // what cannot be read is left out

 Q_SIGNALS:
  void changed();

 private:
  std::map<std::string, Settings> figures_;
};

}  // namespace moescope
