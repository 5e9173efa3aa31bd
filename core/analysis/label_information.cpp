// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/label_information.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "core/statistics/counter_random.h"
#include "core/statistics/draws.h"
#include "core/text/character_class.h"

namespace moescope {

namespace {

// n ln n, from a table while n is small.
class CountLogs {
 public:
  CountLogs() {
    for (std::size_t n = 1; n < values_.size(); ++n) values_[n] = exact(static_cast<double>(n));
  }
  double operator()(std::uint64_t n) const { return n < values_.size() ? values_[n] : exact(static_cast<double>(n)); }

 private:
  static double exact(double n) { return n * std::log(n); }
  std::vector<double> values_ = std::vector<double>(1 << 14);
};

// Assignments by label and expert, and what they say.
class LabelTable {
 public:
  LabelTable(std::size_t labels, std::size_t experts) : experts_(experts), cells_(labels * experts) {}
  void clear() { std::ranges::fill(cells_, 0u); }
  void add(std::uint32_t label, std::span<const std::uint16_t> chosen) {
    std::uint32_t* row = cells_.data() + static_cast<std::size_t>(label) * experts_;
    for (std::uint16_t e : chosen)
      if (e != noExpert) ++row[e];
  }

  LabelInformation measure(std::size_t tokens) const {
    static const CountLogs logs;
    std::vector<std::uint64_t> byExpert(experts_);
    std::uint64_t total = 0;
    double cellLogs = 0, labelLogs = 0, expertLogs = 0;
    double cells = 0, labels = 0, experts = 0;  // that occur
    for (std::size_t first = 0; first < cells_.size(); first += experts_) {
      std::uint64_t row = 0;
      for (std::size_t e = 0; e < experts_; ++e) {
        const std::uint32_t count = cells_[first + e];
        if (count == 0) continue;
        row += count;
        byExpert[e] += count;
        cellLogs += logs(count);
        ++cells;
      }
      if (row == 0) continue;
      total += row;
      labelLogs += logs(row);
      ++labels;
    }
    for (std::uint64_t count : byExpert) {
      expertLogs += logs(count);
      experts += count > 0;
    }
    if (total == 0) return {};
    const auto all = static_cast<double>(total);
    const double chosen = all / static_cast<double>(tokens);
    LabelInformation found{.null = {}};
    found.information = std::max(0.0, (cellLogs - labelLogs - expertLogs) / all + std::log(all));
    found.labelEntropy = std::max(0.0, std::log(all) - labelLogs / all);
    found.expertEntropy = std::max(0.0, std::log(all) - expertLogs / all);
    const double distinct = experts > 1 ? std::max(0.0, experts - chosen) / (experts - 1) : 0;
    found.corrected = found.information - (cells - labels - experts + 1) * distinct / (2 * all);
    return found;
  }

