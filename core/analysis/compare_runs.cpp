// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/analysis/operations.h"
#include "core/analysis/run_course.h"
#include "core/result/drawing.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Quantity {
  const char* metric;
  const char* unit;
  const char* help;
};
constexpr Quantity quantities[] = {
    {"validation_loss", "nats", "Mean cross-entropy of the next token on held-out documents."},
    {"loss", "nats", "Mean cross-entropy of the next token over the training batches of the window."},
    {"cv", "",
     "Coefficient of variation of the experts' load in a batch, population form, mean over layers; the floor "
     "is what balanced independent routing of as many tokens shows, sqrt((E - k) / (N k))."},
    {"max_violation", "", "max / mean - 1 of the experts' load in a batch, mean over layers (Wang et al. 2024)."},
    {"entropy", "", "Entropy of a token's router distribution over ln E, mean over tokens and layers."},
    {"router_z", "", "Mean over tokens and layers of (ln sum exp logits)^2 (Zoph et al. 2022)."},
    {"dropped", "share", "Share of assignments that capacity dropped, mean over layers."},
};

std::vector<std::string> metricNames() {
  std::vector<std::string> names{"cv_floor"};
  for (const Quantity& quantity : quantities) names.emplace_back(quantity.metric);
  return names;
}

Description describe() {
  return {
      .id = "compare.runs",
      .title = "Compare trainings",
      .help =
          "Several trainings side by side. Runs whose settings differ in their seed alone are one group; a group is "
          "named by the settings in which the groups differ. Lines are means over the runs of a group, their bands "
          "reach from its least run to its greatest. The last values are means over the final tenth of the steps; "
          "the interval of a group's mean is Student's t at 95 % over its runs, and is left out for one run.",
      .page = "Compare",
      .in = {{.name = "run", .kind = Kind::run, .many = true, .help = "two runs or more"}},
      .out = {{"result", Kind::result}},
      .parameters = {integer("windows", 60, 2, 2000, "", "points of a line; each is a mean over its steps")},
      .figures = {lines("validation", {"validation_loss"}).over({"validated_step", "group"}).titled("Held-out loss"),
                  lines("balance", {"cv"})
                      .over({"step", "group"})
                      .floor("baseline")
                      .titled("Unevenness of load while training"),
                  lines("violation", {"max_violation"})
                      .over({"step", "group"})
                      .titled("Largest violation of balance while training"),
                  lines("training", {"loss"}).over({"step", "group"}).titled("Training loss"),
                  lines("logits", {"router_z"})
                      .over({"step", "group"})
                      .option("logarithmic", true)
                      .titled("Size of the router's logits"),
                  table("last", {"last"}).titled("The end of the trainings")},
      .interactive = true,
      .example = "moescope-cli run compare.runs --study S --in run=a.run --in run=b.run --name ab"};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  if (inputs.all("run").size() < 2)
    return usageError("One run is nothing to compare: give --in run=NAME twice or more.");
  return Cost{.bytes = std::uint64_t(64 * set.integer("windows")) * inputs.all("run").size(), .memory = 32u << 20};
}

struct Group {
  std::string name;
  std::vector<const RunCourse*> runs;
};

// What a run is, whatever its seed.
Json withoutSeed(Json settings) {
  settings.erase("seed");
  return settings;
}

std::string said(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number() ? number(value.get<double>(), 6) : value.dump();
}

// Settings that are not the same in all groups; an option's own ("switch.jitter") only where the option is chosen.
std::string differences(const Json& own, const std::vector<Json>& all) {
  std::set<std::string> keys;
  for (const Json& settings : all)
    for (const auto& [key, value] : settings.items()) keys.insert(key);
  std::string text;
  for (const std::string& key : keys) {
    const bool same = std::ranges::all_of(
        all, [&](const Json& settings) { return settings.value(key, Json()) == own.value(key, Json()); });
    if (same || !own.contains(key)) continue;
    text += (text.empty() ? "" : ", ") + key + " " + said(own.at(key));
  }
  return text;
}

