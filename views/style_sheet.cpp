// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/style_sheet.h"

#include <QHash>

#include "views/theme.h"

namespace moescope {
namespace {

constexpr char sheet[] = R"(
* { font-size: 13px; }
QWidget { color: @text; }
QMainWindow, QDialog { background: @background; }
QToolTip { background: @readOut; color: @readOutText; border: 0; padding: 5px 8px; font-size: 11px; }

QMenuBar { background: @surface; spacing: 2px; padding: 0 4px; }
QMenuBar::item { padding: 10px 8px 6px 8px; background: transparent; color: @muted; border-radius: 6px; }
QMenuBar::item:selected, QMenuBar::item:pressed { color: @text; background: @neutral; }
QMenu { background: @surface; border: 1px solid @line; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 12px; border-radius: 4px; }
QMenu::item:selected { background: @accentGround; color: @text; }
QMenu::item:disabled { color: @faint; }
QMenu::separator { height: 1px; background: @line; margin: 4px 8px; }
QMenu::indicator { width: 12px; height: 12px; left: 4px; }

QLabel[role="caption"], QLabel[role="hint"] { color: @muted; font-size: 11px; }
QLabel[role="muted"] { color: @muted; }
QLabel[role="title"] { font-weight: 600; }
QLabel[role="section"] { color: @muted; font-size: 11px; font-weight: 600; }
QLabel[role="wrong"] { color: @bad; font-size: 11px; }
QLabel[role="brand"] { font-weight: 700; }

QFrame[role="panel"] { background: @surface; border: 1px solid @line; border-radius: 8px; }
QFrame[role="side"], QWidget[role="side"] { background: @surface; }
QWidget[role="bar"] { background: @surface; border-top: 1px solid @line; }
QWidget[role="head"] { background: @surface; border-bottom: 1px solid @line; }
QWidget[role="page"] { background: @background; }
QFrame[role="banner"] { background: @surface; border: 1px solid @line; border-left: 3px solid @bad; border-radius: 6px; }
QFrame[role="banner"][level="warning"] { border-left-color: @warn; }
QFrame[role="banner"][level="info"] { border-left-color: @accent; }
QFrame[role="rule"] { background: @line; border: 0; }
QFrame[role="popup"] { background: @surface; border: 1px solid @line; border-radius: 8px; }

QPushButton { background: @raised; border: 1px solid @line; border-radius: 6px; padding: 0 12px; min-height: 26px; color: @text; }
QPushButton:hover { border-color: @faint; }
QPushButton:pressed { background: @neutral; }
QPushButton:focus { border-color: @accent; }
QPushButton:disabled { color: @faint; }
QPushButton[kind="primary"] { background: @accent; border-color: @accent; color: @onAccent; font-weight: 500; }
QPushButton[kind="primary"]:hover { border-color: @text; }
QPushButton[kind="primary"]:disabled { background: @neutral; border-color: @line; color: @faint; }
QPushButton[kind="quiet"] { background: transparent; border: 0; padding: 0; min-height: 20px; color: @muted; text-align: left; }
QPushButton[kind="quiet"]:hover { color: @text; }
QToolButton { background: transparent; border: 0; border-radius: 4px; padding: 3px; color: @muted; }
QToolButton:hover { background: @neutral; color: @text; }
QToolButton:focus { background: @neutral; }
QToolButton:checked { background: @accentGround; color: @text; }
QToolButton::menu-indicator { image: none; }

QPushButton[kind="tab"] { background: transparent; border: 0; border-bottom: 2px solid transparent; border-radius: 0;
  padding: 0 12px; min-height: 40px; color: @muted; }
QPushButton[kind="tab"]:hover { color: @text; }
QPushButton[kind="tab"]:checked { color: @text; font-weight: 600; border-bottom-color: @accent; }
QPushButton[kind="tab"]:focus { color: @text; background: @neutral; }

QAbstractScrollArea { background: transparent; border: 0; }
QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox { background: @raised; border: 1px solid @line;
  border-radius: 6px; padding: 0 8px; color: @text; selection-background-color: @accent; selection-color: @onAccent; }
QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox { min-height: 26px; max-height: 26px; }
QPlainTextEdit, QTextEdit { padding: 6px; }
QTextEdit[readOnly="true"] { background: transparent; border: 0; padding: 0; }
QLineEdit:focus, QComboBox:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus { border-color: @accent; }
QLineEdit[wrong="true"], QComboBox[wrong="true"] { border-color: @bad; }
QLineEdit:disabled, QComboBox:disabled { color: @faint; }
QComboBox::drop-down { border: 0; width: 22px; }
QComboBox::down-arrow { image: url(:/moescope/chevron-@mode.svg); width: 10px; height: 10px; }
QComboBox QAbstractItemView { background: @surface; border: 1px solid @line; selection-background-color: @accentGround;
  selection-color: @text; outline: 0; padding: 4px; }
QCheckBox { spacing: 8px; }
QCheckBox::indicator { width: 15px; height: 15px; border: 1px solid @faint; border-radius: 4px; background: @raised; }
QCheckBox::indicator:checked { background: @accent; border-color: @accent; image: url(:/moescope/check-@mode.svg); }
QCheckBox:focus { color: @accent; }

QAbstractScrollArea::corner { background: transparent; border: 0; }
QTreeView, QListView, QTableView { background: @surface; border: 0; outline: 0; selection-background-color: @accentGround; selection-color: @text; }
QTableView { gridline-color: transparent; alternate-background-color: @surface; }
QTableView::item { border-bottom: 1px solid @line; padding: 0 6px; }
QTableView::item:selected { background: @accentGround; color: @text; }
QHeaderView { background: @surface; }
QHeaderView::section { background: @surface; color: @muted; border: 0; border-bottom: 1px solid @line; padding: 4px 6px; font-weight: normal; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 2px; }
QScrollBar::handle { background: @line; border-radius: 3px; min-height: 24px; min-width: 24px; }
QScrollBar::handle:hover { background: @faint; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QProgressBar { background: @neutral; border: 0; border-radius: 2px; min-height: 4px; max-height: 4px; }
QProgressBar::chunk { background: @accent; border-radius: 2px; }
QSplitter::handle { background: @line; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
)";

}  // namespace

QString styleSheet(const Theme& theme) {
  const std::pair<const char*, QColor> tokens[] = {{"@background", theme.background},
                                                   {"@surface", theme.surface},
                                                   {"@raised", theme.raised},
                                                   {"@line", theme.line},
                                                   {"@neutral", theme.neutral},
                                                   {"@readOutText", theme.readOutText},
                                                   {"@readOut", theme.readOut},
                                                   {"@text", theme.text},
                                                   {"@muted", theme.muted},
                                                   {"@faint", theme.faint},
                                                   {"@accentGround", theme.accentGround},
                                                   {"@accent", theme.accent},
                                                   {"@onAccent", theme.onAccent},
                                                   {"@good", theme.good},
                                                   {"@warn", theme.warn},
                                                   {"@bad", theme.bad}};
  QString result = QString::fromLatin1(sheet);
  // Longer names go first: "@accent" is the beginning of "@accentGround".
  for (const auto& [token, colour] : tokens) result.replace(QLatin1String(token), colour.name());
  return result.replace(QLatin1String("@mode"), theme.dark ? QStringLiteral("dark") : QStringLiteral("light"));
}

}  // namespace moescope
