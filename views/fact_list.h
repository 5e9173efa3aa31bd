// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QWidget>

class QGridLayout;

namespace moescope {

class ElidedLabel;

struct Fact {
  QString name, value, help = {};
};

// Names at the left, values at the right edge, one row each. Rows are reused, so that changing numbers do not flicker.
class FactList : public QWidget {
  Q_OBJECT
 public:
  explicit FactList(QWidget* parent = nullptr);
  void setFacts(const QList<Fact>& facts);

 private:
  QGridLayout* layout_;
  QList<std::pair<ElidedLabel*, ElidedLabel*>> rows_;
};

}  // namespace moescope