std::vector<Group> groupsOf(const std::vector<RunCourse>& runs) {
  std::vector<Json> settings;
  std::vector<Group> groups;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    // A run of an older version says nothing of its settings: a group of its own.
    const Json own = runs[i].settings.empty() ? Json{{"run", i + 1}} : withoutSeed(runs[i].settings);
    const auto group = std::size_t(std::ranges::find(settings, own) - settings.begin());
    if (group == settings.size()) {
      settings.push_back(own);
      groups.emplace_back();
    }
    groups[group].runs.push_back(&runs[i]);
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i].name = differences(settings[i], settings);
    if (groups[i].name.empty()) groups[i].name = groups.size() == 1 ? "all runs" : fmt::format("group {}", i + 1);
  }
  return groups;
}

// Two-sided 97.5 % points of Student's t for 1 to 30 degrees of freedom (closed values of its quantile function).
double studentT(std::size_t freedom) {
  constexpr double points[] = {12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
                               2.2010,  2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
                               2.0796,  2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423};
  return freedom <= std::size(points) ? points[freedom - 1] : 1.96 + 2.4 / double(freedom);
}

struct Spread {
  double mean = nan, least = nan, most = nan, half = nan;  // half: of the interval of the mean
};
Spread spreadOf(const std::vector<double>& values) {
  std::vector<double> known;
  for (double value : values)
    if (std::isfinite(value)) known.push_back(value);
  if (known.empty()) return {};
  Spread spread{.mean = 0, .least = *std::ranges::min_element(known), .most = *std::ranges::max_element(known)};
  for (double value : known) spread.mean += value / double(known.size());
  if (known.size() > 1) {
    double squares = 0;
    for (double value : known) squares += (value - spread.mean) * (value - spread.mean);
    const double n = double(known.size());
    spread.half = studentT(known.size() - 1) * std::sqrt(squares / (n - 1) / n);
  }
  return spread;
}

double valueAt(const RunCourse& run, const std::string& metric, std::size_t window) {
  const auto found = run.means.find(metric);
  return found == run.means.end() ? nan : found->second[window];
}

// Mean over the final tenth of the windows that the run reached.
double finalValue(const RunCourse& run, const std::string& metric) {
  const auto found = run.means.find(metric);
  if (found == run.means.end()) return nan;
  std::vector<double> known;
  for (double value : found->second)
    if (std::isfinite(value)) known.push_back(value);
  const std::size_t from = known.size() - (known.size() + 9) / 10;
  return spreadOf({known.begin() + std::ptrdiff_t(from), known.end()}).mean;
}

// Windows in which a run of any group has the quantity: held-out losses are taken every few steps only.
std::vector<std::size_t> windowsWith(const char* metric, const std::vector<Group>& groups, std::size_t windows) {
  std::vector<std::size_t> with;
  for (std::size_t window = 0; window < windows; ++window)
    if (std::ranges::any_of(groups, [&](const Group& group) {
          return std::ranges::any_of(
              group.runs, [&](const RunCourse* run) { return std::isfinite(valueAt(*run, metric, window)); });
        }))
      with.push_back(window);
  return with;
}

