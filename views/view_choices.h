// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <string>
#include <utility>
#include <vector>

#include "core/result/result.h"

namespace moescope {

// A setting of a mark that a panel offers (core/result/marks.h): the first value, empty, is what the figure says
// itself.
struct ViewChoice {
  std::string key;
  QString words;
  std::vector<std::pair<std::string, QString>> values;
};
// `result` may be null: then what depends on it is left out.
std::vector<ViewChoice> viewChoices(const Figure& figure, const Result* result);

}  // namespace moescope
