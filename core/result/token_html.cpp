// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result/token_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/result/colours.h"
#include "core/result/utf8.h"

namespace moescope {

namespace {

constexpr double strength = 0.34;  // share of the hue behind a token, as in the window

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : validUtf8(text)) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  return out;
}

std::string ground(Ink ink, double share) {
  const Rgb hue = paperInk(ink);
  const auto mixed = [&](int part) { return static_cast<int>(std::lround(255 + (part - 255) * share * strength)); };
  return fmt::format("#{:02x}{:02x}{:02x}", mixed(hue.red), mixed(hue.green), mixed(hue.blue));
}

std::string chip(const std::string& text, Ink ink, double share, const std::string& title) {
  return fmt::format("<span style=\"background:{}\" title=\"{}\">{}</span>", ground(ink, share), escaped(title),
                     escaped(text));
}

}  // namespace

std::string tokenHtml(const Drawing& drawing) {
  if (!drawing.text) return {};
  std::string body, legend;
  for (const DrawnText::Run& run : drawing.text->runs)
    body += run.ground ? chip(run.text, *run.ground, run.strength, run.readOut)
                       : fmt::format("<span title=\"{}\">{}</span>", escaped(run.readOut), escaped(run.text));
  for (const auto& [label, ink] : drawing.text->legend) legend += chip(" " + label + " ", ink, 1, label) + " ";
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{0}</title>\n"
      "<style>body{{font:16px/1.6 sans-serif;max-width:46em;margin:2em auto;color:#1c2026;background:#fff}}"
      "pre{{white-space:pre-wrap;font:14px/1.7 monospace}}p{{color:#667080}}</style></head>\n"
      "<body>\n<h1>{0}</h1>\n<p>{1}</p>\n<pre>{2}</pre>\n<p>{3}</p>\n</body>\n</html>\n",
      escaped(drawing.title), escaped(drawing.caption), body, legend);
}

}  // namespace moescope
