// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/artifact_tree.h"

#include <algorithm>

namespace moescope {

struct ArtifactTree::Node {
  StudyRow row;
  QString fact;  // of a running job; otherwise made from the summary
  bool live = false;
  std::size_t order = 0;
  Node* parent = nullptr;  // null while it is not shown
  std::vector<Node*> children = {};
};

namespace {

// How far along the way from text to answer a kind is.
int stage(Kind kind) {
  switch (kind) {
    case Kind::corpus:
      return 0;
    case Kind::run:
      return 1;
    case Kind::model:
      return 2;
    case Kind::trace:
    case Kind::activations:
      return 3;
    case Kind::plan:
      return 4;
    default:
      return 5;
  }
}

std::string liveId(const QString& job) {
  return "job:" + job.toStdString();
}

}  // namespace

ArtifactTree::ArtifactTree(QObject* parent) : QAbstractItemModel(parent), root_(std::make_unique<Node>()) {}
ArtifactTree::~ArtifactTree() = default;

void ArtifactTree::clear() {
  beginResetModel();
  nodes_.clear();
  root_->children.clear();
  endResetModel();
  Q_EMIT changed();
}

void ArtifactTree::setOperations(std::vector<Description> operations) {
  for (const Description& description : operations) operationTitles_[description.id] = description.title;
  for (const auto& [id, node] : nodes_)
    if (node->parent != nullptr && node->row.artifact.names.empty())
      Q_EMIT dataChanged(indexOf(node.get()), indexOf(node.get()));
}

void ArtifactTree::take(const std::vector<StudyRow>& rows) {
  if (rows.empty()) return;
  for (const StudyRow& row : rows) {
    std::unique_ptr<Node>& node = nodes_[row.artifact.id];
    if (!node) {
      node = std::make_unique<Node>();
      node->order = order_++;
    }
    node->row = row;
  }
  // A row may come before the one that it hangs below (a snapshot before its run), so all places are looked at again.
  std::vector<Node*> inOrder;
  for (const auto& [id, node] : nodes_) inOrder.push_back(node.get());
  std::sort(inOrder.begin(), inOrder.end(), [](const Node* left, const Node* right) {
    const int before = stage(left->row.artifact.kind), after = stage(right->row.artifact.kind);
    return before != after ? before < after : left->order < right->order;
  });
  for (Node* node : inOrder) put(*node);
  for (const StudyRow& row : rows)
    if (const QModelIndex index = indexOf(nodes_[row.artifact.id].get()); index.isValid())
      Q_EMIT dataChanged(index, index);
  Q_EMIT changed();
}

void ArtifactTree::setLive(const QString& job, Kind kind, const QString& title, const QString& fact,
                           const std::vector<std::string>& inputs) {
  std::unique_ptr<Node>& node = nodes_[liveId(job)];
  if (!node) {
    node = std::make_unique<Node>();
    node->order = order_++;
    node->live = true;
    node->row.artifact.id = liveId(job);
    node->row.artifact.kind = kind;
    node->row.inputs = inputs;
  }
  node->row.artifact.names = {title.toStdString()};
  node->fact = fact;
  put(*node);
  if (const QModelIndex index = indexOf(node.get()); index.isValid()) Q_EMIT dataChanged(index, index);
}

void ArtifactTree::endLive(const QString& job) {
  const auto found = nodes_.find(liveId(job));
  if (found == nodes_.end()) return;
  hide(*found->second);
  nodes_.erase(found);
}

bool ArtifactTree::empty() const {
  return root_->children.empty();
}

const StudyRow* ArtifactTree::row(const QString& id) const {
  const auto found = nodes_.find(id.toStdString());
  return found == nodes_.end() ? nullptr : &found->second->row;
}

QString ArtifactTree::title(const QString& id) const {
  const auto found = nodes_.find(id.toStdString());
  return found == nodes_.end() ? QString() : titleOf(*found->second);
}

QString ArtifactTree::titleOf(const Node& node) const {
  const Artifact& artifact = node.row.artifact;
  if (!artifact.names.empty()) return QString::fromStdString(artifact.names.front());
  if (const auto title = node.row.summary.find("title"); title != node.row.summary.end() && title->is_string())
    return QString::fromStdString(title->get<std::string>());
  const auto operation = operationTitles_.find(artifact.operation);
  if (artifact.kind == Kind::result && operation != operationTitles_.end())
    return QString::fromStdString(operation->second);
  const std::string_view kind = name(artifact.kind);
  return QString::fromUtf8(kind.data(), static_cast<qsizetype>(kind.size())) + QLatin1Char(' ') +
         QString::fromStdString(artifact.id.substr(0, 8));
}

std::vector<const StudyRow*> ArtifactTree::present(Kind kind) const {
  std::vector<const Node*> nodes;
  for (const auto& [id, node] : nodes_)
    if (node->parent != nullptr && !node->live && node->row.artifact.kind == kind) nodes.push_back(node.get());
  std::sort(nodes.begin(), nodes.end(), [](const Node* left, const Node* right) { return left->order > right->order; });
  std::vector<const StudyRow*> rows;
  for (const Node* node : nodes) rows.push_back(&node->row);
  return rows;
}

const StudyRow* ArtifactTree::related(const QString& id, Kind kind) const {
  const auto found = nodes_.find(id.toStdString());
  if (found == nodes_.end() || found->second->parent == nullptr) return nullptr;
  const Node* start = found->second.get();
  for (const Node* node = start; node != nullptr && node != root_.get(); node = node->parent)
    if (node->row.artifact.kind == kind && !node->live) return &node->row;
  const Node* newest = nullptr;
  std::vector<const Node*> open{start};
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    if (node->row.artifact.kind == kind && !node->live && (newest == nullptr || node->order > newest->order))
      newest = node;
    open.insert(open.end(), node->children.begin(), node->children.end());
  }
  return newest == nullptr ? nullptr : &newest->row;
}

