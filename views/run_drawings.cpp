// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/run_drawings.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/json_reading.h"
#include "core/result/wording.h"

namespace moescope {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr const char* byDomain = "validation_loss.";
constexpr std::size_t mostPoints = 4000;  // a line is not finer than the screen

const RunSeries::Series* metricOf(const RunSeries& run, const std::string& name) {
  const auto found = run.metrics.find(name);
  return found == run.metrics.end() ? nullptr : &found->second;
}

std::size_t widthOf(const RunSeries& run, const RunSeries::Series& series) {
  return run.step.empty() ? 0 : series.values.size() / run.step.size();
}

double meanOf(const double* values, std::size_t count) {
  double sum = 0;
  std::size_t known = 0;
  for (std::size_t i = 0; i < count; ++i)
    if (!std::isnan(values[i])) sum += values[i], ++known;
  return known == 0 ? unknown : sum / static_cast<double>(known);
}

// Mean over layers at each step where the metric was taken; steps without a value are left out, not gaps.
Polyline lineOf(const RunSeries& run, const std::string& metric, std::string label, Ink ink) {
  Polyline line;
  line.label = std::move(label);
  line.ink = ink;
  const RunSeries::Series* series = metricOf(run, metric);
  if (series == nullptr) return line;
  const std::size_t width = widthOf(run, *series);
  const std::size_t stride = std::max<std::size_t>(1, run.step.size() / mostPoints);
  for (std::size_t s = 0; s < run.step.size(); ++s) {
    const double value = meanOf(series->values.data() + s * width, width);
    if (std::isnan(value) || (s % stride != 0 && s + 1 != run.step.size())) continue;
    line.x.push_back(static_cast<double>(run.step[s]));
    line.y.push_back(value);
    line.readOut.push_back("step " + std::to_string(run.step[s]) + "\n" + (line.label.empty() ? metric : line.label) +
                           " " + number(value));
  }
  return line;
}

Polyline smoothedLine(Polyline line, double share) {
  if (share > 0) line.y = smoothed(line.y, share);
  return line;
}

// The index of the chosen step, or of the last one before it.
std::size_t indexAt(const RunSeries& run, const RunView& how) {
  if (!how.step) return run.step.size() - 1;
  const auto after = std::upper_bound(run.step.begin(), run.step.end(), *how.step);
  return after == run.step.begin() ? 0 : static_cast<std::size_t>(after - run.step.begin()) - 1;
}

void markStep(Drawing& drawing, const RunView& how) {
  if (!how.step || drawing.items.empty()) return;
  drawing.items.push_back(
      Rule{false, static_cast<double>(*how.step), "step " + std::to_string(*how.step), true, Ink::muted});
}

void addData(Drawing& drawing, const Polyline& line, const std::string& name) {
  if (drawing.data.columns.empty()) drawing.data.columns = {"series", "step", "value"};
  for (std::size_t i = 0; i < line.x.size(); ++i) drawing.data.rows.push_back({name, line.x[i], line.y[i]});
}

// One line a run, each in a hue of its own.
void addRuns(Drawing& drawing, const RunSeries& run, const RunView& how, const std::string& metric) {
  std::int64_t hue = 0;
  const auto add = [&](const RunSeries& one, const std::string& title) {
    Polyline line = smoothedLine(lineOf(one, metric, title, domainInk(hue++)), how.smoothing);
    addData(drawing, line, title);
    if (!line.x.empty()) drawing.items.push_back(std::move(line));
  };
  add(run, how.title.empty() ? "this run" : how.title);
  for (const RunView::Other& other : how.others)
    if (other.run != nullptr) add(*other.run, other.title);
}

// Axes around what is drawn. One early outlier (the first step) does not press everything else flat.
void fit(Drawing& drawing, bool fromZero) {
  double low = fromZero ? 0 : std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  double first = std::numeric_limits<double>::infinity(), last = 0;
  for (const Item& item : drawing.items) {
    const auto* line = std::get_if<Polyline>(&item);
    if (line == nullptr || line->x.empty()) continue;
    first = std::min(first, line->x.front());
    last = std::max(last, line->x.back());
    const auto [least, most] = std::minmax_element(line->y.begin(), line->y.end());
    low = std::min(low, *least);
    high = std::max(high, *most);
  }
  if (!std::isfinite(high)) return;
  const double room = std::max(1e-9, (high - low) * 0.05);
  drawing.x.label = "step";
  drawing.x.low = std::min(first, 0.0);
  drawing.x.high = std::max(last, drawing.x.low + 1);
  drawing.y.low = fromZero ? 0 : low - room;
  drawing.y.high = high + room;
}

}  // namespace

std::vector<double> smoothed(const std::vector<double>& values, double share) {
  std::vector<double> mean(values.size(), unknown);
  double sum = 0, weight = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) {
      sum = share * sum + (1 - share) * values[i];
      weight = share * weight + (1 - share);
    }
    if (weight > 0) mean[i] = sum / weight;
  }
  return mean;
}

