// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/theme.h"

#include <QApplication>
#include <QFontDatabase>
#include <QPalette>
#include <QStyleFactory>
#include <cmath>

#include "views/style_sheet.h"

// Of a static library: named here so that it is linked.
static void keepResources() {
  Q_INIT_RESOURCE(window);
}

namespace moescope {
namespace {

// Okabe & Ito 2008, "Color Universal Design", in the order in which domains get them; the eighth is black in the
// source, here the muted text of the theme, which black would not be told from.
std::array<QColor, 8> okabeIto(const QColor& last) {
  return {QColor(0x0072b2), QColor(0xcc79a7), QColor(0xe69f00), QColor(0x56b4e9),
          QColor(0x009e73), QColor(0xd55e00), QColor(0xf0e442), last};
}

// model, corpus, trace, activations, run, plan, result, sheet
std::array<QColor, 8> byKind(const std::array<QColor, 8>& domains) {
  return {domains[0], domains[4], domains[2], domains[6], domains[3], domains[5], domains[1], domains[7]};
}

Theme makeLight() {
  Theme theme;
  theme.dark = false;
  theme.background = QColor(0xf6f7f9);
  theme.surface = QColor(0xffffff);
  theme.raised = QColor(0xfbfcfd);
  theme.line = QColor(0xe1e4e9);
  theme.neutral = QColor(0xeceff3);
  theme.text = QColor(0x1c2026);
  theme.muted = QColor(0x667080);
  theme.faint = QColor(0x98a1af);
  theme.accent = QColor(0x2f6fde);
  theme.accentGround = QColor(0xe8f0fd);
  theme.onAccent = theme.surface;
  theme.good = QColor(0x1c8a5a);
  theme.warn = QColor(0xb26a00);
  theme.bad = QColor(0xc2363f);
  theme.readOut = theme.text;
  theme.readOutText = theme.surface;
  theme.domains = okabeIto(theme.muted);
  theme.kinds = byKind(theme.domains);
  return theme;
}

Theme makeDark() {
  Theme theme;
  theme.dark = true;
  theme.background = QColor(0x16181d);
  theme.surface = QColor(0x1d2026);
  theme.raised = QColor(0x23272e);
  theme.line = QColor(0x30353e);
  theme.neutral = QColor(0x2a2e36);
  theme.text = QColor(0xe6e9ee);
  theme.muted = QColor(0x99a2b0);
  theme.faint = QColor(0x6d7685);
  theme.accent = QColor(0x6ba1ff);
  theme.accentGround = QColor(0x22324f);
  theme.onAccent = theme.background;
  theme.good = QColor(0x4fc08d);
  theme.warn = QColor(0xe0a447);
  theme.bad = QColor(0xef6f77);
  theme.readOut = theme.text;
  theme.readOutText = theme.background;
  theme.domains = okabeIto(theme.muted);
  theme.kinds = byKind(theme.domains);
  return theme;
}

QString textFamily() {
  static const QString family = [] {
    const QStringList families = QFontDatabase::families();
    for (const char* wanted : {"Inter", "Noto Sans", "DejaVu Sans"})
      if (families.contains(QLatin1String(wanted))) return QString::fromLatin1(wanted);
    return QFontDatabase::systemFont(QFontDatabase::GeneralFont).family();
  }();
  return family;
}

QFont sized(int pixels, QFont::Weight weight = QFont::Normal) {
  QFont font(textFamily());
  font.setPixelSize(pixels);
  font.setWeight(weight);
  return font;
}

QPalette paletteOf(const Theme& theme) {
  QPalette palette;
  const auto set = [&](QPalette::ColorRole role, const QColor& colour) { palette.setColor(role, colour); };
  set(QPalette::Window, theme.background);
  set(QPalette::WindowText, theme.text);
  set(QPalette::Base, theme.surface);
  set(QPalette::AlternateBase, theme.raised);
  set(QPalette::Text, theme.text);
  set(QPalette::PlaceholderText, theme.muted);
  set(QPalette::Button, theme.surface);
  set(QPalette::ButtonText, theme.text);
  set(QPalette::BrightText, theme.bad);
  set(QPalette::Highlight, theme.accentGround);
  set(QPalette::HighlightedText, theme.text);
  set(QPalette::Link, theme.accent);
  set(QPalette::LinkVisited, theme.accent);
  set(QPalette::ToolTipBase, theme.readOut);
  set(QPalette::ToolTipText, theme.readOutText);
  set(QPalette::Light, theme.raised);
  set(QPalette::Midlight, theme.raised);
  set(QPalette::Mid, theme.line);
  set(QPalette::Dark, theme.line);
  set(QPalette::Shadow, theme.line);
  for (QPalette::ColorRole role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
    palette.setColor(QPalette::Disabled, role, theme.faint);
  return palette;
}

}  // namespace

QColor Theme::ink(Ink ink) const {
  switch (ink) {
    case Ink::text:
      return text;
    case Ink::muted:
      return muted;
    case Ink::line:
      return line;
    case Ink::accent:
      return accent;
    case Ink::neutral:
      return neutral;
    case Ink::good:
      return good;
    case Ink::warn:
      return warn;
    case Ink::bad:
      return bad;
    default:
      return domains[static_cast<std::size_t>(static_cast<int>(ink) - static_cast<int>(Ink::domain0)) % 8];
  }
}

const Theme& Theme::light() {
  static const Theme theme = makeLight();
  return theme;
}

const Theme& Theme::darkened() {
  static const Theme theme = makeDark();
  return theme;
}

QString name(ThemeChoice choice) {
  return choice == ThemeChoice::light  ? QStringLiteral("light")
         : choice == ThemeChoice::dark ? QStringLiteral("dark")
                                       : QStringLiteral("system");
}

ThemeChoice themeChoiceFromName(const QString& name) {
  return name == QLatin1String("light")  ? ThemeChoice::light
         : name == QLatin1String("dark") ? ThemeChoice::dark
                                         : ThemeChoice::system;
}

void applyTheme(QApplication& application, const Theme& theme) {
  keepResources();
  if (application.styleSheet().isEmpty()) application.setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
  application.setPalette(paletteOf(theme));
  application.setFont(textFont());
  application.setStyleSheet(styleSheet(theme));
}

const Theme& currentTheme() {
  return QGuiApplication::palette().color(QPalette::Window).lightness() < 128 ? Theme::darkened() : Theme::light();
}

QFont textFont() {
  return sized(Measures::text);
}
QFont titleFont() {
  return sized(Measures::text, QFont::DemiBold);
}
QFont captionFont() {
  return sized(Measures::caption);
}

QFont codeFont() {
  QFont font = QFontDatabase::systemFont(QFontDatabase::FixedFont);
  font.setPixelSize(Measures::text);
  return font;
}

double contrast(const QColor& one, const QColor& other) {
  const auto linear = [](double part) {
    return part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
  };
  const auto luminance = [&](const QColor& colour) {
    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF());
  };
  const double left = luminance(one), right = luminance(other);
  return (std::max(left, right) + 0.05) / (std::min(left, right) + 0.05);
}

}  // namespace moescope
