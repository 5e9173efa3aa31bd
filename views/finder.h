// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <optional>

class QLabel;
class QLineEdit;

namespace moescope {

class Selection;

// What a line like "layer 3 expert 12", "l3 e12" or "12" means; anything else is text to find.
struct Place {
  std::optional<std::int64_t> layer, expert;
  QString text;  // not empty: no place, these words
};
Place placeFrom(const QString& typed);

// Ctrl+F: goes to an expert, a layer, or the next place of some words in the text of the Tokens page. It says below
// what Enter will do; Esc closes. GUI thread.
class Finder : public QFrame {
  Q_OBJECT
 public:
  Finder(Selection& selection, QWidget* window);
  void open();

 Q_SIGNALS:
  void textAsked(const QString& words);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void say();
  void go();

  Selection& selection_;
  QLineEdit* typed_;
  QLabel* meaning_;
};

}  // namespace moescope
