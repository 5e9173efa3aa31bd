// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

// A figure is data: a mark, the values it shows, over which axes. An analysis writes no view code at all.
//   heatMap("load", "utilisation").over({"layer", "expert"}).scale("log2 around 1").greyWithinBaseline()
struct Figure {
  std::string name;                 // unique within the operation
  std::string mark;                 // "heat map", "sorted bars", "lines", "table", "token text", ... (result/marks.h)
  std::vector<std::string> values;  // names of the result's values
  std::vector<std::string> axes;    // over these, in order (heat map: rows, columns)
  std::string atAxis;               // one index of this axis is shown at a time, chosen by the selection ("layer")
  std::string scaleName;            // "", "log2 around 1", "linear", "sequential", "diverging around 0"
  std::string title;                // plain words; "" = made from the values' names
  std::string page;                 // "" = the operation's page
  Json options = Json::object();    // mark-specific: {"line":{"at":1,"label":"fair share"},"grey_within_baseline":true,"floor":"baseline"}

  Figure& over(std::vector<std::string> names) { axes = std::move(names); return *this; }
  Figure& at(std::string axis) { atAxis = std::move(axis); return *this; }
  Figure& scale(std::string what) { scaleName = std::move(what); return *this; }
  Figure& titled(std::string words) { title = std::move(words); return *this; }
  Figure& line(double at, std::string label) { options["line"] = Json{{"at", at}, {"label", std::move(label)}}; return *this; }
  Figure& greyWithinBaseline() { options["grey_within_baseline"] = true; return *this; }
  Figure& floor(std::string of) { options["floor"] = std::move(of); return *this; }
  Figure& option(const std::string& key, Json value) { options[key] = std::move(value); return *this; }
};

Figure heatMap(std::string name, std::string value);
Figure sortedBars(std::string name, std::string value);
Figure lines(std::string name, std::vector<std::string> values);
Figure table(std::string name, std::vector<std::string> values);  // Array values become columns over the first axis; or one Table value
Figure tokenText(std::string name, std::string value);
Figure histogram(std::string name, std::string value);
Figure lorenz(std::string name, std::string value);
Figure scatter(std::string name, std::vector<std::string> values);  // two arrays, x and y; or one Points value
Figure sankey(std::string name, std::string value);
Figure matrixWithTree(std::string name, std::string value, std::string linkage);

Json toJson(const Figure& figure);
Expected<Figure> figureFromJson(const Json& json);

}  // namespace moescope
