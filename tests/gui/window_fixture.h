// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDir>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <memory>

#include "core/study/study.h"
#include "views/figure_panel.h"
#include "views/main_window.h"
#include "views/pages/page.h"

// A window on an empty study with a scripted supervisor (fake_serve.py) in place of the engine.
namespace moescope::window {

inline Json operationsJson() {
  Description import{.id = "corpus.import",
                     .title = "Import text",
                     .help = "Reads folders of text.",
                     .page = "",
                     .out = {{"corpus", Kind::corpus}},
                     .parameters = {path("path", "The folder.")}};
  Description train{.id = "train.lm",
                    .title = "Train a language model",
                    .help = "Trains.",
                    .page = "Train",
                    .in = {{"corpus", Kind::corpus}},
                    .out = {{"model", Kind::model}, {"run", Kind::run}},
                    .parameters = {integer("steps", 300, 1, 1e6, "", "How many.")}};
  Description capture{.id = "capture.routing",
                      .title = "Capture routing",
                      .help = "Records.",
                      .page = "",
                      .in = {{"model", Kind::model}, {"corpus", Kind::corpus}},
                      .out = {{"trace", Kind::trace}}};
  Description load{
      .id = "load.balance",
      .title = "Load balance",
      .help = "How evenly.",
      .page = "Load",
      .in = {{"trace", Kind::trace}},
      .out = {{"result", Kind::result}},
      .figures = {heatMap("load", "utilisation").over({"layer", "expert"}).titled("Load by layer and expert")},
      .interactive = true};
  Json list = Json::array();
  for (const Description& one : {import, train, capture, load}) list.push_back(toJson(one));
  return list;
}

inline Json row(char digit, const char* kind, const char* name, std::vector<std::string> inputs = {}) {
  return {{"id", std::string(64, digit)},      {"kind", kind},     {"names", {name}}, {"state", "present"},
          {"created", "2026-01-02T03:04:05Z"}, {"inputs", inputs}, {"bytes", 1234}};
}

// Two layers of three experts with one hot in each, and a metric over layers.
inline Result loadResult() {
  Result result;
  result.axes = {{"layer", {"0 (block 1)", "1 (block 2)"}}, {"expert", {"0", "1", "2"}}};
  Array& load = result.add("utilisation", "x fair share", {"layer", "expert"}, {0.5, 1, 1.5, 2, 0.5, 0.5});
  load.help = "Assignments over the fair share N k / E (Shazeer et al. 2017).";
  result.add("other", "x fair share", {"layer", "expert"}, {1, 1, 1, 1, 1, 1});
  result.add("cv", "", {"layer"}, {0.4, 0.7});
  result.figures = {heatMap("load", "utilisation")
                        .over({"layer", "expert"})
                        .scale("log2 around 1")
                        .titled("Load by layer and expert"),
                    sortedBars("layer", "utilisation").over({"expert"}).at("layer").titled("Experts by load"),
                    lines("cv", {"cv"}).over({"layer"}).titled("Unevenness by layer")};
  result.facts = {{"tokens", 98304}, {"documents", 412}};
  return result;
}

class Fixture {
 public:
  Fixture() : folder_(std::make_unique<QTemporaryDir>()), study_(folder_->filePath("study")) {
    if (!Study::create(study_.toStdString())) qFatal("no study could be made");
    newSession("window.ini");
  }

  // The window as it is after the engine has told operations and rows.
  void open(Json script) {
    if (!script.contains("operations")) script["operations"] = operationsJson();
    const QString file = folder_->filePath("script.json");
    QFile::remove(file + ".died");
    QFile out(file);
    QVERIFY(out.open(QIODevice::WriteOnly));
    out.write(QByteArray::fromStdString(script.dump()));
    out.close();
    window_.reset();
    window_ = std::make_unique<MainWindow>(*session_, command(), study_);
    window_->resize(1440, 900);
    QSignalSpy rows(&window_->workbench(), &Workbench::firstRows);
    QSignalSpy operations(&window_->workbench().engine, &EngineClient::operationsArrived);
    window_->show();
    QTRY_COMPARE_WITH_TIMEOUT(rows.size(), 1, 10000);
    QTRY_COMPARE_WITH_TIMEOUT(operations.size(), 1, 10000);
  }
  // A study with a trace and its load, shown on the Load page. More of the script can be given.
  void openLoad(Json more = Json::object()) {
    const std::string result(64, 'f');
    QDir(study_).mkpath("arrays");
    QVERIFY(writeResult(loadResult(), resultFile().toStdString()).has_value());
    Json made = row('f', "result", "lb", {std::string(64, 'c')});
    made["operation"] = "load.balance";
    made["request"] = {{"operation", "load.balance"}, {"set", Json::object()}};
    more["rows"] = {row('a', "corpus", "text"), row('b', "model", "toy", {std::string(64, 'a')}),
                    row('c', "trace", "toy-on-text", {std::string(64, 'b')}), made};
    open(more);
    window_->showPage("Load");
    QTRY_VERIFY_WITH_TIMEOUT(window_->idle() && panels().size() == 3, 10000);
  }
  QString resultFile() const { return study_ + "/arrays/" + QString(64, 'f') + ".h5"; }
  QList<FigurePanel*> panels() const { return window_->page()->findChildren<FigurePanel*>(); }
  FigurePanel* panel(const QString& title) const {
    for (FigurePanel* one : panels())
      if (one->title().contains(title)) return one;
    return nullptr;
  }
  // What the window has sent of a type of message, one JSON a line.
  QString sent(const QString& type) const {
    QFile in(folder_->filePath("script.json.got"));
    if (!in.open(QIODevice::ReadOnly)) return {};
    QString found;
    for (const QByteArray& line : in.readAll().split('\n'))
      if (line.contains(("\"type\":\"" + type + "\"").toUtf8())) found += QString::fromUtf8(line) + "\n";
    return found;
  }
  void newSession(const QString& file) {
    window_.reset();
    session_ = std::make_unique<Session>(folder_->filePath(file));
  }
  QString command() const {
    return QStringLiteral("python3 -B \"%1/tests/gui/fake_serve.py\" \"%2\"")
        .arg(QStringLiteral(MOESCOPE_SOURCE_DIR), folder_->filePath("script.json"));
  }
  QString path(const QString& name) const { return folder_->filePath(name); }
  const QString& study() const { return study_; }
  MainWindow& window() { return *window_; }
  Workbench& bench() { return window_->workbench(); }
  Session& session() { return *session_; }
  void close() { window_.reset(); }
  QAction& action(const QString& id) {
    QAction* found = bench().actions.find(id);
    if (found == nullptr) qFatal("there is no action %s", qPrintable(id));
    return *found;
  }

 private:
  std::unique_ptr<QTemporaryDir> folder_;
  QString study_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<MainWindow> window_;
};

}  // namespace moescope::window
