// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/metrics_tail.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace moescope {

namespace {

constexpr std::size_t longestLine = 1000000;  // a little under the 1 MiB of the protocol

void appendNumber(std::string& text, double value) {
  if (std::isnan(value))
    text += "null";
  else if (std::isinf(value))
    text += value > 0 ? "\"inf\"" : "\"-inf\"";
  else {
    char digits[32];
    const float narrowed = static_cast<float>(value);
    // Whole numbers beyond 2^24 (tokens seen) and what single precision cannot hold keep all their digits.
    const bool whole = value == std::floor(value) || std::isinf(narrowed);
    const auto end = whole ? std::to_chars(digits, digits + sizeof digits, value).ptr
                           : std::to_chars(digits, digits + sizeof digits, narrowed).ptr;
    text.append(digits, end);
  }
}

void appendEntry(std::string& text, const std::vector<double>& entry, bool scalar) {
  if (entry.empty()) {
    text += "null";
  } else if (scalar) {
    appendNumber(text, entry[0]);
  } else {
    text += '[';
    for (std::size_t at = 0; at < entry.size(); ++at) {
      if (at > 0) text += ',';
      appendNumber(text, entry[at]);
    }
    text += ']';
  }
}

std::string joined(const std::vector<std::string>& parts, std::size_t first, std::size_t count) {
  std::string text = "[";
  for (std::size_t at = first; at < first + count; ++at) {
    if (at > first) text += ',';
    text += parts[at];
  }
  return text + "]";
}

}  // namespace

MetricsTail::Series& MetricsTail::series(const std::string& name, const std::vector<std::int64_t>& shape) {
  for (Series& series : series_)
    if (series.name == name && series.shape == shape) return series;
  return series_.emplace_back(Series{name, shape, {}});
}

void MetricsTail::fill() {
  for (Series& series : series_) series.entries.resize(steps_.size());
}

void MetricsTail::add(std::int64_t step, std::span<const Metric> metrics) {
  steps_.push_back(step);
  fill();
  for (const Metric& metric : metrics) {
    Series& to = series(metric.name, metric.shape);
    to.entries.resize(steps_.size());
    to.entries.back() = metric.values;
    size_ += metric.values.size();
  }
}

void MetricsTail::add(const Json& message, std::int64_t firstStep) {
  try {
    const Json& steps = message.at("steps");
    for (std::size_t at = 0; at < steps.size(); ++at) {
      const std::int64_t step = steps[at].get<std::int64_t>();
      if (step < firstStep) continue;
      std::vector<Metric> metrics;
      for (std::size_t of = 0; of < message.at("names").size(); ++of) {
        const Json& entry = message.at("values").at(of).at(at);
        const auto shape = message.at("shapes").at(of).get<std::vector<std::int64_t>>();
        if (entry.is_null() && !shape.empty()) continue;
        Metric metric{message["names"][of].get<std::string>(), {}, shape};
        if (entry.is_array())
          for (const Json& item : entry) metric.values.push_back(realFromJson(item));
        else
          metric.values.push_back(realFromJson(entry));
        metrics.push_back(std::move(metric));
      }
      // A long step is split over several messages; its parts come together again here.
      if (!steps_.empty() && steps_.back() == step) {
        for (const Metric& metric : metrics) {
          Series& to = series(metric.name, metric.shape);
          to.entries.resize(steps_.size());
          to.entries.back() = metric.values;
          size_ += metric.values.size();
        }
      } else {
        add(step, metrics);
      }
    }
  } catch (const Json::exception&) {
    // A torn or foreign line; the steps before it stand.
  }
}

std::vector<std::string> MetricsTail::take(const std::string& job) {
  fill();
  std::vector<std::string> lines;
  const auto write = [&](std::size_t firstStep, std::size_t steps, std::size_t firstSeries, std::size_t count,
                         const auto& again) -> void {
    std::vector<std::string> names, shapes, values, shownSteps;
    std::size_t length = 128 + job.size();
    for (std::size_t at = firstStep; at < firstStep + steps; ++at) shownSteps.push_back(std::to_string(steps_[at]));
    for (std::size_t of = firstSeries; of < firstSeries + count; ++of) {
      const Series& series = series_[of];
      names.push_back(Json(series.name).dump());
      shapes.push_back(Json(series.shape).dump());
      std::string column = "[";
      for (std::size_t at = firstStep; at < firstStep + steps; ++at) {
        if (at > firstStep) column += ',';
        appendEntry(column, series.entries[at], series.shape.empty());
      }
      length += column.size() + names.back().size() + shapes.back().size() + 8;
      values.push_back(column + "]");
      if (length > longestLine && steps > 1) {
        again(firstStep, steps / 2, firstSeries, count, again);
        return again(firstStep + steps / 2, steps - steps / 2, firstSeries, count, again);
      }
      if (length > longestLine && count > 1) {
        again(firstStep, steps, firstSeries, count / 2, again);
        return again(firstStep, steps, firstSeries + count / 2, count - count / 2, again);
      }
    }
    if (length > longestLine + (1u << 15)) return;  // one value larger than a message: only the run file has it
    lines.push_back(R"({"job":)" + Json(job).dump() + R"(,"names":)" + joined(names, 0, names.size()) +
                    R"(,"shapes":)" + joined(shapes, 0, shapes.size()) + R"(,"steps":)" +
                    joined(shownSteps, 0, shownSteps.size()) + R"(,"type":"metrics","values":)" +
                    joined(values, 0, values.size()) + "}");
  };
  if (!steps_.empty()) write(0, steps_.size(), 0, series_.size(), write);
  *this = MetricsTail();
  return lines;
}

}  // namespace moescope
