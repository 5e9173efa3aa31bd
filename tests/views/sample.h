// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <memory>

#include "core/result/drawing.h"

// Results that the tests of views draw: small, with a known hottest and coldest expert.
namespace moescope::sample {

// Utilisation 2^((e - 4) / 2) of expert e in every layer but the last, where all are fair and so grey.
inline Result load(int layers = 4, int experts = 8) {
  Result result{.axes = {{"layer", {}}, {"expert", {}}}};
  std::vector<double> values, low, high;
  for (int layer = 0; layer < layers; ++layer)
    result.axes[0].labels.push_back(std::to_string(layer) + " (block " + std::to_string(2 * layer) + ")");
  for (int expert = 0; expert < experts; ++expert) result.axes[1].labels.push_back(std::to_string(expert));
  for (int layer = 0; layer < layers; ++layer)
    for (int expert = 0; expert < experts; ++expert) {
      values.push_back(layer + 1 == layers ? 1 : std::exp2(4.0 * expert / (experts - 1) - 2));
      low.push_back(values.back() * 0.95);
      high.push_back(values.back() * 1.05);
    }
  Array& load = result.add("utilisation", "x fair share", {"layer", "expert"}, values);
  load.low = low;
  load.high = high;
  std::vector<double> cv;
  for (int layer = 0; layer < layers; ++layer) cv.push_back(0.5 / (layer + 1));
  Array& metric = result.add("cv", "", {"layer"}, cv);
  metric.baseline.assign(cv.size(), 0.05);
  for (double value : cv) {
    metric.low.push_back(value * 0.9);
    metric.high.push_back(value * 1.1);
  }
  result.add("gini", "", {"layer"}, std::vector<double>(cv.size(), 0.125));
  result.facts = {{"tokens", 98304}, {"documents", 412}};
  return result;
}

inline std::shared_ptr<const Drawing> drawn(const Result& result, const Figure& figure, const ViewState& view = {}) {
  auto drawing = draw(result, figure, view);
  if (!drawing) throw std::runtime_error(drawing.error().message);
  return std::make_shared<const Drawing>(*std::move(drawing));
}

inline Figure heat() {
  return heatMap("load", "utilisation").over({"layer", "expert"}).scale("log2 around 1").greyWithinBaseline();
}
inline Figure bars() {
  return sortedBars("bars", "utilisation")
      .over({"expert"})
      .at("layer")
      .line(1, "fair share")
      .option("noise_floor", 0.1);
}
inline Figure metrics() {
  return lines("metrics", {"cv", "gini"}).over({"layer"}).floor("baseline");
}
inline Figure summary() {
  return table("summary", {"cv", "gini"}).over({"layer"}).option("summary", "mean over layer");
}

// Losses of some domains over many steps, and a text.
inline Result training(int steps = 400) {
  Result result{.axes = {{"step", {}}, {"domain", {"German", "Perl", "Russian", "licences", "C"}}}};
  std::vector<double> values;
  for (int step = 0; step < steps; ++step) {
    result.axes[0].labels.push_back(std::to_string(step * 5));
    for (int domain = 0; domain < 5; ++domain)
      values.push_back(3 - (1.4 + 0.1 * domain) * (1 - std::exp(-step / 60.0)) +
                       0.03 * std::sin(step * (1.7 + domain)));
  }
  result.add("loss_by_domain", "nats", {"step", "domain"}, values);
  return result;
}
inline Figure losses() {
  return lines("loss", {"loss_by_domain"}).over({"step", "domain"}).titled("Loss by domain");
}

inline Result text() {
  TokenText text{.layers = 2, .k = 2};
  const char* words[] = {"Die ",      "Funktion ",   "open() ", "gibt ",    "einen ",  "Datei",  "deskriptor ",
                         "zurück, ",  "der ",        "sich ",   "auf die ", "offene ", "Datei ", "bezieht.\n",
                         "#include ", "<stdio.h>\n", "int ",    "main(",    "void) ",  "{ }\n"};
  for (int i = 0; i < 20; ++i) {
    text.text.push_back(words[i]);
    text.id.push_back(100 + i);
    for (int layer = 0; layer < 2; ++layer)
      for (int rank = 0; rank < 2; ++rank) {
        text.expert.push_back((i * (layer + 1) / 3 + rank * 3) % 8);
        text.weight.push_back(rank == 0 ? 0.7f : 0.3f);
      }
    text.loss.push_back(1.5f);
  }
  Result result;
  result.add("text", std::move(text));
  return result;
}

}  // namespace moescope::sample
