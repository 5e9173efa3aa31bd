// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/view_choices.h"

#include <QObject>
#include <algorithm>

#include "views/parameter_field.h"

namespace moescope {

namespace {

// Other values of the result over the same axes as the one that the figure shows.
ViewChoice otherValues(const Figure& figure, const Result& result) {
  ViewChoice choice{"values", QObject::tr("Values"), {}};
  const Array* shown = figure.values.empty() ? nullptr : result.array(figure.values.front());
  if (shown == nullptr) return choice;
  choice.values.emplace_back("", plainName(figure.values.front()));
  for (const Value& value : result.values) {
    const auto* array = std::get_if<Array>(&value.content);
    if (array != nullptr && array->axes == shown->axes && value.name != figure.values.front())
      choice.values.emplace_back(value.name, plainName(value.name));
  }
  return choice;
}

}  // namespace

std::vector<ViewChoice> viewChoices(const Figure& figure, const Result* result) {
  std::vector<ViewChoice> choices;
  if (figure.mark == "heat map" && result != nullptr)
    if (ViewChoice values = otherValues(figure, *result); values.values.size() > 1)
      choices.push_back(std::move(values));
  if (figure.mark == "sorted bars")
    choices.push_back(
        {"order", QObject::tr("Order"), {{"", QObject::tr("By height")}, {"axis", QObject::tr("By number")}}});
  if (figure.mark == "token text") {
    ViewChoice rank{"rank", QObject::tr("Coloured by"), {{"", QObject::tr("First choice")}}};
    const Value* value = result == nullptr || figure.values.empty() ? nullptr : result->find(figure.values.front());
    const auto* text = value == nullptr ? nullptr : std::get_if<TokenText>(&value->content);
    for (std::int64_t k = 1; text != nullptr && k < std::min<std::int64_t>(text->k, 8); ++k)
      rank.values.emplace_back(std::to_string(k), QObject::tr("Choice %1").arg(k + 1));
    if (rank.values.size() > 1) choices.push_back(std::move(rank));
  }
  return choices;
}

}  // namespace moescope
