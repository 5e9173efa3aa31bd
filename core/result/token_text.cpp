// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "core/result/marks.h"
#include "core/result/utf8.h"
#include "core/result/wording.h"

namespace moescope {

namespace {

constexpr std::size_t mostHues = 8;

struct Shown {
  const TokenText& text;
  std::int64_t layer, rank;
  std::size_t at(std::size_t token, std::int64_t choice) const {
    return (token * static_cast<std::size_t>(text.layers) + static_cast<std::size_t>(layer)) *
               static_cast<std::size_t>(text.k) +
           static_cast<std::size_t>(choice);
  }
  std::int32_t expert(std::size_t token) const { return text.expert[at(token, rank)]; }
};

std::int64_t setting(const ViewState& view, const char* key, std::int64_t other) {
  const auto found = view.set.find(key);
  if (found != view.set.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), other);
  return other;
}

// The experts that get a hue: the selected ones, else those with the most tokens of this text, in the order of their
// number.
std::vector<std::int32_t> hued(const Shown& shown, const ViewState& view) {
  std::vector<std::int32_t> experts;
  if (const auto chosen = view.selected.find("expert"); chosen != view.selected.end() && !chosen->second.empty()) {
    for (std::int64_t expert : chosen->second)
      if (experts.size() < mostHues) experts.push_back(static_cast<std::int32_t>(expert));
    return experts;
  }
  std::map<std::int32_t, std::int64_t> count;
  for (std::size_t token = 0; token < shown.text.text.size(); ++token)
    if (shown.expert(token) >= 0) ++count[shown.expert(token)];
  for (const auto& [expert, tokens] : count) experts.push_back(expert);
  std::ranges::stable_sort(experts, [&](std::int32_t a, std::int32_t b) { return count[a] > count[b]; });
  if (experts.size() > mostHues) experts.resize(mostHues);
  std::ranges::sort(experts);
  return experts;
}

std::string readOut(const Shown& shown, std::size_t token) {
  const TokenText& text = shown.text;
  std::string words = fmt::format("\"{}\" · id {}", visible(text.text[token]), text.id[token]);
  if (!text.position.empty()) words += " · position " + std::to_string(text.position[token]);
  std::string choices;
  for (std::int64_t choice = 0; choice < text.k; ++choice) {
    const std::size_t cell = shown.at(token, choice);
    if (text.expert[cell] < 0) continue;
    choices +=
        fmt::format("{}expert {}: {}", choices.empty() ? "" : ", ", text.expert[cell], number(text.weight[cell], 2));
  }
  words += fmt::format("\n{}", choices.empty() ? "no expert" : choices);
  if (!text.loss.empty() && !std::isnan(text.loss[token]))
    words += fmt::format("\nloss {} nats", number(text.loss[token]));
  return words;
}

// Runs of whole characters: a token that ends within a character takes the bytes that end it, and says whose they are.
std::vector<DrawnText::Run> runs(const Shown& shown, const std::vector<std::int32_t>& experts) {
  std::vector<DrawnText::Run> list;
  std::string carried;  // bytes that the run before already shows
  const auto& tokens = shown.text.text;
  for (std::size_t token = 0; token < tokens.size(); ++token) {
    DrawnText::Run run{
        .readOut = readOut(shown, token), .token = static_cast<std::int64_t>(token), .expert = shown.expert(token)};
    const std::size_t given = std::min(carried.size(), tokens[token].size());
    std::string bytes = tokens[token].substr(given);
    carried.erase(0, given);
    for (std::size_t next = token + 1; next < tokens.size() && openBytes(bytes) > 0; ++next) {
      const std::size_t open = openBytes(bytes);
      const std::size_t missing = characterLength(static_cast<unsigned char>(bytes[bytes.size() - open])) - open;
      const std::string_view rest = std::string_view(tokens[next]).substr(0, missing);
      const auto ends =
          std::ranges::find_if(rest, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
      const std::string_view part = rest.substr(0, static_cast<std::size_t>(ends - rest.begin()));
      if (part.empty() && !tokens[next].empty()) break;  // the character never ends
      bytes += part;
      carried += part;
    }
    run.text = validUtf8(bytes);
    const auto hue = std::ranges::find(experts, shown.expert(token));
    if (hue != experts.end() && shown.expert(token) >= 0) run.ground = domainInk(hue - experts.begin());
    if (run.text.empty() && !list.empty()) list.back().readOut += "\n" + run.readOut;
    list.push_back(std::move(run));
  }
  return list;
}

DrawnData tidy(const Shown& shown) {
  const TokenText& text = shown.text;
  DrawnData data{.columns = {"token", "id", "text", "layer"}};
  for (std::int64_t choice = 0; choice < text.k; ++choice)
    data.columns.insert(data.columns.end(), {fmt::format("expert_{}", choice), fmt::format("weight_{}", choice)});
  if (!text.loss.empty()) data.columns.push_back("loss");
  for (std::size_t token = 0; token < text.text.size(); ++token) {
    auto& row = data.rows.emplace_back();
    row = {static_cast<double>(token), static_cast<double>(text.id[token]), visible(text.text[token]),
           static_cast<double>(shown.layer)};
    for (std::int64_t choice = 0; choice < text.k; ++choice) {
      row.emplace_back(static_cast<double>(text.expert[shown.at(token, choice)]));
      row.emplace_back(static_cast<double>(text.weight[shown.at(token, choice)]));
    }
    if (!text.loss.empty()) row.emplace_back(static_cast<double>(text.loss[token]));
  }
  return data;
}

std::string choiceWords(std::int64_t rank) {
  static const char* ordinals[] = {"first", "second", "third", "fourth"};
  return rank < 4 ? std::string(ordinals[rank]) + " choice" : std::to_string(rank + 1) + "th choice";
}

}  // namespace

Expected<Drawing> drawTokenText(const Result& result, const Figure& figure, const ViewState& view) {
  const Value* value = result.find(figure.values.front());
  const TokenText* text = value ? std::get_if<TokenText>(&value->content) : nullptr;
  if (!text)
    return inputError(fmt::format("The figure \"{}\" cannot be drawn: the result has no token text \"{}\".",
                                  figure.name, figure.values.front()));
  Drawing drawing;
  if (text->text.empty() || text->layers == 0 || text->k == 0) {
    drawing.title = titleOf(figure, "Text by expert", "");
    drawing.empty =
        text->text.empty() ? "There is no text to show." : "The model has no routed layer, so no token has an expert.";
    return drawing;
  }
  const auto wanted = view.at.find("layer");
  const Shown shown{*text, std::clamp<std::int64_t>(wanted == view.at.end() ? 0 : wanted->second, 0, text->layers - 1),
                    std::clamp<std::int64_t>(setting(view, "rank", 0), 0, text->k - 1)};
  const Axis* layers = result.axis("layer");
  const bool labelled = layers && layers->labels.size() == static_cast<std::size_t>(text->layers);
  const std::string layer =
      labelled ? place(*layers, static_cast<std::size_t>(shown.layer)) : fmt::format("layer {}", shown.layer);
  const std::vector<std::int32_t> experts = hued(shown, view);
  drawing.title = titleOf(figure, "text by expert", layer);
  drawing.text.emplace();
  drawing.text->runs = runs(shown, experts);
  bool others = false;
  for (std::size_t token = 0; token < text->text.size() && !others; ++token)
    others = shown.expert(token) >= 0 && std::ranges::find(experts, shown.expert(token)) == experts.end();
  for (std::size_t hue = 0; hue < experts.size(); ++hue)
    drawing.text->legend.emplace_back(fmt::format("expert {}", experts[hue]),
                                      domainInk(static_cast<std::int64_t>(hue)));
  if (others) drawing.text->legend.emplace_back("other experts", Ink::neutral);
  drawing.caption =
      captioned({"Colour: expert of the " + choiceWords(shown.rank) + ", " + layer, sizeWords(result.facts)});
  drawing.data = tidy(shown);
  return drawing;
}

}  // namespace moescope
