// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStyledItemDelegate>
#include <QTreeView>

namespace moescope {

class ArtifactTree;
class Selection;

// The left side: the tree of the study. What is clicked becomes the selected artifact. GUI thread.
class StudyView : public QTreeView {
  Q_OBJECT
 public:
  StudyView(ArtifactTree& tree, Selection& selection, QWidget* parent = nullptr);
};

// A row: a square of the kind's colour, the name (elided in the middle), the small fact at the right.
class StudyRowDelegate : public QStyledItemDelegate {
  Q_OBJECT
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                            const QModelIndex& index) const override;
};

}  // namespace moescope
