// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/model_panels.h"

#include "views/figure_panel.h"

namespace moescope {

namespace {

constexpr const char* ofModel = "model.inspect";
constexpr const char* ofTensor = "tensor.inspect";
constexpr const char* tensors = "tensors";  // the table whose rows can be chosen

bool nothingIn(const Result& result, const Figure& figure) {
  const Value* value = figure.values.empty() ? nullptr : result.find(figure.values.front());
  const auto* table = value == nullptr ? nullptr : std::get_if<Table>(&value->content);
  return table != nullptr && (table->columns.empty() || std::visit([](const auto& cells) { return cells.empty(); },
                                                                   table->columns.front().cells));
}

}  // namespace

ModelPanels::ModelPanels(Workbench& workbench, QObject* parent) : QObject(parent), workbench_(workbench) {
  EngineClient& engine = workbench_.engine;
  connect(&engine, &EngineClient::finished, this, &ModelPanels::finished);
  connect(&engine, &EngineClient::failed, this, [this](const QString& job, const Error& error) {
    for (Awaited* awaited : {&inspect_, &tensor_})
      if (!awaited->job.isEmpty() && awaited->job == job) ended(*awaited, error);
  });
  connect(&engine, &EngineClient::greeted, this, [this] {
    if (!model_.isEmpty() && !inspect_.any()) askModel();
  });
  connect(&workbench_.reader, &ResultReader::resultRead, this, &ModelPanels::received);
  connect(&workbench_.reader, &ResultReader::failed, this, [this](const QString& id, const Error& error) {
    for (Awaited* awaited : {&inspect_, &tensor_})
      if (!awaited->result.isEmpty() && awaited->result == id) ended(*awaited, error);
  });
}

bool ModelPanels::waiting() const {
  return inspect_.any() || tensor_.any();
}

void ModelPanels::show(const QString& model) {
  if (model == model_) return;
  model_ = model;
  inspect_ = tensor_ = {};
  if (!model_.isEmpty()) askModel();
}

void ModelPanels::askModel() {
  if (!workbench_.engine.connected()) return;  // asked again when it is
  inspect_.job = workbench_.engine.submit(
      {ofModel, {{"model", {model_.toStdString()}}}, Json::object(), {}, QStringLiteral("Overview/model"), false});
}

void ModelPanels::askTensor(const QString& tensor) {
  if (!workbench_.engine.connected() || workbench_.operation(ofTensor) == nullptr) return;
  tensor_.result.clear();
  tensor_.job = workbench_.engine.submit({ofTensor,
                                          {{"model", {model_.toStdString()}}},
                                          {{"tensor", tensor.toStdString()}},
                                          {},
                                          QStringLiteral("Overview/tensor"),
                                          false});
}

void ModelPanels::finished(const QString& job, const Json& outputs) {
  for (Awaited* awaited : {&inspect_, &tensor_}) {
    if (awaited->job.isEmpty() || awaited->job != job) continue;
    *awaited = {{}, outputId(outputs, "result")};
    workbench_.reader.readResult(awaited->result, workbench_.placeOf(awaited->result, Kind::result, outputs));
  }
}

void ModelPanels::received(const QString& id, const std::shared_ptr<const Result>& result) {
  if (!inspect_.result.isEmpty() && id == inspect_.result) {
    inspect_ = {};
    Q_EMIT modelReady(panelsOf(id, result, ofModel));
  } else if (!tensor_.result.isEmpty() && id == tensor_.result) {
    tensor_ = {};
    Q_EMIT tensorReady(panelsOf(id, result, ofTensor));
  }
}

QList<QWidget*> ModelPanels::panelsOf(const QString& id, const std::shared_ptr<const Result>& result,
                                      const char* operation) {
  const Description* description = workbench_.operation(operation);
  const std::vector<Figure>& figures =
      result->figures.empty() && description != nullptr ? description->figures : result->figures;
  QList<QWidget*> panels;
  for (const Figure& figure : figures) {
    if (nothingIn(*result, figure)) continue;
    FigurePanel* panel = figurePanel(workbench_, id, result, figure, description);
    panels.append(panel);
    if (figure.values.empty() || figure.values.front() != tensors) continue;
    panel->setProperty("wide", true);
    connect(panel, &FigurePanel::rowChosen, this, &ModelPanels::askTensor);
  }
  return panels;
}

void ModelPanels::ended(Awaited& awaited, const Error& error) {
  awaited = {};
  if (error.kind != ErrorKind::cancelled) Q_EMIT failed(error);
}

}  // namespace moescope
