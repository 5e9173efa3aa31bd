// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <thread>

#include "core/analysis/cache_plan.h"
#include "core/analysis/counted_trace.h"
#include "core/analysis/layer_locality.h"
#include "core/analysis/operations.h"
#include "core/analysis/routed_tokens.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Description describe() {
  return {
      .id = "paths.locality",
      .title = "Locality and caching",
      .help =
          "How far tokens that follow each other choose the same experts, and what a cache of experts would make of "
          "it. "
          "Repetition: the first choice is that of the token before (Jiang et al. 2024), by chance the sum of squared "
          "shares, 1/E when all are alike. Overlap: experts shared with the token so far back, of k; by chance sum of "
          "u^2 / k, k/E when all are alike. SRP (arXiv 2505.16056): the best F1 of calling an expert active for a "
          "whole "
          "run of tokens when at least q of them chose it, 2 rho / (1 + rho) or more, rho = k/E; intervals over "
          "resampled "
          "documents. Working set: different experts of a run. Caches hold so many experts of a layer: LRU by stack "
          "distances (Mattson et al. 1970) over all tokens; LFU and Belady's best possible over the first simulated "
          "tokens; future 16: the best that holding one set for 16 tokens allows (SCH); most used: always the same. "
          "First requests ever are nobody's miss. Added time is misses x megabytes of an expert / bandwidth.",
      .page = "Paths",
      .in = {{"trace", Kind::trace}},
      .out = {{"result", Kind::result}},
      .parameters = withTraceFilters(
          {real("bandwidth", 25, 0.001, 1e5, "GB/s", "of the link over which a missing expert comes"),
           real("expert_megabytes", 10, 1e-6, 1e6, "MB", "of one expert's weights as they are moved"),
           integer("budget", 0, 0, 1e6, "experts",
                   "kept over all layers; 0 = twice those that a token chooses; shared out so that most is hit"),
           integer("draws", 200, 0, 10000, "", "document resamples behind the intervals of SRP; 0 leaves them out"),
           integer("lags", 128, 1, 4096, "tokens", "how far back overlap looks").secondary(),
           integer("simulated", 32768, 16, 1 << 24, "tokens", "behind LFU and Belady").secondary(),
           integer("seed", 0, 0, 1e9, "", "of the resampling").secondary()}),
      .figures = {lines("cache", {"hit_rate_mean"})
                      .over({"size", "policy"})
                      .floor("baseline")
                      .option("floor_words", "a cache that ignores what is asked")
                      .option("names", {{"hit_rate_mean", "hit rate"}, {"size", "experts kept in each layer"}})
                      .titled("What a cache of experts would hit"),
                  table("plan", {"plan"}).titled("Cache planner"),
                  lines("overlap", {"overlap_mean"})
                      .over({"lag"})
                      .floor("baseline")
                      .option("floor_words", "tokens apart by chance")
                      .option("names", {{"overlap_mean", "experts shared"}, {"lag", "tokens back"}})
                      .titled("How long routing remembers"),
                  lines("srp", {"srp"})
                      .over({"layer", "segment"})
                      .option("names", {{"srp", "SRP"}})
                      .titled("How well one set serves a run of tokens"),
                  lines("repetition", {"repetition", "meeting"})
                      .over({"layer"})
                      .floor("baseline")
                      .option("floor_words", "chance")
                      .option("names", {{"repetition", "same first choice"}, {"meeting", "any shared"}})
                      .titled("Neighbouring tokens"),
                  sortedBars("slots", "slots")
                      .over({"layer"})
                      .option("order", "axis")
                      .titled("How to share the budget over layers"),
                  histogram("reuse", "reuse")
                      .over({"distance"})
                      .at("layer")
                      .option("along", "other experts in between")
                      .titled("When an expert is asked for again")},
      .interactive = true,
      .example = "moescope-cli run paths.locality --study S --in trace=t --set bandwidth=50 --name cache"};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  TRY(trace, Trace::open(inputs.at("trace").path));
  Cost cost{.bytes = 1 << 16, .memory = 64u << 20, .seconds = 0.2};
  for (const TraceLayer& layer : info.layers) {
    const auto k = static_cast<double>(layer.columns()), experts = static_cast<double>(layer.numExperts);
    const auto tokens = static_cast<double>(trace.tokens());
    const double simulated = std::min(tokens, static_cast<double>(set.integer("simulated")));
    cost.memory +=
        static_cast<std::uint64_t>(2 * k * simulated + 8 * experts * (300 + static_cast<double>(info.domains.size()))) +
        512 * segmentCells * 8;
    cost.bytes += static_cast<std::uint64_t>(8 * experts * 8);
    cost.seconds += tokens * (2e-7 + k * 4e-8) + simulated * k * 24 * 4e-8;
  }
  return cost;
}

