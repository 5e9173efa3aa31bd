// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/screenshot.h"

#include <QCoreApplication>
#include <QPixmap>

#include "views/main_window.h"
#include "views/pages/tokens_page.h"

namespace moescope {
namespace {
constexpr int everyMilliseconds = 100, mostLooks = 1200, stillLooks = 8;
}

Screenshot::Screenshot(MainWindow& window, ScreenshotWish wish)
    : QObject(&window), window_(window), wish_(std::move(wish)) {
  connect(&again_, &QTimer::timeout, this, &Screenshot::look);
  again_.start(everyMilliseconds);
}

void Screenshot::look() {
  if (++looks_ > mostLooks) {
    qCritical("the page was not still within two minutes");
    window_.grab().save(wish_.file);
    return QCoreApplication::exit(4);
  }
  if (!set_ && window_.idle()) {
    set_ = true;
    Workbench& bench = window_.workbench();
    for (const Kind kind : {Kind::corpus, Kind::run, Kind::model, Kind::trace, Kind::plan, Kind::result})
      for (const StudyRow* row : bench.tree.present(kind)) {
        const QString id = QString::fromStdString(row->artifact.id);
        if (!wish_.select.isEmpty() && (bench.tree.title(id) == wish_.select || id.startsWith(wish_.select)))
          bench.selection.setArtifact(id);
      }
    if (!wish_.page.isEmpty()) window_.showPage(wish_.page);
    if (wish_.layer >= 0) bench.selection.setLayer(wish_.layer);
    if (wish_.expert >= 0) bench.selection.pick("expert", wish_.expert, false);
    if (!wish_.prompt.isEmpty())
      if (auto* tokens = window_.findChild<TokensPage*>()) tokens->route(wish_.prompt);
    return;
  }
  still_ = set_ && window_.idle() ? still_ + 1 : 0;
  if (still_ < stillLooks) return;
  again_.stop();
  const bool saved = window_.grab().save(wish_.file);
  if (!saved) qCritical("cannot write %s", qUtf8Printable(wish_.file));
  QCoreApplication::exit(saved ? 0 : 4);
}

}  // namespace moescope
