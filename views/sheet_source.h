// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "views/sheet_layout.h"

namespace moescope {

class Workbench;

// The results behind the panels of the sheet: read when they are needed, drawn as each panel was looked at. GUI thread.
class SheetSource : public QObject {
  Q_OBJECT
 public:
  explicit SheetSource(Workbench& workbench, QObject* parent = nullptr);
  void ask();  // for what the sheet needs and is not there yet
  bool waiting() const { return !asked_.empty(); }
  std::unique_ptr<SheetLayout> layout() const;  // missing panels say why they are empty
  std::optional<Drawing> drawing(std::size_t panel) const;
  const Result* result(std::size_t panel) const;
  Provenance provenance() const;  // of the whole sheet, to go on from
  // The same figures of another artifact: each panel's analysis is asked for with it in place of its input, and the
  // panel shows the new result when it is there.
  void applyTo(const QString& artifact);

 Q_SIGNALS:
  void changed();
  void failed(const moescope::Error& error);

 private:
  void finished(const QString& job, const Json& outputs);

  Workbench& workbench_;
  std::map<QString, std::shared_ptr<const Result>> results_;
  std::set<QString> asked_;
  std::map<QString, std::set<std::string>> applied_;  // job -> the results whose panels it replaces
};

}  // namespace moescope