// Layers are worked on side by side, each by one thread.
void everyLayer(std::size_t layers, int threads, const std::function<void(std::size_t)>& work) {
  std::vector<std::jthread> others;
  const auto share = [&](std::size_t first) {
    for (std::size_t layer = first; layer < layers; layer += static_cast<std::size_t>(threads)) work(layer);
  };
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(share, static_cast<std::size_t>(thread));
  share(0);
}

// [layer] or more, of every layer.
template <class Of>
std::vector<double> collect(const std::vector<LayerLocality>& layers, Of of) {
  std::vector<double> values;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) values.push_back(of(layers[layer], layer));
  return values;
}

double chosenOf(const CountedTrace& counted, std::size_t layer) {
  return routedTotals(counted.counters, layer).chosen();
}

std::vector<double> sharesOf(const CountedTrace& counted, std::size_t layer) {
  std::vector<double> share;
  for (std::int64_t count : counted.counters.layers[layer].count)
    share.push_back(static_cast<double>(count) / static_cast<double>(counted.counters.tokens));
  return share;
}

// 1 - C(E - k, k) / C(E, k): two random sets of k share a member.
double meetingByChance(double experts, double k) {
  double apart = 1;
  for (double i = 0; i < k; ++i) apart *= std::max(0.0, (experts - k - i) / (experts - i));
  return 1 - apart;
}

void addRepetition(Result& result, const CountedTrace& counted, const std::vector<LayerLocality>& layers) {
  const std::size_t domains = counted.info.domains.size();
  std::vector<double> first, chance, any, anyChance, byDomain, domainChance;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const LayerLocality& of = layers[layer];
    LayerLocality::Repeats all;
    std::vector<double> share(static_cast<std::size_t>(counted.counters.layers[layer].experts));
    const auto squares = [](const std::vector<double>& counts) {
      const double sum = std::accumulate(counts.begin(), counts.end(), 0.0);
      double total = 0;
      for (double count : counts) total += sum > 0 ? count / sum * (count / sum) : 0;
      return sum > 0 ? total : nan;
    };
    for (std::size_t domain = 0; domain < domains; ++domain) {
      const LayerLocality::Repeats& here = of.repeats()[domain];
      all.tokens += here.tokens;
      all.first += here.first;
      all.any += here.any;
      byDomain.push_back(here.tokens > 0 ? here.first / here.tokens : nan);
      domainChance.push_back(squares(of.firsts()[domain]));
      for (std::size_t e = 0; e < share.size(); ++e) share[e] += of.firsts()[domain][e];
    }
    first.push_back(all.tokens > 0 ? all.first / all.tokens : nan);
    chance.push_back(squares(share));
    any.push_back(all.tokens > 0 ? all.any / all.tokens : nan);
    anyChance.push_back(meetingByChance(static_cast<double>(counted.counters.layers[layer].experts),
                                        std::round(chosenOf(counted, layer))));
  }
  Array& repetition = result.add("repetition", "of tokens", {"layer"}, std::move(first));
  repetition.help =
      "First choice equal to that of the token before. Baseline: sum over experts of the squared share of first "
      "choices.";
  repetition.baseline = std::move(chance);
  result
      .add("repetition_even", "of tokens", {"layer"},
           collect(layers,
                   [&](const auto&, std::size_t layer) {
                     return 1 / static_cast<double>(counted.counters.layers[layer].experts);
                   }))
      .help = "Repetition by chance were all experts alike: 1/E.";
  Array& meeting = result.add("meeting", "of tokens", {"layer"}, std::move(any));
  meeting.help =
      "The sets of a token and the one before share an expert. Baseline: random sets, 1 - C(E - k, k) / C(E, k).";
  meeting.baseline = std::move(anyChance);
  Array& domain = result.add("repetition_by_domain", "of tokens", {"layer", "domain"}, std::move(byDomain));
  domain.help = "Repetition within the documents of a domain; baseline from its own shares.";
  domain.baseline = std::move(domainChance);
}