double lastValue(const RunSeries& run, const std::string& metric) {
  const RunSeries::Series* series = metricOf(run, metric);
  if (series == nullptr) return unknown;
  const std::size_t width = widthOf(run, *series);
  for (std::size_t s = run.step.size(); s-- > 0;)
    if (const double value = meanOf(series->values.data() + s * width, width); !std::isnan(value)) return value;
  return unknown;
}

double total(const RunSeries& run, const std::string& metric) {
  const RunSeries::Series* series = metricOf(run, metric);
  if (series == nullptr) return 0;
  double sum = 0;
  for (double value : series->values) sum += std::isnan(value) ? 0 : value;
  return sum;
}

Drawing lossDrawing(const RunSeries& run, const RunView& how) {
  Drawing drawing;
  drawing.y.label = "loss, nats per token";
  if (!how.others.empty()) {
    drawing.title = "Loss of " + std::to_string(how.others.size() + 1) + " runs";
    drawing.caption = how.smoothing > 0 ? "Nats per token of training batches · exponential mean, " +
                                              number(how.smoothing) + " of the past"
                                        : "Nats per token of training batches";
    addRuns(drawing, run, how, "loss");
    fit(drawing, false);
    markStep(drawing, how);
    if (drawing.items.empty()) drawing.empty = "The first step is on its way.";
    return drawing;
  }
  drawing.title = "Loss by domain";
  drawing.caption = how.smoothing > 0 ? "Nats per token on held-out documents · thin: training, smoothed"
                                      : "Nats per token on held-out documents · thin: training";
  Polyline training = smoothedLine(lineOf(run, "loss", "", Ink::muted), how.smoothing);
  training.thin = true;
  addData(drawing, training, "training");
  if (!training.x.empty()) drawing.items.push_back(std::move(training));
  std::int64_t domain = 0;
  for (const auto& [name, series] : run.metrics) {
    if (!name.starts_with(byDomain)) continue;
    const std::string label = name.substr(std::string(byDomain).size());
    Polyline line = lineOf(run, name, label, domainInk(domain++));
    addData(drawing, line, label);
    if (!line.x.empty()) drawing.items.push_back(std::move(line));
  }
  if (domain == 0) {
    Polyline all = lineOf(run, "validation_loss", "held out", Ink::accent);
    addData(drawing, all, "held out");
    if (!all.x.empty()) drawing.items.push_back(std::move(all));
  }
  fit(drawing, false);
  markStep(drawing, how);
  if (drawing.items.empty()) drawing.empty = "The first step is on its way.";
  return drawing;
}

Drawing balanceDrawing(const RunSeries& run, const RunView& how) {
  Drawing drawing;
  drawing.title = "Balance against its floor";
  drawing.caption = "CV of load, mean over layers · dashed: balanced routing of one batch";
  drawing.y.label = "CV of load";
  Polyline floor = lineOf(run, "cv_floor", "floor", Ink::muted);
  floor.dashed = true;
  addData(drawing, floor, "floor");
  if (!floor.x.empty()) drawing.items.push_back(std::move(floor));
  if (how.others.empty()) {
    Polyline cv = smoothedLine(lineOf(run, "cv", "", Ink::accent), how.smoothing);
    addData(drawing, cv, "cv");
    if (!cv.x.empty()) drawing.items.push_back(std::move(cv));
  } else {
    addRuns(drawing, run, how, "cv");
  }
  fit(drawing, true);
  markStep(drawing, how);
  if (drawing.items.empty())
    drawing.empty = run.step.empty() ? "The first step is on its way." : "A dense model has no experts to balance.";
  return drawing;
}

