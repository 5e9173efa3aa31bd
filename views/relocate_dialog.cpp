// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/relocate_dialog.h"

#include <QFileDialog>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>

#include "views/elided_label.h"
#include "views/icon_button.h"
#include "views/model_files.h"
#include "views/workbench.h"

namespace moescope {

RelocateDialog::RelocateDialog(Workbench& workbench, const QString& model, QWidget* parent)
    : QDialog(parent),
      workbench_(workbench),
      model_(model),
      folder_(new QLineEdit),
      verdict_(roleLabel("muted")),
      use_(new QPushButton(tr("Use this folder"))) {
  setAttribute(Qt::WA_DeleteOnClose);
  setObjectName(QStringLiteral("relocate"));
  setWindowTitle(tr("Where is %1?").arg(workbench_.tree.title(model)));
  resize(560, 180);
  if (const StudyRow* row = workbench_.tree.row(model)) bytesThen_ = static_cast<qint64>(row->artifact.bytes);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(16, 16, 16, 16);
  layout->setSpacing(10);
  layout->addWidget(roleLabel<ElidedLabel>("muted", tr("It was in %1").arg(workbench_.placeOf(model, Kind::model))));
  auto* row = new QHBoxLayout;
  folder_->setAccessibleName(tr("Folder of the model"));
  auto* browse = new IconButton(Glyph::folder, tr("Choose the folder"));
  row->addWidget(folder_, 1);
  row->addWidget(browse);
  layout->addLayout(row);
  verdict_->setWordWrap(true);
  layout->addWidget(verdict_, 1);
  auto* last = new QHBoxLayout;
  last->addStretch(1);
  use_->setProperty("kind", "primary");
  use_->setEnabled(false);
  last->addWidget(use_);
  layout->addLayout(last);
  connect(browse, &QToolButton::clicked, this, [this] {
    const QString folder = QFileDialog::getExistingDirectory(this, windowTitle());
    if (!folder.isEmpty()) folder_->setText(folder);
  });
  connect(folder_, &QLineEdit::textChanged, this, &RelocateDialog::compare);
  connect(use_, &QPushButton::clicked, this, &RelocateDialog::use);
  connect(&workbench_.engine, &EngineClient::finished, this, [this](const QString& job, const Json& outputs) {
    if (!job_.isEmpty() && job == job_) finished(job, outputId(outputs, "model"));
  });
  connect(&workbench_.engine, &EngineClient::failed, this, [this](const QString& job, const Error& error) {
    if (job != job_ || job.isEmpty()) return;
    job_.clear();
    use_->setEnabled(true);
    verdict_->setText(QString::fromStdString(error.message));
  });
}

void RelocateDialog::setFolder(const QString& folder) {
  folder_->setText(folder);
}

QString RelocateDialog::verdict() const {
  return verdict_->text();
}

void RelocateDialog::compare() {
  const ModelFiles files = modelFiles(folder_->text());
  use_->setEnabled(files.there);
  use_->setText(tr("Use this folder"));
  if (!files.there) return verdict_->setText(tr("There is no config.json in this folder."));
  if (files.bytes == bytesThen_)
    return verdict_->setText(tr("%1, as when it was imported. Its content is compared when it is used.")
                                 .arg(inBytes(static_cast<double>(files.bytes))));
  use_->setText(tr("Open anyway"));
  verdict_->setText(
      tr("%1, but it had %2 when it was imported: this is another model, or it was changed. Opened anyway, "
         "it is a model of its own.")
          .arg(inBytes(static_cast<double>(files.bytes)), inBytes(static_cast<double>(bytesThen_))));
}

void RelocateDialog::use() {
  use_->setEnabled(false);
  verdict_->setText(tr("Its content is being compared."));
  job_ = workbench_.engine.submit({"model.import", {}, {{"path", folder_->text().toStdString()}}});
}

void RelocateDialog::finished(const QString&, const QString& id) {
  job_.clear();
  const QString title = workbench_.tree.title(model_);
  if (id == model_)
    Q_EMIT said(QStringLiteral("info"), tr("%1 was found again in %2.").arg(title, folder_->text()));
  else
    Q_EMIT said(QStringLiteral("warning"),
                tr("What is in %1 is not %2: its content differs. It was opened as a model of its own.")
                    .arg(folder_->text(), title));
  workbench_.selection.setArtifact(id);
  close();
}

}  // namespace moescope
