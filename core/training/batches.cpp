// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/batches.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/statistics/counter_random.h"

namespace moescope {
namespace {

constexpr std::uint64_t domainStream = 1, windowStream = 2;
constexpr std::uint64_t rowsAtMost = 1u << 16;  // of a batch: (step, row) is one counter

std::uint64_t below(std::uint64_t bits, std::uint64_t bound) {
  return std::uint64_t((static_cast<unsigned __int128>(bits) * bound) >> 64);
}

}  // namespace

std::int64_t Batch::tokens() const {
  return std::accumulate(real.begin(), real.end(), std::int64_t{0});
}
std::int64_t Batch::targets() const {
  return std::count_if(next.begin(), next.end(), [](std::int64_t token) { return token >= 0; });
}

Expected<Batch> gather(const Corpus& corpus, const TokenisedCorpus& ids, std::span<const Window> windows,
                       std::int64_t length) {
  Batch batch{.rows = std::int64_t(windows.size()), .length = length};
  const std::size_t places = windows.size() * std::size_t(length);
  batch.id.assign(places, 0);
  batch.next.assign(places, -1);
  batch.real.assign(places, 0);
  batch.windows.assign(windows.begin(), windows.end());
  for (std::size_t row = 0; row < windows.size(); ++row) {
    const Window& window = windows[row];
    const std::uint64_t left = ids.tokens(window.document) - window.position;
    TRY(tokens, ids.read(window.document, window.position, std::min<std::uint64_t>(left, window.count + 1ull)));
    const std::size_t first = row * std::size_t(length);
    for (std::size_t i = 0; i < window.count; ++i) {
      batch.id[first + i] = tokens[i];
      batch.real[first + i] = 1;
      if (i + 1 < tokens.size()) batch.next[first + i] = tokens[i + 1];
    }
    batch.domain.push_back(corpus.documents()[window.document].domain);
  }
  return batch;
}

Expected<BatchSource> BatchSource::open(const Corpus& corpus, const TokenisedCorpus& ids, const BatchChoice& choice) {
  BatchSource source(corpus, ids, choice);
  std::vector<Domain> all(corpus.domains().size());
  for (std::size_t i = 0; i < corpus.documents().size(); ++i) {
    const Document& document = corpus.documents()[i];
    const std::uint64_t tokens = ids.tokens(i);
    if ((choice.split != Split::all && document.split != choice.split) || tokens < 2) continue;
    Domain& domain = all[document.domain];
    domain.documents.push_back(std::uint32_t(i));
    domain.until.push_back((domain.until.empty() ? 0 : domain.until.back()) + tokens);
  }
  double sum = 0;
  for (Domain& domain : all) {
    if (domain.documents.empty()) continue;
    sum += std::pow(double(domain.until.back()), 1 / choice.domainTemperature);
    source.until_.push_back(sum);
    source.domains_.push_back(std::move(domain));
  }
  if (source.domains_.empty())
    return inputError(
        "The corpus has no document of two or more tokens in its train split: nothing to learn from. Import more text, "
        "or a smaller share for validation.");
  for (double& until : source.until_) until /= sum;
  return source;
}

Window BatchSource::draw(const Domain& domain, std::uint64_t step, std::uint64_t row) const {
  const auto bits = CounterRandom(choice_.seed, windowStream).bits(step * rowsAtMost + row);
  const std::uint64_t token = below(bits[0], domain.until.back());
  const auto place = std::upper_bound(domain.until.begin(), domain.until.end(), token) - domain.until.begin();
  const std::uint32_t document = domain.documents[std::size_t(place)];
  const std::uint64_t size = ids_->tokens(std::size_t{document}), length = std::uint64_t(choice_.length);
  // The last token of a window still has a next one, unless the document ends first.
  const std::uint64_t starts = size > length ? size - length : 1;
  return {document, std::uint32_t(below(bits[1], starts)), std::uint32_t(std::min(size, length))};
}

std::vector<Window> BatchSource::windowsAt(std::int64_t step) const {
  std::vector<Window> windows;
  for (std::uint64_t row = 0; row < std::uint64_t(choice_.rows); ++row) {
    const double share =
        double(CounterRandom(choice_.seed, domainStream).bits(std::uint64_t(step) * rowsAtMost + row)[0] >> 11) *
        0x1p-53;
    const auto chosen = std::upper_bound(until_.begin(), until_.end() - 1, share);
    windows.push_back(draw(domains_[std::size_t(chosen - until_.begin())], std::uint64_t(step), row));
  }
  return windows;
}

std::vector<Window> BatchSource::evenly(std::size_t count) const {
  std::vector<Window> windows;
  for (std::size_t row = 0; row < count; ++row) windows.push_back(draw(domains_[row % domains_.size()], 0, row));
  return windows;
}

Expected<Batch> BatchSource::at(std::int64_t step) const {
  return gather(*corpus_, *ids_, windowsAt(step), choice_.length);
}

}  // namespace moescope
