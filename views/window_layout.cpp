// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/window_layout.h"

#include <QEvent>
#include <QGuiApplication>
#include <QMainWindow>
#include <QScreen>
#include <QSplitter>
#include <algorithm>

#include "core/base/json_reading.h"
#include "views/session.h"
#include "views/theme.h"

namespace moescope {
namespace {

constexpr int layoutVersion = 1;
constexpr int sideFrom = 1340;  // narrower windows start without the right side
constexpr int withoutLeft = 900;
constexpr QSize usual{1440, 900};
const QString layoutKey = QStringLiteral("layout"), namedGroup = QStringLiteral("layouts");

int wholeIn(const Json& json, const char* key, int otherwise) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_integer() ? found->get<int>() : otherwise;
}

// Enough of the upper edge to take hold of must lie on a screen: one may have been unplugged.
bool reachable(const QRect& frame) {
  const QRect head(frame.topLeft(), QSize(frame.width(), 48));
  return std::ranges::any_of(QGuiApplication::screens(), [&](const QScreen* screen) {
    const QRect seen = screen->availableGeometry() & head;
    return seen.width() >= 120 && seen.height() >= 24;
  });
}

}  // namespace

WindowLayout::WindowLayout(QMainWindow& window, QSplitter& splitter, Session& session)
    : QObject(&window),
      window_(window),
      splitter_(splitter),
      session_(session),
      left_(splitter.widget(0)),
      right_(splitter.widget(2)) {
  window.installEventFilter(this);
  connect(&splitter_, &QSplitter::splitterMoved, this, &WindowLayout::changed);
}

Json WindowLayout::now() const {
  const QRect place = window_.isMaximized() ? window_.normalGeometry() : window_.geometry();
  const QList<int> sizes = splitter_.sizes();
  return {{"version", layoutVersion},
          {"x", place.x()},
          {"y", place.y()},
          {"width", place.width()},
          {"height", place.height()},
          {"maximised", window_.isMaximized()},
          {"left", !left_->isHidden()},
          {"right", !right_->isHidden()},
          {"right_asked", rightAsked_},
          {"left_width", left_->isHidden() ? Measures::left : sizes[0]},
          {"right_width", right_->isHidden() ? Measures::right : sizes[2]}};
}

bool WindowLayout::take(const Json& layout) {
  if (!layout.is_object() || wholeIn(layout, "version", 0) != layoutVersion) return false;
  const QRect place(wholeIn(layout, "x", 0), wholeIn(layout, "y", 0), wholeIn(layout, "width", 0),
                    wholeIn(layout, "height", 0));
  if (place.width() < window_.minimumWidth() || place.height() < window_.minimumHeight() || !reachable(place))
    return false;
  taking_ = true;
  window_.setGeometry(place);
  if (layout.value("maximised", Json(false)) == true) window_.setWindowState(Qt::WindowMaximized);
  left_->setVisible(layout.value("left", Json(true)) == true);
  right_->setVisible(layout.value("right", Json(true)) == true);
  rightAsked_ = layout.value("right_asked", Json(false)) == true;
  const int left = std::clamp(wholeIn(layout, "left_width", Measures::left), 120, place.width() / 3),
            right = std::clamp(wholeIn(layout, "right_width", Measures::right), 120, place.width() / 2);
  splitter_.setSizes({left, std::max(200, place.width() - left - right), right});
  width_ = place.width();
  taking_ = false;
  return true;
}

void WindowLayout::restore() {
  const auto kept = parseJson(session_.value(layoutKey).toString().toStdString());
  if (!kept || !take(*kept)) reset();
}

void WindowLayout::reset() {
  taking_ = true;
  window_.setWindowState(Qt::WindowNoState);
  window_.resize(usual);
  if (window_.isVisible() && !reachable(window_.geometry())) window_.move(0, 0);
  left_->show();
  rightAsked_ = false;
  splitter_.setSizes({Measures::left, usual.width() - Measures::left - Measures::right, Measures::right});
  width_ = window_.width();
  fitSides(width_);
  taking_ = false;
  changed();
}

QStringList WindowLayout::names() const {
  return session_.keysBelow(namedGroup);
}

void WindowLayout::keep(const QString& name) {
  if (name.trimmed().isEmpty()) return;
  QString key = name.trimmed();
  key.replace(QLatin1Char('/'), QLatin1Char('-'));
  session_.set(namedGroup + QLatin1Char('/') + key, QString::fromStdString(now().dump()));
  Q_EMIT namesChanged();
}

void WindowLayout::use(const QString& name) {
  const auto kept = parseJson(session_.value(namedGroup + QLatin1Char('/') + name).toString().toStdString());
  if (!kept || !take(*kept)) reset();
  changed();
}

void WindowLayout::forget(const QString& name) {
  session_.remove(namedGroup + QLatin1Char('/') + name);
  Q_EMIT namesChanged();
}

void WindowLayout::toggleLeft() {
  left_->setVisible(left_->isHidden());
  changed();
}

void WindowLayout::toggleRight() {
  rightAsked_ = true;
  right_->setVisible(right_->isHidden());
  changed();
}

void WindowLayout::showRight() {
  right_->show();
  changed();
}

void WindowLayout::fitSides(int width) {
  if (!rightAsked_) right_->setVisible(width >= sideFrom);
  left_->setVisible(width >= withoutLeft);
}

void WindowLayout::changed() {
  if (taking_) return;
  const int before = std::exchange(width_, window_.width());
  // At 1280 x 720 the right side goes first; it comes back when it is asked for.
  if ((before >= sideFrom) != (width_ >= sideFrom) || (before >= withoutLeft) != (width_ >= withoutLeft))
    fitSides(width_);
  session_.set(layoutKey, QString::fromStdString(now().dump()));
}

bool WindowLayout::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::Resize || event->type() == QEvent::Move || event->type() == QEvent::WindowStateChange)
    changed();
  return QObject::eventFilter(watched, event);
}

}  // namespace moescope