void addOverlap(Result& result, const CountedTrace& counted, const std::vector<LayerLocality>& layers) {
  const std::vector<std::int64_t>& lags = layers.front().lags();
  Axis axis{.name = "lag"};
  for (std::int64_t lag : lags) axis.labels.push_back(std::to_string(lag));
  result.axes.push_back(std::move(axis));
  std::vector<double> overlap, chance, mean(lags.size()), meanChance(lags.size());
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    double matched = 0;
    for (double u : sharesOf(counted, layer)) matched += u * u / chosenOf(counted, layer);
    for (std::size_t lag = 0; lag < lags.size(); ++lag) {
      overlap.push_back(layers[layer].overlap(lag));
      chance.push_back(matched);
      mean[lag] += overlap.back() / static_cast<double>(layers.size());
      meanChance[lag] += matched / static_cast<double>(layers.size());
    }
  }
  Array& each = result.add("overlap", "of k", {"layer", "lag"}, std::move(overlap));
  each.help =
      "Experts shared with the token so far back in the same document, of those chosen. Baseline: sum of u^2 / k.";
  each.baseline = std::move(chance);
  Array& over = result.add("overlap_mean", "of k", {"lag"}, std::move(mean));
  over.help = "Mean over layers of overlap.";
  over.baseline = std::move(meanChance);
  result
      .add("overlap_even", "of k", {"layer"},
           collect(layers,
                   [&](const auto&, std::size_t layer) {
                     return chosenOf(counted, layer) / static_cast<double>(counted.counters.layers[layer].experts);
                   }))
      .help = "Overlap by chance were all experts alike: k/E.";
}

std::vector<std::span<const double>> histograms(std::span<const double> cells) {
  std::vector<std::span<const double>> parts;
  for (std::int64_t length : segmentLengths) {
    parts.push_back(cells.first(static_cast<std::size_t>(length) + 1));
    cells = cells.subspan(static_cast<std::size_t>(length) + 1);
  }
  return parts;
}

struct Fits {
  std::vector<double> f1, size, low, high;  // by segment length
};

// The fits of summed histograms, with their intervals over groups of documents.
Expected<Fits> fitsOf(const std::vector<double>& groups, const Draws& draws, Job& job, std::size_t part,
                      std::size_t parts) {
  DocumentSums table{.cells = static_cast<std::int64_t>(segmentCells), .values = groups};
  std::vector<double> total(segmentCells);
  for (std::size_t at = 0; at < groups.size(); ++at) total[at % segmentCells] += groups[at];
  Fits fits;
  for (std::span<const double> each : histograms(total)) {
    const bool any = std::ranges::any_of(each, [](double count) { return count > 0; });
    const SegmentFit fit = segmentFit(each);
    fits.f1.push_back(any ? fit.f1 : nan);
    fits.size.push_back(any ? fit.size : nan);
  }
  fits.low.assign(segmentLengths.size(), nan);
  fits.high = fits.low;
  if (draws.count == 0 || table.documents() < 2) return fits;
  std::vector<std::vector<double>> drawn(segmentLengths.size(),
                                         std::vector<double>(static_cast<std::size_t>(draws.count)));
  TRY_DO(resampleSums(
      table, draws,
      [&](std::int64_t draw, std::span<const double> sums) {
        const auto parts = histograms(sums);
        for (std::size_t which = 0; which < parts.size(); ++which)
          drawn[which][static_cast<std::size_t>(draw)] = segmentFit(parts[which]).f1;
      },
      pollOf(job, "resampling documents", part, parts)));
  for (std::size_t which = 0; which < drawn.size(); ++which) {
    if (std::isnan(fits.f1[which])) continue;
    const Interval interval = percentileInterval(drawn[which]);
    fits.low[which] = interval.low;
    fits.high[which] = interval.high;
  }
  return fits;
}