// Where a node belongs: below its furthest input; an output of a training below the run of the same request. Inputs
// that are deleted hand their children on to what they came from.
ArtifactTree::Node* ArtifactTree::placeFor(const Node& node) const {
  const Artifact& artifact = node.row.artifact;
  if (artifact.kind == Kind::model && !artifact.request.empty())
    for (const auto& [id, other] : nodes_)
      if (other->row.artifact.kind == Kind::run && other->row.artifact.request == artifact.request &&
          other->row.artifact.state == ArtifactState::present)
        return other.get();
  Node* best = nullptr;
  for (const std::string& id : node.row.inputs) {
    const auto found = nodes_.find(id);
    if (found == nodes_.end() || found->second.get() == &node) continue;
    Node* input = found->second.get();
    if (input->row.artifact.state == ArtifactState::deleted) {
      input = input->row.inputs.empty() ? nullptr : placeFor(*input);
      if (input == nullptr || input == root_.get()) continue;
    }
    if (best == nullptr || stage(input->row.artifact.kind) > stage(best->row.artifact.kind)) best = input;
  }
  // Foreign rows could name each other as inputs; what is not further along never becomes a parent of what is before
  // it.
  for (const Node* up = best; up != nullptr; up = up->parent)
    if (up == &node) return root_.get();
  return best == nullptr || best->parent == nullptr ? root_.get() : best;
}

void ArtifactTree::put(Node& node) {
  if (node.row.artifact.state == ArtifactState::deleted) {
    hide(node);
    return;
  }
  Node* place = placeFor(node);
  if (node.parent == place) return;
  if (node.parent == nullptr) return show(node, place);
  std::vector<Node*>& from = node.parent->children;
  const int position = static_cast<int>(std::find(from.begin(), from.end(), &node) - from.begin());
  const int end = static_cast<int>(place->children.size());
  if (!beginMoveRows(indexOf(node.parent), position, position, indexOf(place), end)) return;
  from.erase(from.begin() + position);
  place->children.push_back(&node);
  node.parent = place;
  endMoveRows();
}

void ArtifactTree::show(Node& node, Node* parent) {
  const int end = static_cast<int>(parent->children.size());
  beginInsertRows(indexOf(parent), end, end);
  parent->children.push_back(&node);
  node.parent = parent;
  endInsertRows();
}

