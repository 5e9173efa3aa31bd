// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/study_view.h"

#include <QPainter>

#include "views/artifact_tree.h"
#include "views/selection.h"
#include "views/theme.h"

namespace moescope {
namespace {
constexpr int square = 9, indent = 12, edge = 14;

int depthOf(const QModelIndex& index) {
  int depth = 0;
  for (QModelIndex up = index.parent(); up.isValid(); up = up.parent()) ++depth;
  return depth;
}

// Deep chains do not push the names out of the side.
int leftOf(const QModelIndex& index) {
  return edge + indent * std::min(depthOf(index), 7);
}

}  // namespace

StudyView::StudyView(ArtifactTree& tree, Selection& selection, QWidget* parent) : QTreeView(parent) {
  setObjectName(QStringLiteral("studyView"));
  setAccessibleName(tr("Study"));
  setModel(&tree);
  setItemDelegate(new StudyRowDelegate(this));
  setHeaderHidden(true);
  setIndentation(0);  // the delegate indents, so that the selected row spans the whole side
  setRootIsDecorated(false);
  setUniformRowHeights(true);
  setEditTriggers(QAbstractItemView::EditKeyPressed);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setExpandsOnDoubleClick(true);
  connect(&tree, &QAbstractItemModel::rowsInserted, this, [this](const QModelIndex& into) { expand(into); });
  connect(&tree, &QAbstractItemModel::rowsMoved, this,
          [this](const QModelIndex&, int, int, const QModelIndex& to) { expand(to); });
  connect(selectionModel(), &QItemSelectionModel::currentChanged, this, [&selection](const QModelIndex& current) {
    if (current.isValid()) selection.setArtifact(current.data(ArtifactTree::IdRole).toString());
  });
  const auto show = [this, &tree, &selection] {
    const QModelIndex index = tree.indexOf(selection.artifact());
    if (index.isValid() && index != currentIndex()) setCurrentIndex(index);
  };
  connect(&selection, &Selection::artifactChanged, this, show);
  connect(&tree, &ArtifactTree::changed, this, show);
}

void StudyRowDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
  const Theme& theme = currentTheme();
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  const QRect row = option.rect;
  const bool selected = option.state & QStyle::State_Selected;
  if (selected) painter->fillRect(row, theme.accentGround);
  if (!selected && (option.state & QStyle::State_MouseOver)) painter->fillRect(row, theme.raised);
  if (selected) painter->fillRect(QRect(row.left(), row.top(), 2, row.height()), theme.accent);

  const int left = row.left() + leftOf(index);
  const auto kind = static_cast<Kind>(index.data(ArtifactTree::KindRole).toInt());
  const QRectF mark(left, row.center().y() - square / 2.0 + 0.5, square, square);
  if (index.data(ArtifactTree::LiveRole).toBool()) {
    painter->setPen(QPen(theme.kind(kind), 2));
    painter->drawRoundedRect(mark.adjusted(1, 1, -1, -1), 2, 2);
  } else {
    painter->setPen(Qt::NoPen);
    painter->setBrush(theme.kind(kind));
    painter->drawRoundedRect(mark, 2, 2);
  }

  const QString fact = index.data(ArtifactTree::FactRole).toString();
  painter->setFont(captionFont());
  const int factWidth = fact.isEmpty() ? 0 : painter->fontMetrics().horizontalAdvance(fact) + 8;
  painter->setPen(selected ? theme.text : theme.muted);
  const QRect whole = row.adjusted(0, 0, -edge, 0);
  painter->drawText(whole, Qt::AlignVCenter | Qt::AlignRight, fact);
  painter->setFont(textFont());
  painter->setPen(theme.text);
  const QRect place(left + square + 8, row.top(), whole.right() - factWidth - (left + square + 8), row.height());
  painter->drawText(place, Qt::AlignVCenter | Qt::AlignLeft,
                    painter->fontMetrics().elidedText(index.data().toString(), Qt::ElideMiddle, place.width()));
  painter->restore();
}

QSize StudyRowDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const {
  return {Measures::left, Measures::treeRow};
}

void StudyRowDelegate::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                                            const QModelIndex& index) const {
  editor->setGeometry(option.rect.adjusted(leftOf(index) + square + 2, 0, -4, 0));
}

}  // namespace moescope