Expected<void> addSegments(Result& result, const CountedTrace& counted, const std::vector<LayerLocality>& layers,
                           const Draws& draws, Job& job) {
  Axis axis{.name = "segment"};
  for (std::int64_t length : segmentLengths) axis.labels.push_back(fmt::format("{} tokens", length));
  result.axes.push_back(std::move(axis));
  std::vector<double> f1, low, high, floor, size, working, workingChance, sums(layers.front().segments().size());
  double density = 0;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const LayerLocality& of = layers[layer];
    const auto experts = static_cast<double>(counted.counters.layers[layer].experts);
    const double rho = chosenOf(counted, layer) / experts;
    density += rho / static_cast<double>(layers.size());
    TRY(fits, fitsOf(of.segments(), draws, job, layer, layers.size() + 1));
    std::vector<double> total(segmentCells);
    for (std::size_t at = 0; at < of.segments().size(); ++at) {
      total[at % segmentCells] += of.segments()[at];
      sums[at] += of.segments()[at];
    }
    const auto parts = histograms(total);
    for (std::size_t which = 0; which < parts.size(); ++which) {
      f1.push_back(fits.f1[which]);
      low.push_back(fits.low[which]);
      high.push_back(fits.high[which]);
      size.push_back(fits.size[which]);
      floor.push_back(2 * rho / (1 + rho));
      const double runs = std::accumulate(parts[which].begin(), parts[which].end(), 0.0) / experts;
      working.push_back(runs > 0 ? experts - parts[which][0] / runs : nan);
      double chance = 0;
      for (double u : sharesOf(counted, layer)) chance += 1 - std::pow(1 - std::min(u, 1.0), segmentLengths[which]);
      workingChance.push_back(chance);
    }
  }
  TRY(model, fitsOf(sums, draws, job, layers.size(), layers.size() + 1));
  const bool drawn = draws.count > 0 && counted.documents() > 1;
  const auto withInterval = [&](Array& array, std::vector<double> lows, std::vector<double> highs) {
    if (!drawn) return;
    array.low = std::move(lows);
    array.high = std::move(highs);
  };
  Array& srp = result.add("srp", "F1", {"layer", "segment"}, std::move(f1));
  srp.help =
      "Segment routing best performance (arXiv 2505.16056); baseline: calling every expert active, 2 rho / (1 + rho).";
  srp.baseline = std::move(floor);
  withInterval(srp, std::move(low), std::move(high));
  Array& whole = result.add("srp_model", "F1", {"segment"}, std::move(model.f1));
  whole.help = "SRP of all layers together, one q for all.";
  whole.baseline.assign(segmentLengths.size(), 2 * density / (1 + density));
  withInterval(whole, std::move(model.low), std::move(model.high));
  result.add("srp_size", "x chosen", {"layer", "segment"}, std::move(size)).help =
      "Experts held active over experts chosen, at the q of SRP.";
  Array& set = result.add("working_set", "experts", {"layer", "segment"}, std::move(working));
  set.help = "Different experts of a run of tokens, mean over all runs. Baseline: independent tokens of these shares.";
  set.baseline = std::move(workingChance);
  return {};
}

void addReuse(Result& result, const CountedTrace& counted, const std::vector<LayerLocality>& layers) {
  const auto experts = static_cast<std::size_t>(counted.mostExperts());
  Axis axis{.name = "distance"};
  for (std::size_t distance = 0; distance < experts; ++distance) axis.labels.push_back(std::to_string(distance));
  result.axes.push_back(std::move(axis));
  std::vector<double> counts(layers.size() * experts, -1);
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    for (std::size_t at = 0; at < layers[layer].reuse().counts().size(); ++at)
      counts[layer * experts + at] = static_cast<double>(layers[layer].reuse().counts()[at]);
  result.addWhole("reuse", "requests", {"layer", "distance"}, std::move(counts)).help =
      "Requests by the number of other experts used since the last one for the same expert (stack distance).";
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(counted, countTrace(inputs.at("trace"), set, false, job));
  std::vector<LayerLocality> layers;
  for (const TraceLayer& layer : counted.info.layers)
    layers.emplace_back(layer, counted.info.domains.size(), counted.counters.tokensByDocument.size(),
                        set.integer("lags"), set.integer("simulated"));
  const int threads = std::min(drawsOf(set, job).threads, static_cast<int>(layers.size()));
  TRY(domainOf, domainNumbers(inputs.at("trace"), set));
  TRY_DO(readRouted(inputs.at("trace"), set, {.from = 0.1, .to = 0.7}, job, [&](TraceChunk chunk) {
    for (std::uint16_t& domain : chunk.domain) domain = domainOf[domain];
    everyLayer(layers.size(), threads, [&](std::size_t layer) { layers[layer].add(chunk, layer); });
  }));
  for (LayerLocality& each : layers) each.finish();
  Result result{.axes = {layerAxis(counted.info), domainAxis(counted.info)},
                .facts = traceFacts(counted, "paths.locality")};
  addRepetition(result, counted, layers);
  addOverlap(result, counted, layers);
  TRY_DO(addSegments(result, counted, layers, drawsOf(set, job), job));
  addReuse(result, counted, layers);
  job.progress(0.9, "simulating caches");
  std::vector<CachedLayer> caches(layers.size());
  everyLayer(layers.size(), threads,
             [&](std::size_t layer) { caches[layer] = cachedLayer(layers[layer], counted, layer); });
  addCachePlan(result, counted, caches, set);
  return one("result", std::move(result), traceSummary(counted));
}

}  // namespace

const Operation pathsLocality{describe, estimate, run};

}  // namespace moescope
