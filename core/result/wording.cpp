// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result/wording.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "core/result/drawing.h"

namespace moescope {

namespace {
std::string fixed(double value, int decimals) {
  std::string text = fmt::format("{:.{}f}", value, decimals);
  return text.find_first_not_of("-0.") == std::string::npos && text.front() == '-' ? text.substr(1) : text;
}
}  // namespace

std::string number(double value, int digits) {
  if (std::isnan(value)) return "–";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (value == std::floor(value) && size < 1e15) return fmt::format("{:.0f}", value);  // a count is never rounded
  if (size >= std::pow(10.0, digits) && size < 1e6) return fmt::format("{:.0f}", value);
  return fmt::format("{:.{}g}", value, digits);
}

std::string words(std::string_view name, const Figure& figure) {
  if (const auto names = figure.options.find("names"); names != figure.options.end() && names->is_object())
    if (const auto own = names->find(name); own != names->end() && own->is_string()) return own->get<std::string>();
  static const std::set<std::string, std::less<>> acronyms{"cv", "kl", "nll", "js", "l2", "pca", "svd"};
  std::string text;
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('_', start), name.size());
    std::string word(name.substr(start, end - start));
    if (word == "gini" || word == "jain") word = sentence(std::move(word));
    if (acronyms.contains(word))
      std::ranges::transform(word, word.begin(), [](unsigned char c) { return std::toupper(c); });
    if (!text.empty() && !word.empty()) text += ' ';
    text += word;
    start = end + 1;
  }
  return text;
}

std::string sentence(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string unitWords(std::string_view unit) {
  return unit.starts_with("x ") ? fmt::format("× {}", unit.substr(2)) : std::string(unit);
}

std::string besides(std::string_view said, std::string_view unit) {
  return said.ends_with(unit) ? "" : unitWords(unit);
}

std::string quantity(std::string_view name, std::string_view unit, const Figure& figure) {
  const std::string said = words(name, figure), beside = besides(said, unit);
  return beside.empty() ? said : fmt::format("{}, {}", said, beside);
}

std::string place(const Axis& axis, std::size_t index) {
  return axis.name + " " + axis.labels.at(index);
}

std::string shortLabel(const std::string& label) {
  return label.substr(0, label.find(" ("));
}

std::string measured(double value, std::string_view unit, double low, double high) {
  if (std::isnan(value)) return "no value";
  std::string text = number(value);
  if (!unit.empty()) text += fmt::format(" {}", unit == "x fair share" ? "× fair" : unitWords(unit));
  if (!std::isnan(low) && !std::isnan(high)) text += fmt::format(" [{}, {}]", number(low), number(high));
  return text;
}

std::vector<std::string> evenly(const std::vector<double>& values, bool whole, bool tiny) {
  double largest = 0;
  for (double value : values)
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  const int decimals =
      whole || largest == 0 ? 0 : std::clamp(2 - static_cast<int>(std::floor(std::log10(largest))), 0, 6);
  const double smallest = 0.5 * std::pow(10.0, -decimals);
  std::vector<std::string> texts;
  texts.reserve(values.size());
  for (double value : values) {
    if (std::isnan(value))
      texts.emplace_back();
    else if (!std::isfinite(value) || std::abs(value) >= 1e6 ||
             (tiny && value != 0 && std::abs(value) < smallest && !whole))
      texts.push_back(number(value, 2));
    else
      texts.push_back(fixed(value, decimals));
  }
  return texts;
}

std::string grouped(std::int64_t count) {
  std::string text = std::to_string(std::abs(count));
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return fmt::format("{}{}", count < 0 ? "-" : "", text);
}

std::string sizeWords(const Json& facts) {
  std::string text;
  for (const char* key : {"tokens", "documents"}) {
    const auto found = facts.find(key);
    if (found == facts.end() || !found->is_number_integer()) continue;
    const auto count = found->get<std::int64_t>();
    std::string word = key;
    if (count == 1) word.pop_back();
    text += (text.empty() ? "" : ", ") + grouped(count) + " " + word;
  }
  return text;
}

std::string captioned(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts)
    if (!part.empty()) text += (text.empty() ? "" : " · ") + part;
  return text;
}

std::string titleOf(const Figure& figure, std::string_view made, std::string_view at) {
  std::string title = figure.title.empty() ? std::string(made) : figure.title;
  if (at.empty()) return sentence(std::move(title));
  const bool acronym = title.size() > 1 && std::isupper(static_cast<unsigned char>(title[1]));
  if (!title.empty() && !acronym) title[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(title[0])));
  return sentence(std::string(at)) + ", " + title;
}

}  // namespace moescope
