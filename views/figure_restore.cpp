// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/figure_restore.h"

#include "views/workbench.h"

namespace moescope {

Expected<void> goOnFrom(const Json& provenance, Workbench& workbench) {
  if (workbench.engine.study().isEmpty())
    return usageError("Open the study that this figure was made in first; then drop it again.");
  const auto found = provenance.find("sheet");
  if (found == provenance.end())
    return inputError("This figure was exported without names, so it cannot be gone on from.");
  TRY(sheet, sheetFromJson(*found));
  for (const KeptFigure& panel : sheet.panels)
    if (workbench.tree.row(QString::fromStdString(panel.result)) == nullptr)
      return inputError("The result " + panel.result.substr(0, 12) + " (" + panel.operation +
                        ") behind this figure is not in this study. Open the study that it was made in.");
  if (sheet.panels.size() != 1) {
    workbench.figures.restore(*found);
    if (const auto venue = found->find("venue"); venue != found->end() && venue->is_string())
      workbench.paper.setPreset(QString::fromStdString(venue->get<std::string>()));
    workbench.paper.setFull(found->value("full", Json(false)) == true);
    Q_EMIT workbench.pageAsked(QStringLiteral("Figures"));
    return {};
  }
  const KeptFigure& panel = sheet.panels.front();
  workbench.selection.setArtifact(QString::fromStdString(panel.result));
  workbench.selection.clear();
  for (const auto& [axis, at] : panel.view.at)
    if (axis == "layer") workbench.selection.setLayer(at);
  for (const auto& [axis, selected] : panel.view.selected)
    workbench.selection.brush(axis, {selected.begin(), selected.end()}, false);
  for (const auto& [key, value] : panel.view.set)
    workbench.views.set(panel.operation + "/" + panel.figure.name, key, value);
  const Description* operation = workbench.operation(panel.operation);
  const std::string page = !panel.figure.page.empty() ? panel.figure.page
                           : operation != nullptr     ? operation->page
                                                      : std::string();
  if (!page.empty()) Q_EMIT workbench.pageAsked(QString::fromStdString(page));
  return {};
}

}  // namespace moescope
