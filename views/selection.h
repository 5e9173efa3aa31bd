// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <cstdint>
#include <set>
#include <string>

#include "core/result/drawing.h"

namespace moescope {

// What is selected, once for all pages: an artifact, a layer, experts, a domain, tokens; and what the pointer is over.
// GUI thread.
class Selection : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;

  const QString& artifact() const { return artifact_; }
  std::int64_t layer() const { return layer_; }
  std::int64_t layers() const { return layers_; }                   // how many there are to step through; 0 = not known
  const std::set<std::int64_t>& on(const std::string& axis) const;  // selected positions of "expert", "domain", "token"
  const std::string& hoverAxis() const { return hoverAxis_; }
  std::int64_t hoverIndex() const { return hoverIndex_; }

  void setArtifact(const QString& id);
  void setLayers(std::int64_t count);
  void setLayer(std::int64_t layer);
  void stepLayer(int by) { setLayer(layer_ + by); }
  // A click: the position alone; with Shift (`add`) it joins, or leaves when it was there. On "layer" it steps there.
  void pick(const std::string& axis, std::int64_t index, bool add);
  // A brush over an area: these positions alone; with `add` they join. None of them clears the axis.
  void brush(const std::string& axis, const std::set<std::int64_t>& indices, bool add);
  void clear();                                             // Esc: everything but artifact and layer
  void hover(const std::string& axis, std::int64_t index);  // -1 = nothing
  void addTo(ViewState& view) const;
  Json save() const;               // artifact, layer and what is picked
  void restore(const Json& json);  // what cannot be read is left as it is

 Q_SIGNALS:
  void artifactChanged(const QString& id);
  void changed();  // layer, experts, domain or tokens
  void hovered(const std::string& axis, std::int64_t index);

 private:
  QString artifact_;
  std::int64_t layer_ = 0, layers_ = 0;
  std::map<std::string, std::set<std::int64_t>> picked_;
  std::string hoverAxis_;
  std::int64_t hoverIndex_ = -1;
};

}  // namespace moescope