// Over the axis "step", or over an axis of its own where windows lack the quantity in all runs.
void addCourse(Result& result, const Quantity& quantity, const std::vector<Group>& groups, std::size_t windows) {
  const std::vector<std::size_t> with = windowsWith(quantity.metric, groups, windows);
  if (with.empty()) return;
  std::string axis = "step";
  if (std::string_view(quantity.metric) == "validation_loss") {
    axis = "validated_step";
    Axis own{.name = axis};
    for (std::size_t window : with) own.labels.push_back(result.axis("step")->labels[window]);
    result.axes.push_back(std::move(own));
  }
  std::vector<double> mean, low, high, floor;
  const auto addWindow = [&](std::size_t window) {
    for (const Group& group : groups) {
      std::vector<double> values, floors;
      for (const RunCourse* run : group.runs) {
        values.push_back(valueAt(*run, quantity.metric, window));
        floors.push_back(valueAt(*run, "cv_floor", window));
      }
      const Spread spread = spreadOf(values);
      mean.push_back(spread.mean);
      low.push_back(spread.least);
      high.push_back(spread.most);
      floor.push_back(spreadOf(floors).mean);
    }
  };
  if (axis == "step")
    for (std::size_t window = 0; window < windows; ++window) addWindow(window);
  else
    for (std::size_t window : with) addWindow(window);
  Array& array = result.add(quantity.metric, quantity.unit, {axis, "group"}, std::move(mean));
  array.help = std::string(quantity.help) + " Mean over the group's runs; low and high are its least and greatest run.";
  array.low = std::move(low);
  array.high = std::move(high);
  if (std::string_view(quantity.metric) == "cv") array.baseline = std::move(floor);
}

void addLast(Result& result, const std::vector<Group>& groups) {
  std::vector<std::string> names;
  std::vector<double> runs, floors;
  for (const Group& group : groups) {
    names.push_back(group.name);
    runs.push_back(double(group.runs.size()));
    std::vector<double> floor;
    for (const RunCourse* run : group.runs) floor.push_back(finalValue(*run, "cv_floor"));
    floors.push_back(spreadOf(floor).mean);
  }
  Table last{.columns = {{"group", "", names}, {"runs", "", runs}}};
  for (const Quantity& quantity : quantities) {
    std::vector<double> mean, half;
    for (const Group& group : groups) {
      std::vector<double> values;
      for (const RunCourse* run : group.runs) values.push_back(finalValue(*run, quantity.metric));
      const Spread spread = spreadOf(values);
      mean.push_back(spread.mean);
      half.push_back(spread.half);
    }
    if (std::ranges::none_of(mean, [](double value) { return std::isfinite(value); })) continue;
    last.columns.push_back({quantity.metric, quantity.unit, std::move(mean)});
    last.columns.push_back({std::string(quantity.metric) + " ±", quantity.unit, std::move(half)});
    if (std::string_view(quantity.metric) == "cv") last.columns.push_back({"cv floor", "", floors});
  }
  result.add("last", std::move(last));
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  const auto runs = inputs.all("run");
  std::int64_t lastStep = 1;
  for (const Artifact& artifact : runs) {
    TRY(last, lastStepOf(artifact.path));
    lastStep = std::max(lastStep, last);
  }
  const std::int64_t windows = std::min(set.integer("windows"), lastStep);
  std::vector<RunCourse> courses;
  for (const Artifact& artifact : runs) {
    TRY(course, courseOf(artifact.path, metricNames(), lastStep, windows, job));
    courses.push_back(std::move(course));
    job.progress(double(courses.size()) / double(runs.size()), "reading the runs");
  }
  const std::vector<Group> groups = groupsOf(courses);
  Axis step{.name = "step", .labels = {}}, group{.name = "group", .labels = {}};
  for (std::int64_t window = 0; window < windows; ++window)
    step.labels.push_back(fmt::format("{:.6g}", middleStep(window, windows, lastStep)));
  for (const Group& of : groups) group.labels.push_back(of.name);
  Result result{.axes = {std::move(step), std::move(group)},
                .facts = {{"operation", "compare.runs"}, {"runs", runs.size()}, {"groups", groups.size()}}};
  for (const Quantity& quantity : quantities) addCourse(result, quantity, groups, std::size_t(windows));
  addLast(result, groups);
  return one("result", std::move(result), {{"runs", runs.size()}, {"groups", groups.size()}});
}

}  // namespace

const Operation compareRuns{describe, estimate, run};

}  // namespace moescope
