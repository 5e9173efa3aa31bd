// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/layer_play.h"

#include "views/selection.h"

namespace moescope {

namespace {
constexpr int aLayer = 400;  // milliseconds: long enough to see what changed
}

LayerPlay::LayerPlay(Selection& selection, QObject* parent) : QObject(parent), selection_(selection) {
  timer_.setInterval(aLayer);
  connect(&timer_, &QTimer::timeout, this, &LayerPlay::step);
}

void LayerPlay::toggle() {
  if (playing()) return timer_.stop();
  if (selection_.layers() < 2) return;
  if (selection_.layer() + 1 >= selection_.layers()) selection_.setLayer(0);
  timer_.start();
}

void LayerPlay::step() {
  if (selection_.layer() + 1 < selection_.layers()) selection_.stepLayer(1);
  if (selection_.layer() + 1 >= selection_.layers()) timer_.stop();
}

}  // namespace moescope
