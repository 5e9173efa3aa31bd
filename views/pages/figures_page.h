// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <set>

#include "views/pages/page.h"

namespace moescope {

class PanelGrid;

// The figures that were put aside on other pages, as they were looked at; exported one by one or all at once.
class FiguresPage : public Page {
  Q_OBJECT
 public:
  explicit FiguresPage(Workbench& workbench, QWidget* parent = nullptr);
  QWidget* side() override;
  bool idle() const override;

 protected:
  void refresh() override;

 private:
  void received(const QString& id, const std::shared_ptr<const Result>& result);
  void arrange();
  QWidget* makePanel(std::size_t at);
  void exportAll(const QString& format);

  PanelGrid* grid_;
  std::map<QString, std::shared_ptr<const Result>> results_;
  std::set<QString> asked_;
};

}  // namespace moescope