Drawing loadDrawing(const RunSeries& run, const ViewState& view, const RunView& how) {
  Drawing drawing;
  const std::size_t at = run.step.empty() ? 0 : indexAt(run, how);
  const std::string when = run.step.empty() ? "" : "step " + std::to_string(run.step[at]);
  drawing.title = run.step.empty() ? "Load now" : (how.step ? "Load at " : "Load now, ") + when;
  drawing.caption =
      "Utilisation, × fair share, log₂ scale · every layer and expert, this batch · grey: within 2σ of fair";
  const RunSeries::Series* load = metricOf(run, "load");
  const RunSeries::Series* floor = metricOf(run, "cv_floor");
  if (load == nullptr || load->shape.size() != 2 || run.step.empty()) {
    drawing.empty = run.step.empty() ? "The first step is on its way." : "A dense model has no experts to balance.";
    return drawing;
  }
  Cells cells;
  cells.rows = load->shape[0];
  cells.columns = load->shape[1];
  cells.rowAxis = "layer";
  cells.columnAxis = "expert";
  const std::size_t width = static_cast<std::size_t>(cells.rows * cells.columns);
  const double* last = load->values.data() + at * width;
  drawing.data.columns = {"layer", "expert", "load"};
  for (std::int64_t layer = 0; layer < cells.rows; ++layer) {
    const bool known = floor != nullptr && floor->shape == std::vector<std::int64_t>{cells.rows};
    const double sigma =
        known ? floor->values[at * static_cast<std::size_t>(cells.rows) + static_cast<std::size_t>(layer)] : 0;
    for (std::int64_t expert = 0; expert < cells.columns; ++expert) {
      const double value = last[layer * cells.columns + expert];
      cells.colour.push_back(std::isnan(value) ? unknown : std::clamp(std::log2(std::max(value, 1e-6)), -2.0, 2.0));
      cells.grey.push_back(std::fabs(value - 1) <= 2 * sigma);
      cells.readOut.push_back("layer " + std::to_string(layer) + " · expert " + std::to_string(expert) + "\n" +
                              number(value) + " × fair share, " + when);
      drawing.data.rows.push_back({static_cast<double>(layer), static_cast<double>(expert), value});
    }
  }
  cells.text = evenly(std::vector<double>(last, last + width), false, false);
  drawing.x = {"expert", -0.5, static_cast<double>(cells.columns) - 0.5};
  drawing.y = {"layer", -0.5, static_cast<double>(cells.rows) - 0.5, true};
  drawing.scale = ColourScale{
      "blue white red", -2, 2, "utilisation, × fair share", {{-2, "¼"}, {-1, "½"}, {0, "fair"}, {1, "2×"}, {2, "4×"}}};
  const std::int64_t rows = cells.rows, columns = cells.columns;
  drawing.items.push_back(std::move(cells));
  if (const auto layer = view.at.find("layer"); layer != view.at.end() && layer->second >= 0 && layer->second < rows)
    drawing.items.push_back(Outline{-0.5, static_cast<double>(layer->second) - 0.5, static_cast<double>(columns) - 0.5,
                                    static_cast<double>(layer->second) + 0.5});
  return drawing;
}

std::optional<RunSample> sampleFromJson(const Json& json) {
  if (!json.is_object() || !json.contains("text") || !json["text"].is_array()) return std::nullopt;
  RunSample sample;
  const auto whole = [&](const char* key) {
    return json.contains(key) && json[key].is_number_integer() ? json[key].get<std::int64_t>() : 0;
  };
  sample.step = whole("step");
  sample.prompt = whole("prompt");
  for (const Json& word : json["text"]) sample.text.push_back(word.is_string() ? word.get<std::string>() : "");
  if (json.contains("expert") && json["expert"].is_array())
    for (const Json& layer : json["expert"]) {
      std::vector<std::int64_t>& experts = sample.expert.emplace_back();
      if (layer.is_array())
        for (const Json& expert : layer)
          experts.push_back(expert.is_number_integer() ? expert.get<std::int64_t>() : -1);
      experts.resize(sample.text.size(), -1);
    }
  return sample;
}

std::optional<RunSample> lastSample(const std::vector<std::string>& events, std::optional<std::int64_t> upTo) {
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    const auto json = parseJson(*event);
    if (json && json->is_object() && json->contains("sample"))
      if (auto sample = sampleFromJson((*json)["sample"]); sample && (!upTo || sample->step <= *upTo)) return sample;
  }
  return std::nullopt;
}

Drawing sampleDrawing(const std::optional<RunSample>& sample, const ViewState& view) {
  Drawing drawing;
  drawing.title = "A sample, coloured by expert";
  if (!sample) {
    drawing.empty = "The first sample comes with the first snapshot.";
    return drawing;
  }
  const auto at = view.at.find("layer");
  const std::int64_t layer =
      std::clamp<std::int64_t>(at == view.at.end() ? 0 : at->second, 0,
                               std::max<std::int64_t>(0, static_cast<std::int64_t>(sample->expert.size()) - 1));
  const bool routed = !sample->expert.empty();
  if (routed) drawing.title = "A sample, coloured by the expert of layer " + std::to_string(layer);
  drawing.caption = "Step " + std::to_string(sample->step) + " · first " + std::to_string(sample->prompt) +
                    " tokens given (paler) · refreshed at each snapshot";
  DrawnText text;
  drawing.data.columns = {"token", "text", "expert"};
  for (std::size_t t = 0; t < sample->text.size(); ++t) {
    DrawnText::Run run;
    run.text = sample->text[t];
    run.token = static_cast<std::int64_t>(t);
    const std::int64_t expert = routed ? sample->expert[static_cast<std::size_t>(layer)][t] : -1;
    if (expert >= 0) {
      run.ground = domainInk(expert);
      run.strength = static_cast<std::int64_t>(t) < sample->prompt ? 0.4 : 1;
      run.readOut = "expert " + std::to_string(expert) + " of layer " + std::to_string(layer);
    }
    drawing.data.rows.push_back({static_cast<double>(t), run.text, static_cast<double>(expert)});
    text.runs.push_back(std::move(run));
  }
  drawing.text = std::move(text);
  return drawing;
}

}  // namespace moescope
