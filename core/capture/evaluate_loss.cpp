// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/operations.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/capture/walk.h"
#include "core/capture/walk_cost.h"
#include "core/model/torch_error.h"
#include "core/statistics/resampling.h"
#include "core/training/token_loss.h"

namespace moescope {
namespace {

std::vector<Parameter> parameters() {
  std::vector<Parameter> all = readingParameters();
  all.push_back(integer("draws", 1000, 0, 100000, "", "document resamples behind the intervals; 0 = none").secondary());
  all.push_back(integer("seed", 0, 0, 1e15, "", "of the resampling").secondary());
  return all;
}

Description describe() {
  return {.id = "evaluate.loss",
          .version = 1,
          .title = "Evaluate the loss",
          .help =
              "Mean cross-entropy of the next token in nats over a corpus, and by domain: the logarithm of the "
              "perplexity. Windows "
              "start at multiples of the length within a document; a document's last token has nothing to predict and "
              "does not "
              "count. Intervals are 95 % percentile bootstraps over documents (Efron and Tibshirani 1993), because "
              "tokens of one "
              "document are alike.",
          .page = "Overview",
          .in = {{"model", Kind::model, false, false, "what predicts"},
                 {"corpus", Kind::corpus, false, false, "what is predicted"}},
          .out = {{"result", Kind::result, false, false, "loss, loss_by_domain"}},
          .parameters = parameters(),
          .figures = {sortedBars("domains", "loss_by_domain").over({"domain"}).titled("Loss by domain"),
                      table("table", {"loss_by_domain", "tokens"})},
          .needs = {"torch"},
          .example = "moescope-cli run evaluate.loss --study S --in model=toy --in corpus=text --set split=validation"};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(weights, WeightStore::open(inputs.at("model").path));
  return walkCost(inputs, set, weights, wholeModel(weights.config()), 0, 0);
}

struct Intervals {
  Interval all{std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  std::vector<Interval> byDomain;
};

// Documents are resampled with what they hold: their targets, and their loss in whole units small enough not to be
// seen.
Expected<Intervals> intervalsOf(const Corpus& corpus, const LossSums& sums, const Parameters& set, Job& job) {
  const std::size_t domains = corpus.domains().size();
  Intervals intervals;
  intervals.byDomain.assign(domains, intervals.all);
  const std::int64_t draws = set.integer("draws");
  const double largest = *std::max_element(sums.loss.begin(), sums.loss.end());
  if (draws == 0 || !(largest > 0)) return intervals;
  const double unit = largest / 4e9;
  std::vector<std::uint32_t> cells;
  DocumentTable table{.cells = 2, .groups = std::int64_t(domains)};
  cells.reserve(2 * sums.loss.size());
  for (std::size_t i = 0; i < sums.loss.size(); ++i) {
    if (sums.targets[i] == 0) continue;
    table.counts.push_back(cells.data() + cells.size());
    cells.push_back(std::uint32_t(sums.targets[i]));
    cells.push_back(std::uint32_t(std::llround(sums.loss[i] / unit)));
    table.group.push_back(corpus.documents()[i].domain);
  }
  const double nothing = std::numeric_limits<double>::quiet_NaN();
  std::vector<std::vector<double>> means(domains + 1,
                                         std::vector<double>(std::size_t(draws), nothing));  // the last: all domains
  const auto visit = [&](std::int64_t draw, std::span<const double> drawn) {
    double targets = 0, loss = 0;
    for (std::size_t d = 0; d < domains; ++d) {
      if (drawn[2 * d] > 0) means[d][std::size_t(draw)] = drawn[2 * d + 1] * unit / drawn[2 * d];
      targets += drawn[2 * d];
      loss += drawn[2 * d + 1] * unit;
    }
    means[domains][std::size_t(draw)] = targets > 0 ? loss / targets : nothing;
  };
  TRY_DO(resampleDocuments(table, {.count = draws, .seed = std::uint64_t(set.integer("seed"))}, visit,
                           [&](double) { return !job.cancelled(); }));
  for (std::size_t d = 0; d < domains; ++d) intervals.byDomain[d] = percentileInterval(means[d]);
  intervals.all = percentileInterval(means[domains]);
  return intervals;
}

class LossVisitor : public WalkVisitor {
 public:
  explicit LossVisitor(const Corpus& corpus)
      : sums_{std::vector<double>(corpus.documents().size()), std::vector<std::int64_t>(corpus.documents().size())} {}
  const LossSums& sums() const { return sums_; }

  Expected<void> begin(std::span<const Batch> group) override {
    group_ = group;
    return {};
  }
  Expected<void> predicted(std::size_t batch, std::span<const float> loss, std::span<const std::int32_t>) override {
    const Batch& here = group_[batch];
    for (std::size_t place = 0; place < loss.size(); ++place) {
      if (here.next[place] < 0) continue;
      const std::uint32_t document = here.windows[place / std::size_t(here.length)].document;
      sums_.loss[document] += double(loss[place]);
      ++sums_.targets[document];
    }
    return {};
  }
  Expected<void> end(std::span<const Batch>) override { return {}; }

 private:
  LossSums sums_;
  std::span<const Batch> group_;
};

Expected<Outputs> evaluate(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(reading, openReading(inputs, set, job));
  LossVisitor visitor(*reading.corpus);
  const std::vector<std::span<const Window>> batches = batchesOf(reading.windows, set.integer("batch"));
  const WalkEnd end = wholeModel(reading.weights.config());
  const WalkPlan plan = planWalk(reading.weights, end, extentOf(batches, 0), job.resources().memory);
  sayPlan(plan, job);
  ReadAhead ahead(reading.weights, readingChoice(plan));
  TRY_DO(walk(reading, batches, end, plan, ahead, visitor, job));
  const LossSums& sums = visitor.sums();
  if (!std::isfinite(sums.mean()))
    return inputError(
        "The loss of this model on this text is not a number: its weights are damaged, or it diverged in training.");
  TRY(intervals, intervalsOf(*reading.corpus, sums, set, job));
  const std::vector<std::string>& domains = reading.corpus->domains();
  std::vector<double> byDomain, targets(domains.size());
  for (std::size_t d = 0; d < domains.size(); ++d) byDomain.push_back(sums.mean(*reading.corpus, std::uint16_t(d)));
  for (std::size_t i = 0; i < sums.targets.size(); ++i)
    targets[reading.corpus->documents()[i].domain] += double(sums.targets[i]);

  Result result{.axes = {{"domain", domains}}};
  Array& loss = result.add("loss", "nats", {}, {sums.mean()});
  loss.low = {intervals.all.low};
  loss.high = {intervals.all.high};
  loss.help = "mean cross-entropy of the next token over all that have one; interval: 95 % document bootstrap";
  Array& parts = result.add("loss_by_domain", "nats", {"domain"}, byDomain);
  for (const Interval& interval : intervals.byDomain) {
    parts.low.push_back(interval.low);
    parts.high.push_back(interval.high);
  }
  parts.help = "the same over the tokens of one domain; NaN where none was read";
  result.addWhole("tokens", "", {"domain"}, targets).help = "tokens that have a next one";
  result.facts = {{"tokens", reading.tokens()}, {"split", set.text("split")}, {"length", reading.length}};
  return one("result", std::move(result),
             {{"loss", sums.mean()}, {"tokens", reading.tokens()}, {"bytes_read", ahead.bytesRead()}});
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  return guarded([&] { return evaluate(inputs, set, job); });
}

}  // namespace

const Operation evaluateLoss{describe, estimate, run};

}  // namespace moescope
