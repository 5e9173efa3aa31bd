// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/model_panels.h"

#include "views/figure_panel.h"

namespace moescope {

namespace {
constexpr const char* inspect = "model.inspect";
}

ModelPanels::ModelPanels(Workbench& workbench, QObject* parent) : QObject(parent), workbench_(workbench) {
  EngineClient& engine = workbench_.engine;
  connect(&engine, &EngineClient::finished, this, [this](const QString& job, const Json& outputs) {
    if (job_.isEmpty() || job != job_) return;
    job_.clear();
    result_ = outputId(outputs, "result");
    workbench_.reader.readResult(result_, workbench_.placeOf(result_, Kind::result, outputs));
  });
  connect(&engine, &EngineClient::failed, this, [this](const QString& job, const Error& error) {
    if (!job_.isEmpty() && job == job_) ended(error);
  });
  connect(&engine, &EngineClient::greeted, this, [this] {
    if (!model_.isEmpty() && job_.isEmpty() && result_.isEmpty()) ask();
  });
  connect(&workbench_.reader, &ResultReader::resultRead, this, &ModelPanels::received);
  connect(&workbench_.reader, &ResultReader::failed, this, [this](const QString& id, const Error& error) {
    if (!result_.isEmpty() && id == result_) ended(error);
  });
}

void ModelPanels::show(const QString& model) {
  if (model == model_) return;
  model_ = model;
  job_.clear();
  result_.clear();
  if (!model_.isEmpty()) ask();
}

void ModelPanels::ask() {
  if (!workbench_.engine.connected()) return;  // asked again when it is
  job_ = workbench_.engine.submit(
      {inspect, {{"model", {model_.toStdString()}}}, Json::object(), {}, QStringLiteral("Overview/model"), false});
}

void ModelPanels::received(const QString& id, const std::shared_ptr<const Result>& result) {
  if (result_.isEmpty() || id != result_) return;
  result_.clear();
  const Description* operation = workbench_.operation(inspect);
  const std::vector<Figure>& figures =
      result->figures.empty() && operation != nullptr ? operation->figures : result->figures;
  QList<QWidget*> panels;
  for (const Figure& figure : figures) panels.append(figurePanel(workbench_, id, result, figure, operation));
  Q_EMIT ready(panels);
}

void ModelPanels::ended(const Error& error) {
  job_.clear();
  result_.clear();
  if (error.kind != ErrorKind::cancelled) Q_EMIT failed(error);
}

}  // namespace moescope
