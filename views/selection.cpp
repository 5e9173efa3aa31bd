// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/selection.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace moescope {

const std::set<std::int64_t>& Selection::on(const std::string& axis) const {
  static const std::set<std::int64_t> nothing;
  const auto found = picked_.find(axis);
  return found == picked_.end() ? nothing : found->second;
}

void Selection::setArtifact(const QString& id) {
  if (id == artifact_) return;
  artifact_ = id;
  Q_EMIT artifactChanged(id);
}

void Selection::setLayers(std::int64_t count) {
  if (count == layers_) return;
  layers_ = count;
  layer_ = layers_ > 0 ? std::clamp<std::int64_t>(layer_, 0, layers_ - 1) : layer_;
  Q_EMIT changed();
}

void Selection::setLayer(std::int64_t layer) {
  if (layers_ > 0) layer = std::min(layer, layers_ - 1);
  layer = std::max<std::int64_t>(0, layer);
  if (layer == layer_) return;
  layer_ = layer;
  Q_EMIT changed();
}

void Selection::pick(const std::string& axis, std::int64_t index, bool add) {
  if (index < 0) return;
  if (axis == "layer") return setLayer(index);
  std::set<std::int64_t>& picked = picked_[axis];
  if (!add) {
    if (picked == std::set<std::int64_t>{index}) return;
    picked = {index};
  } else if (!picked.insert(index).second) {
    picked.erase(index);
  }
  Q_EMIT changed();
}

void Selection::brush(const std::string& axis, const std::set<std::int64_t>& indices, bool add) {
  if (axis == "layer") return indices.empty() ? void() : setLayer(*indices.begin());
  std::set<std::int64_t> wanted = indices;
  if (add) wanted.insert(picked_[axis].begin(), picked_[axis].end());
  if (picked_[axis] == wanted) return;
  picked_[axis] = std::move(wanted);
  Q_EMIT changed();
}

void Selection::clear() {
  const bool anything =
      std::any_of(picked_.begin(), picked_.end(), [](const auto& axis) { return !axis.second.empty(); });
  picked_.clear();
  if (anything) Q_EMIT changed();
}

void Selection::hover(const std::string& axis, std::int64_t index) {
  if (axis == hoverAxis_ && index == hoverIndex_) return;
  hoverAxis_ = axis;
  hoverIndex_ = index;
  Q_EMIT hovered(axis, index);
}

void Selection::addTo(ViewState& view) const {
  view.at["layer"] = layer_;
  for (const auto& [axis, picked] : picked_) {
    if (picked.empty()) continue;
    view.selected[axis].assign(picked.begin(), picked.end());
    if (axis != "expert") view.at[axis] = *picked.begin();
  }
}

Json Selection::save() const {
  Json picked = Json::object();
  for (const auto& [axis, positions] : picked_)
    if (!positions.empty()) picked[axis] = positions;
  return {{"artifact", artifact_.toStdString()}, {"layer", layer_}, {"picked", picked}};
}

void Selection::restore(const Json& json) {
  if (!json.is_object()) return;
  std::map<std::string, std::set<std::int64_t>> picked;
  if (const auto kept = json.find("picked"); kept != json.end() && kept->is_object())
    for (const auto& [axis, positions] : kept->items())
      for (const Json& position : positions)
        if (position.is_number_integer()) picked[axis].insert(position.get<std::int64_t>());
  if (const auto artifact = json.find("artifact"); artifact != json.end() && artifact->is_string())
    setArtifact(QString::fromStdString(artifact->get<std::string>()));
  if (const auto layer = json.find("layer"); layer != json.end() && layer->is_number_integer())
    layer_ = std::max<std::int64_t>(
        0, layers_ > 0 ? std::min(layer->get<std::int64_t>(), layers_ - 1) : layer->get<std::int64_t>());
  picked_ = std::move(picked);
  Q_EMIT changed();
}

}  // namespace moescope