 private:
  std::size_t experts_;
  std::vector<std::uint32_t> cells_;  // [labels, experts]
};

// Where the labels of each document come from in one draw.
struct Source {
  std::size_t start, length, offset;
};
std::vector<Source> sourcesOf(const SampledTokens& sample, bool turns, std::uint64_t seed, std::int64_t draw) {
  CounterRandom random(seed ^ 0x6c6162656c730000ull, static_cast<std::uint64_t>(draw));
  std::vector<std::size_t> order(sample.pieces());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (!turns)
    for (std::size_t last = order.size(); last > 1; --last) std::swap(order[last - 1], order[random.below(last)]);
  std::vector<Source> sources;
  for (std::size_t piece : order) {
    const std::size_t length = sample.start[piece + 1] - sample.start[piece];
    sources.push_back({sample.start[piece], length, turns ? static_cast<std::size_t>(random.below(length)) : 0});
  }
  return sources;
}

template <class Label>
void fill(LabelTable& table, const SampledTokens& sample, std::span<const std::uint16_t> experts, std::size_t columns,
          Label labelOf) {
  for (std::size_t piece = 0; piece < sample.pieces(); ++piece)
    for (std::size_t token = sample.start[piece]; token < sample.start[piece + 1]; ++token)
      table.add(labelOf(piece, token), experts.subspan(token * columns, columns));
}

std::vector<std::uint32_t> idLabels(const SampledTokens& sample, std::int64_t minimum, std::size_t& count) {
  std::unordered_map<std::int32_t, std::int64_t> occurrences;
  for (std::int32_t id : sample.id) ++occurrences[id];
  std::unordered_map<std::int32_t, std::uint32_t> label;
  std::vector<std::uint32_t> labels;
  for (std::int32_t id : sample.id) {
    if (occurrences[id] < minimum) {
      labels.push_back(0);  // rare ones
      continue;
    }
    labels.push_back(label.try_emplace(id, static_cast<std::uint32_t>(label.size() + 1)).first->second);
  }
  count = label.size() + 1;
  return labels;
}

std::vector<std::uint32_t> classLabels(const SampledTokens& sample, const Vocabulary& vocabulary) {
  std::unordered_map<std::int32_t, CharacterClass> known;
  for (std::size_t at = 0; at < vocabulary.id.size(); ++at)
    known.emplace(vocabulary.id[at], characterClass(vocabulary.bytes[at]));
  std::vector<std::uint32_t> labels;
  for (std::size_t token = 0; token < sample.size(); ++token) {
    const auto found = known.find(sample.id[token]);
    const CharacterClass of = sample.tokenClass[token] != textToken ? CharacterClass::special
                              : found == known.end()                ? CharacterClass::unknown
                                                                    : found->second;
    labels.push_back(static_cast<std::uint32_t>(of));
  }
  return labels;
}

}  // namespace

std::vector<TokenLabels> tokenLabels(const TraceInfo& info, const SampledTokens& sample, const Vocabulary& vocabulary,
                                     std::int64_t minimum, std::int64_t bins) {
  TokenLabels domain{.name = "domain", .of = {}, .count = info.domains.size()};
  TokenLabels id{.name = "token id", .of = {}};
  TokenLabels letters{.name = "character class", .of = {}, .count = characterClassNames.size()};
  TokenLabels place{.name = "position", .of = {}, .count = static_cast<std::size_t>(bins), .turns = true};
  for (std::size_t piece = 0; piece < sample.pieces(); ++piece) {
    const std::size_t length = sample.start[piece + 1] - sample.start[piece];
    for (std::size_t at = 0; at < length; ++at) {
      domain.of.push_back(sample.domain[piece]);
      place.of.push_back(static_cast<std::uint32_t>(at * place.count / length));
    }
  }
  id.of = idLabels(sample, minimum, id.count);
  if (!vocabulary.id.empty()) letters.of = classLabels(sample, vocabulary);
  return {domain, id, letters, place};
}

Expected<LabelInformation> labelInformation(const SampledTokens& sample, const TokenLabels& labels,
                                            std::span<const std::uint16_t> experts, std::size_t columns,
                                            std::size_t expertCount, const Draws& draws, const Poll& poll) {
  LabelTable observed(labels.count, expertCount);
  fill(observed, sample, experts, columns, [&](std::size_t, std::size_t token) { return labels.of[token]; });
  LabelInformation found = observed.measure(sample.size());
  if (draws.count == 0 || sample.pieces() < 2) return found;
  found.null.assign(static_cast<std::size_t>(draws.count), 0);
  TRY_DO(eachDraw(draws, poll, [&] {
    return [&, table = LabelTable(labels.count, expertCount)](std::int64_t draw) mutable {
      const std::vector<Source> sources = sourcesOf(sample, labels.turns, draws.seed, draw);
      table.clear();
      fill(table, sample, experts, columns, [&](std::size_t piece, std::size_t token) {
        const Source& source = sources[piece];
        return labels.of[source.start + (token - sample.start[piece] + source.offset) % source.length];
      });
      found.null[static_cast<std::size_t>(draw)] = table.measure(sample.size()).information;
    };
  }));
  return found;
}

}  // namespace moescope