void ArtifactTree::hide(Node& node) {
  if (node.parent == nullptr) return;
  while (!node.children.empty()) {
    Node* child = node.children.back();
    Node* up = node.parent;
    const int last = static_cast<int>(node.children.size()) - 1;
    beginMoveRows(indexOf(&node), last, last, indexOf(up), static_cast<int>(up->children.size()));
    node.children.pop_back();
    up->children.push_back(child);
    child->parent = up;
    endMoveRows();
  }
  std::vector<Node*>& siblings = node.parent->children;
  const int position = static_cast<int>(std::find(siblings.begin(), siblings.end(), &node) - siblings.begin());
  beginRemoveRows(indexOf(node.parent), position, position);
  siblings.erase(siblings.begin() + position);
  node.parent = nullptr;
  endRemoveRows();
}

ArtifactTree::Node* ArtifactTree::nodeOf(const QModelIndex& index) const {
  return index.isValid() ? static_cast<Node*>(index.internalPointer()) : root_.get();
}

QModelIndex ArtifactTree::indexOf(const Node* node) const {
  if (node == nullptr || node == root_.get() || node->parent == nullptr) return {};
  const auto& siblings = node->parent->children;
  const auto position = std::find(siblings.begin(), siblings.end(), node) - siblings.begin();
  return createIndex(static_cast<int>(position), 0, const_cast<Node*>(node));
}

QModelIndex ArtifactTree::indexOf(const QString& id) const {
  const auto found = nodes_.find(id.toStdString());
  return found == nodes_.end() ? QModelIndex() : indexOf(found->second.get());
}

QModelIndex ArtifactTree::index(int row, int column, const QModelIndex& parent) const {
  const Node* node = nodeOf(parent);
  if (column != 0 || row < 0 || row >= static_cast<int>(node->children.size())) return {};
  return createIndex(row, column, node->children[static_cast<std::size_t>(row)]);
}

QModelIndex ArtifactTree::parent(const QModelIndex& child) const {
  return child.isValid() ? indexOf(nodeOf(child)->parent) : QModelIndex();
}
int ArtifactTree::rowCount(const QModelIndex& parent) const {
  return parent.column() > 0 ? 0 : static_cast<int>(nodeOf(parent)->children.size());
}
int ArtifactTree::columnCount(const QModelIndex&) const {
  return 1;
}

QVariant ArtifactTree::data(const QModelIndex& index, int role) const {
  if (!index.isValid()) return {};
  const Node& node = *nodeOf(index);
  switch (role) {
    case Qt::DisplayRole:
    case Qt::EditRole:
      return titleOf(node);
    case Qt::ToolTipRole: {
      const std::string_view kind = name(node.row.artifact.kind);
      QString text =
          titleOf(node) + QStringLiteral("\n") + QString::fromUtf8(kind.data(), static_cast<qsizetype>(kind.size()));
      if (node.live) return QString(text + tr(", being made"));
      return QString(text + QLatin1Char(' ') + QString::fromStdString(node.row.artifact.id.substr(0, 12)));
    }
    case IdRole:
      return QString::fromStdString(node.row.artifact.id);
    case KindRole:
      return static_cast<int>(node.row.artifact.kind);
    case FactRole:
      return node.live ? node.fact : smallFact(node.row);
    case LiveRole:
      return node.live;
    default:
      return {};
  }
}

Qt::ItemFlags ArtifactTree::flags(const QModelIndex& index) const {
  if (!index.isValid()) return Qt::NoItemFlags;
  const Qt::ItemFlags flags = Qt::ItemIsEnabled | Qt::ItemIsSelectable;
  return nodeOf(index)->live ? flags : flags | Qt::ItemIsEditable;
}

// A name shows once the study has committed it: asking is all that happens here.
bool ArtifactTree::setData(const QModelIndex& index, const QVariant& value, int role) {
  if (!index.isValid() || role != Qt::EditRole || value.toString() == titleOf(*nodeOf(index))) return false;
  Q_EMIT renameAsked(QString::fromStdString(nodeOf(index)->row.artifact.id), value.toString().trimmed());
  return false;
}

}  // namespace moescope
