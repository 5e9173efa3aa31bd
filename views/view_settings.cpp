// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/view_settings.h"

#include <nlohmann/json.hpp>

namespace moescope {

const ViewSettings::Settings& ViewSettings::of(const std::string& figure) const {
  static const Settings none;
  const auto found = figures_.find(figure);
  return found == figures_.end() ? none : found->second;
}

void ViewSettings::set(const std::string& figure, const std::string& key, const std::string& value) {
  const Settings before = of(figure);
  Settings now = before;
  if (value.empty())
    now.erase(key);
  else
    now[key] = value;
  if (now == before) return;
  if (now.empty())
    figures_.erase(figure);
  else
    figures_[figure] = std::move(now);
  Q_EMIT changed();
}

Json ViewSettings::save() const {
  Json json = Json::object();
  for (const auto& [figure, settings] : figures_) json[figure] = settings;
  return json;
}

void ViewSettings::restore(const Json& json) {
  std::map<std::string, Settings> figures;
  if (json.is_object())
    for (const auto& [figure, settings] : json.items()) {
      if (!settings.is_object()) continue;
      for (const auto& [key, value] : settings.items())
        if (value.is_string()) figures[figure][key] = value.get<std::string>();
    }
  if (figures == figures_) return;
  figures_ = std::move(figures);
  Q_EMIT changed();
}

}  // namespace moescope
