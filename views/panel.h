// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>

class QHBoxLayout;
class QLabel;
class QScrollArea;
class QVBoxLayout;

namespace moescope {

class ElidedLabel;

// A frame with a title, a caption line below it and quiet buttons at the top right; the content takes the rest. GUI
// thread.
class Panel : public QFrame {
  Q_OBJECT
 public:
  explicit Panel(const QString& title = {}, QWidget* parent = nullptr);
  void setTitle(const QString& title);
  void setCaption(const QString& caption);
  void setContent(QWidget* content);  // becomes the panel's child
  void addButton(QWidget* button);
  QString title() const;

 private:
  ElidedLabel* title_;
  QLabel* caption_;
  QHBoxLayout* head_;
  QVBoxLayout* layout_;
};

// Panels fill the page: one alone, two side by side, an odd first one across. Rows keep a least height and scroll when
// there are more than fit.
class PanelGrid : public QWidget {
  Q_OBJECT
 public:
  explicit PanelGrid(QWidget* parent = nullptr);
  // They become children; earlier ones that are not among them are deleted. Two a row; the property "wide" gives a
  // panel a row of its own.
  void setPanels(const QList<QWidget*>& panels, bool leading = false);
  const QList<QWidget*>& panels() const { return panels_; }
  QSize minimumSizeHint() const override;
  // In a frame that scrolls where there are more panels than fit.
  QScrollArea* scrolled();

 protected:
  void resizeEvent(QResizeEvent* event) override;

 private:
  QList<QList<QWidget*>> rows() const;
  QList<int> heights(int visible) const;
  void arrange();
  QList<QWidget*> panels_;
  bool leading_ = false;
};

}  // namespace moescope
