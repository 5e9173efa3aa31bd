// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLabel>

namespace moescope {

// One line that is never cut off: elided in the middle where there is no room, the whole text then in the tooltip.
class ElidedLabel : public QLabel {
  Q_OBJECT
 public:
  explicit ElidedLabel(const QString& text = {}, QWidget* parent = nullptr);
  void setText(const QString& text);
  void setMode(Qt::TextElideMode mode) { mode_ = mode; }
  QSize minimumSizeHint() const override;

 protected:
  void paintEvent(QPaintEvent* event) override;
  bool event(QEvent* event) override;

 private:
  Qt::TextElideMode mode_ = Qt::ElideMiddle;
};

// A label with a role of the style sheet: "title", "caption", "section", "muted", "wrong".
template <class Label = QLabel>
Label* roleLabel(const char* role, const QString& text = {}) {
  auto* label = new Label(text);
  label->setProperty("role", role);
  label->setTextFormat(Qt::PlainText);
  return label;
}

}  // namespace moescope
