// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/preferences.h"

#include <QCheckBox>
#include <QFormLayout>
#include <QHeaderView>
#include <QKeySequenceEdit>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTableWidget>
#include <QVBoxLayout>

#include "views/elided_label.h"
#include "views/main_window.h"
#include "views/parameter_field.h"
#include "views/theme.h"

namespace moescope {
namespace {

const QString keysGroup = QStringLiteral("keys");
enum Columns { what, keys, usual };

QString keyOf(const QString& action) {
  return keysGroup + QLatin1Char('/') + action;
}

}  // namespace

void restoreKeys(const Session& session, ActionRegistry& actions) {
  for (const QString& id : session.keysBelow(keysGroup))
    actions.setKeys(id, QKeySequence::fromString(session.value(keyOf(id)).toString(), QKeySequence::PortableText));
}

Preferences::Preferences(MainWindow& window) : QDialog(&window), window_(window) {
  setWindowTitle(tr("Preferences"));
  setObjectName(QStringLiteral("preferences"));
  resize(640, 560);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(16, 16, 16, 16);
  layout->setSpacing(8);
  layout->addWidget(makeGeneral());
  layout->addWidget(roleLabel("section", tr("Keys")));
  layout->addWidget(makeKeys(), 1);
}

QWidget* Preferences::makeGeneral() {
  auto* general = new QWidget;
  auto* form = new QFormLayout(general);
  form->setContentsMargins(0, 0, 0, 0);
  Session& session = window_.session();
  auto* theme = new ChoiceBox;
  theme->setAccessibleName(tr("Theme"));
  for (ThemeChoice choice : {ThemeChoice::system, ThemeChoice::light, ThemeChoice::dark}) theme->addItem(name(choice));
  theme->setCurrentText(name(session.theme()));
  connect(theme, &QComboBox::currentTextChanged, this,
          [this](const QString& chosen) { window_.setTheme(themeChoiceFromName(chosen)); });
  form->addRow(tr("Theme"), theme);
  const auto flag = [&](const char* key, bool usually, const QString& label, const QString& words) {
    auto* box = new QCheckBox(words);
    box->setObjectName(QString::fromLatin1(key));
    box->setChecked(session.value(QString::fromLatin1(key), usually).toBool());
    connect(box, &QCheckBox::toggled, this, [&session, key](bool on) { session.set(QString::fromLatin1(key), on); });
    form->addRow(label, box);
    return box;
  };
  flag("reopen", true, tr("Start"), tr("open the last study"));
  QCheckBox* strip =
      flag("strip_names", false, tr("Exported figures"), tr("without names, ids and paths (double-blind)"));
  connect(strip, &QCheckBox::toggled, &window_.workbench().paper, &PaperChoice::setStripped);
  return general;
}

QWidget* Preferences::makeKeys() {
  auto* all = new QWidget;
  auto* layout = new QVBoxLayout(all);
  layout->setContentsMargins(0, 0, 0, 0);
  auto* find = new QLineEdit;
  find->setPlaceholderText(tr("Find an action"));
  find->setAccessibleName(tr("Find an action"));
  connect(find, &QLineEdit::textChanged, this, &Preferences::narrow);
  layout->addWidget(find);
  keys_ = new QTableWidget(0, 3);
  keys_->setAccessibleName(tr("Keys of actions"));
  keys_->setHorizontalHeaderLabels({tr("Action"), tr("Keys"), {}});
  keys_->verticalHeader()->hide();
  keys_->verticalHeader()->setDefaultSectionSize(Measures::row + 8);
  keys_->horizontalHeader()->setSectionResizeMode(what, QHeaderView::Stretch);
  keys_->setColumnWidth(keys, 180);
  keys_->setShowGrid(false);
  keys_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  keys_->setSelectionMode(QAbstractItemView::NoSelection);
  const ActionRegistry& actions = window_.workbench().actions;
  for (const ActionRegistry::Entry& entry : actions.entries()) {
    if (entry.id.startsWith(QLatin1String("recent"))) continue;
    const int row = keys_->rowCount();
    keys_->insertRow(row);
    auto* label = new QTableWidgetItem(
        entry.menu.isEmpty() ? entry.action->text() : entry.menu + QStringLiteral(" › ") + entry.action->text());
    label->setData(Qt::UserRole, entry.id);
    keys_->setItem(row, what, label);
    auto* edit = new QKeySequenceEdit(entry.action->shortcut());
    edit->setObjectName(entry.id);
    edit->setAccessibleName(tr("Keys of %1").arg(entry.action->text()));
    keys_->setCellWidget(row, keys, edit);
    connect(edit, &QKeySequenceEdit::editingFinished, this, [this, row, edit] { setKeys(row, edit->keySequence()); });
    auto* back = new QPushButton(tr("As it was"));
    back->setProperty("kind", "quiet");
    keys_->setCellWidget(row, usual, back);
    connect(back, &QPushButton::clicked, this, [this, id = entry.id, edit] {
      window_.workbench().actions.setKeys(id, {}, false);
      window_.session().remove(keyOf(id));
      edit->setKeySequence(window_.workbench().actions.usualKeys(id));
    });
  }
  layout->addWidget(keys_, 1);
  return all;
}

void Preferences::setKeys(int row, const QKeySequence& sequence) {
  ActionRegistry& actions = window_.workbench().actions;
  const QString id = keys_->item(row, what)->data(Qt::UserRole).toString();
  if (actions.find(id) == nullptr || actions.find(id)->shortcut() == sequence) return;
  if (const QString other = actions.takenBy(sequence, id); !other.isEmpty()) {
    window_.say(QStringLiteral("warning"),
                tr("%1 belongs to \"%2\" already; give that one other keys first.")
                    .arg(sequence.toString(QKeySequence::NativeText), actions.find(other)->text()));
    static_cast<QKeySequenceEdit*>(keys_->cellWidget(row, keys))->setKeySequence(actions.find(id)->shortcut());
    return;
  }
  actions.setKeys(id, sequence);
  window_.session().set(keyOf(id), sequence.toString(QKeySequence::PortableText));
}

void Preferences::narrow(const QString& words) {
  for (int row = 0; row < keys_->rowCount(); ++row)
    keys_->setRowHidden(row, !keys_->item(row, what)->text().contains(words, Qt::CaseInsensitive));
}

}  // namespace moescope
