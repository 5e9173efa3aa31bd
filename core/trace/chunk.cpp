// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/trace/chunk.h"

#include <fmt/format.h>

namespace moescope {

namespace {

template <class T>
void appendRows(std::vector<T>& to, const std::vector<T>& from, std::size_t rows, std::size_t first,
                std::size_t count) {
  if (rows == 0 || from.empty()) return;
  const std::size_t width = from.size() / rows;
  to.insert(to.end(), from.begin() + first * width, from.begin() + (first + count) * width);
}

// Calls visit(to column, from column) for every column that both chunks have.
template <class Visit>
void eachColumn(TraceChunk& to, const TraceChunk& from, Visit visit) {
  visit(to.id, from.id);
  visit(to.next, from.next);
  visit(to.domain, from.domain);
  visit(to.document, from.document);
  visit(to.position, from.position);
  visit(to.tokenClass, from.tokenClass);
  visit(to.loss, from.loss);
  visit(to.predicted, from.predicted);
  to.layers.resize(from.layers.size());
  for (std::size_t layer = 0; layer < from.layers.size(); ++layer) {
    visit(to.layers[layer].expert, from.layers[layer].expert);
    visit(to.layers[layer].weight, from.layers[layer].weight);
    visit(to.layers[layer].logit, from.layers[layer].logit);
  }
}

std::string layerFault(const TraceChunk::Layer& layer, const TraceLayer& info, std::size_t tokens, int index) {
  const std::size_t columns = static_cast<std::size_t>(info.columns());
  if (layer.expert.size() != tokens * columns)
    return fmt::format("layer {} has {} expert ids for {} tokens of {} each", index, layer.expert.size(), tokens,
                       columns);
  if (!layer.weight.empty() && layer.weight.size() != layer.expert.size())
    return fmt::format("layer {} has {} weights for {} expert ids", index, layer.weight.size(), layer.expert.size());
  if (!layer.logit.empty() && layer.logit.size() != tokens * static_cast<std::size_t>(info.numExperts))
    return fmt::format("layer {} has {} logits for {} tokens of {} experts", index, layer.logit.size(), tokens,
                       info.numExperts);
  for (std::size_t at = 0; at < layer.expert.size(); ++at)
    if (layer.expert[at] != noExpert && layer.expert[at] >= info.numExperts)
      return fmt::format("token {} goes to expert {} of layer {}, which has {}", at / columns, layer.expert[at], index,
                         info.numExperts);
  return {};
}

}  // namespace

void appendTokens(TraceChunk& to, const TraceChunk& from, std::size_t first, std::size_t count) {
  const std::size_t rows = from.tokens();
  eachColumn(to, from, [&](auto& target, const auto& source) { appendRows(target, source, rows, first, count); });
}

TraceChunk keepTokens(const TraceChunk& chunk, std::span<const std::uint8_t> keep) {
  TraceChunk kept;
  kept.layers.resize(chunk.layers.size());
  for (std::size_t first = 0; first < keep.size();) {
    if (keep[first] == 0) {
      ++first;
      continue;
    }
    std::size_t end = first;
    while (end < keep.size() && keep[end] != 0) ++end;
    appendTokens(kept, chunk, first, end - first);
    first = end;
  }
  return kept;
}

std::string faultOf(const TraceChunk& chunk, const TraceInfo& info, std::span<const int> layers) {
  const std::size_t tokens = chunk.tokens();
  if (chunk.next.size() != tokens || chunk.domain.size() != tokens || chunk.document.size() != tokens ||
      chunk.position.size() != tokens || chunk.tokenClass.size() != tokens ||
      (!chunk.loss.empty() && chunk.loss.size() != tokens) ||
      (!chunk.predicted.empty() && chunk.predicted.size() != tokens))
    return fmt::format("its columns of tokens are not all {} long", tokens);
  for (std::size_t token = 0; token < tokens; ++token) {
    if (chunk.domain[token] >= info.domains.size())
      return fmt::format("token {} is of domain {}, and {} are named", token, chunk.domain[token], info.domains.size());
    if (chunk.document[token] >= info.documents.size())
      return fmt::format("token {} is of document {}, and {} are named", token, chunk.document[token],
                         info.documents.size());
    if (chunk.tokenClass[token] >= tokenClasses)
      return fmt::format("token {} has class {}, which is not 0 to {}", token, chunk.tokenClass[token],
                         tokenClasses - 1);
  }
  if (chunk.layers.size() != layers.size())
    return fmt::format("it has {} layers of {}", chunk.layers.size(), layers.size());
  for (std::size_t at = 0; at < layers.size(); ++at)
    if (std::string fault = layerFault(chunk.layers[at], info.layers[layers[at]], tokens, layers[at]); !fault.empty())
      return fault;
  return {};
}

}  // namespace moescope
