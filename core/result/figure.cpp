// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result/figure.h"

#include <fmt/format.h>

namespace moescope {

Figure heatMap(std::string name, std::string value) {
  return {.name = std::move(name), .mark = "heat map", .values = {std::move(value)}};
}
Figure sortedBars(std::string name, std::string value) {
  return {.name = std::move(name), .mark = "sorted bars", .values = {std::move(value)}};
}
Figure lines(std::string name, std::vector<std::string> values) {
  return {.name = std::move(name), .mark = "lines", .values = std::move(values)};
}
Figure table(std::string name, std::vector<std::string> values) {
  return {.name = std::move(name), .mark = "table", .values = std::move(values)};
}
Figure tokenText(std::string name, std::string value) {
  return {.name = std::move(name), .mark = "token text", .values = {std::move(value)}};
}
Figure histogram(std::string name, std::string value) {
  return {.name = std::move(name), .mark = "histogram", .values = {std::move(value)}};
}
Figure lorenz(std::string name, std::string value) {
  return {.name = std::move(name), .mark = "lorenz", .values = {std::move(value)}};
}
Figure scatter(std::string name, std::vector<std::string> values) {
  return {.name = std::move(name), .mark = "scatter", .values = std::move(values)};
}
Figure sankey(std::string name, std::string value) {
  return {.name = std::move(name), .mark = "sankey", .values = {std::move(value)}};
}
Figure matrixWithTree(std::string name, std::string value, std::string linkage) {
  Figure figure{.name = std::move(name), .mark = "matrix with tree", .values = {std::move(value)}};
  return figure.option("linkage", std::move(linkage));
}

Json toJson(const Figure& figure) {
  Json json = {{"name", figure.name}, {"mark", figure.mark}, {"values", figure.values}};
  if (!figure.axes.empty()) json["axes"] = figure.axes;
  if (!figure.atAxis.empty()) json["at"] = figure.atAxis;
  if (!figure.scaleName.empty()) json["scale"] = figure.scaleName;
  if (!figure.title.empty()) json["title"] = figure.title;
  if (!figure.page.empty()) json["page"] = figure.page;
  if (!figure.options.empty()) json["options"] = figure.options;
  return json;
}

namespace {

Expected<std::string> words(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return std::string();
  if (!found->is_string()) return inputError(fmt::format("A figure's \"{}\" is {}, not a string.", key, found->dump()));
  return found->get<std::string>();
}

Expected<std::vector<std::string>> names(const Json& json, const char* key) {
  std::vector<std::string> list;
  const auto found = json.find(key);
  if (found == json.end()) return list;
  if (!found->is_array()) return inputError(fmt::format("A figure's \"{}\" is not a list of names.", key));
  for (const Json& item : *found) {
    if (!item.is_string()) return inputError(fmt::format("A figure's \"{}\" holds something that is no name.", key));
    list.push_back(item.get<std::string>());
  }
  return list;
}

}  // namespace

Expected<Figure> figureFromJson(const Json& json) {
  if (!json.is_object()) return inputError("A figure must be a JSON object with \"name\", \"mark\" and \"values\".");
  Figure figure;
  TRY_ASSIGN(figure.name, words(json, "name"));
  TRY_ASSIGN(figure.mark, words(json, "mark"));
  TRY_ASSIGN(figure.values, names(json, "values"));
  TRY_ASSIGN(figure.axes, names(json, "axes"));
  TRY_ASSIGN(figure.atAxis, words(json, "at"));
  TRY_ASSIGN(figure.scaleName, words(json, "scale"));
  TRY_ASSIGN(figure.title, words(json, "title"));
  TRY_ASSIGN(figure.page, words(json, "page"));
  if (const auto options = json.find("options"); options != json.end()) {
    if (!options->is_object()) return inputError("A figure's \"options\" is not a JSON object.");
    figure.options = *options;
  }
  if (figure.name.empty() || figure.mark.empty() || figure.values.empty())
    return inputError("A figure needs a \"name\", a \"mark\" and at least one name in \"values\".");
  return figure;
}

}  // namespace moescope
