// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/document_map.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/trace/chunk.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint64_t tokensPerRead = 1 << 14;

// Tokens by layer, block and first choice.
struct FirstChoices {
  std::size_t blocks;
  std::vector<std::size_t> experts, offset;
  std::vector<std::uint32_t> count;

  FirstChoices(const TraceInfo& info, std::size_t of) : blocks(of) {
    std::size_t all = 0;
    for (const TraceLayer& layer : info.layers) {
      experts.push_back(static_cast<std::size_t>(layer.numExperts));
      offset.push_back(all);
      all += blocks * experts.back();
    }
    count.resize(all);
  }
  std::span<std::uint32_t> of(std::size_t layer, std::size_t block) {
    return std::span(count).subspan(offset[layer] + block * experts[layer], experts[layer]);
  }
};

}  // namespace

Expected<DocumentMap> mapDocument(const Trace& trace, const TraceFilter& filter, std::uint64_t first,
                                  std::uint64_t count, std::size_t blocks, const Poll& poll) {
  const TraceInfo& info = trace.info();
  blocks = static_cast<std::size_t>(std::min<std::uint64_t>(blocks, count));
  DocumentMap map;
  for (std::size_t block = 0; block < blocks; ++block) map.first.push_back((block * count + blocks - 1) / blocks);
  map.loss.assign(blocks, 0);
  map.mostLoss.assign(blocks, nan);
  std::vector<double> losses(blocks);
  FirstChoices choices(info, blocks);
  for (std::uint64_t done = 0; done < count; done += tokensPerRead) {
    if (!poll(static_cast<double>(done) / static_cast<double>(count))) return cancelledError();
    TRY(chunk, trace.read(first + done, std::min(tokensPerRead, count - done), Trace::loss));
    const std::vector<std::uint8_t> keep = keptTokens(filter, chunk);
    for (std::size_t token = 0; token < keep.size(); ++token) {
      if (!keep[token]) continue;
      const auto block = static_cast<std::size_t>((done + token) * blocks / count);
      for (std::size_t layer = 0; layer < info.layers.size(); ++layer) {
        const auto columns = static_cast<std::size_t>(info.layers[layer].columns());
        if (const std::uint16_t e = chunk.layers[layer].expert[token * columns]; e != noExpert)
          ++choices.of(layer, block)[e];
      }
      if (chunk.loss.empty() || std::isnan(chunk.loss[token])) continue;
      map.loss[block] += chunk.loss[token];
      map.mostLoss[block] = std::fmax(map.mostLoss[block], chunk.loss[token]);
      ++losses[block];
    }
  }
  for (std::size_t block = 0; block < blocks; ++block)
    map.loss[block] = losses[block] > 0 ? map.loss[block] / losses[block] : nan;
  for (std::size_t layer = 0; layer < info.layers.size(); ++layer)
    for (std::size_t block = 0; block < blocks; ++block) {
      const std::span<std::uint32_t> of = choices.of(layer, block);
      const double all = std::accumulate(of.begin(), of.end(), 0.0);
      const auto most = std::ranges::max_element(of);
      map.expert.push_back(all > 0 ? static_cast<double>(most - of.begin()) : -1);
      map.share.push_back(all > 0 ? *most / all : nan);
    }
  return map;
}

}  // namespace moescope
