// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractItemModel>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/operation/operation.h"
#include "views/study_row.h"

namespace moescope {

// The study as a tree by lineage: corpus > run > model > trace > result. An artifact hangs below the input (or the run
// of its own request) that is furthest along. Rows are added, moved and removed one by one, so that views keep what is
// open. Running jobs that will give an artifact appear with the id "job:NAME". GUI thread.
class ArtifactTree : public QAbstractItemModel {
  Q_OBJECT
 public:
  enum Role { IdRole = Qt::UserRole, KindRole, FactRole, LiveRole };

  explicit ArtifactTree(QObject* parent = nullptr);
  ~ArtifactTree() override;

  void clear();
  void setOperations(std::vector<Description> operations);  // for the titles of what has no name
  void take(const std::vector<StudyRow>& rows);
  void setLive(const QString& job, Kind kind, const QString& title, const QString& fact,
               const std::vector<std::string>& inputs);
  void endLive(const QString& job);

  bool empty() const;
  const StudyRow* row(const QString& id) const;  // also of deleted artifacts; null when not known
  QString title(const QString& id) const;
  QModelIndex indexOf(const QString& id) const;
  std::vector<const StudyRow*> present(Kind kind) const;  // newest first, running jobs left out
  // The artifact of that kind which is meant when `id` is selected: itself, the nearest above, else the newest below.
  const StudyRow* related(const QString& id, Kind kind) const;

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& child) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  Qt::ItemFlags flags(const QModelIndex& index) const override;
  bool setData(const QModelIndex& index, const QVariant& value, int role) override;

 Q_SIGNALS:
  void changed();  // after rows were taken
  void renameAsked(const QString& id, const QString& name);

 private:
  struct Node;
  Node* nodeOf(const QModelIndex& index) const;
  QModelIndex indexOf(const Node* node) const;
  Node* placeFor(const Node& node) const;
  void put(Node& node);
  void show(Node& node, Node* parent);
  void hide(Node& node);
  QString titleOf(const Node& node) const;

  std::unique_ptr<Node> root_;
  std::map<std::string, std::unique_ptr<Node>> nodes_;
  std::map<std::string, std::string> operationTitles_;
  std::size_t order_ = 0;
};

}  // namespace moescope
