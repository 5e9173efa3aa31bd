// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/text/corpus_summary.h"
#include "core/text/markov_source.h"
#include "core/text/operations.h"

namespace moescope {

namespace {

Description describe() {
  return {
      .id = "corpus.synthetic",
      .title = "Synthetic corpus",
      .help =
          "Draws documents of ids from one known Markov source a domain, so that what a model can learn is known "
          "exactly: the entropy "
          "rate of each source is the least loss in its domain; a predictor that knows the sources but not the "
          "document's domain loses "
          "at most ln(domains) nats more over a whole document (Bayes mixture); and the information between domain and "
          "token says how "
          "far routing by token alone can tell the domains apart. Transition rows are cubes of exponential variates, "
          "normalised.",
      .page = "Overview",
      .out = {{"corpus", Kind::corpus}},
      .parameters = {integer("domains", 4, 1, 1000, "", "number of sources"),
                     integer("tokens", 200000, 1, 1e10, "tokens", "in all, shared equally by the domains"),
                     integer("order", 1, 0, 4, "", "tokens that the next one depends on"),
                     integer("seed", 0, 0, 1e9, "", "of the sources, the documents and the split"),
                     integer("alphabet", 16, 2, 256, "", "number of different ids").secondary(),
                     integer("document", 512, 2, 1e6, "tokens", "length of a document").secondary(),
                     real("validation", 0.1, 0, 1, "", "share of each domain's documents that is kept for validation")
                         .secondary()},
      .example = "moescope-cli run corpus.synthetic --study S --set domains=8 --set tokens=1000000 --name known"};
}

std::uint64_t contexts(const Parameters& set) {
  std::uint64_t count = 1;
  for (std::int64_t at = 0; at < set.integer("order"); ++at)
    count *= static_cast<std::uint64_t>(set.integer("alphabet"));
  return count;
}

Expected<Cost> estimate(const Inputs&, const Parameters& set) {
  constexpr std::uint64_t mostContexts = 1u << 16, mostEntries = 1u << 26;
  const std::uint64_t entries = contexts(set) * static_cast<std::uint64_t>(set.integer("alphabet")) *
                                static_cast<std::uint64_t>(set.integer("domains"));
  if (contexts(set) > mostContexts || entries > mostEntries)
    return usageError(
        "alphabet^order = " + std::to_string(contexts(set)) + " contexts in " + std::to_string(set.integer("domains")) +
        " domains are too many (at most 65536 contexts and 67,108,864 transitions): lower alphabet, order or domains");
  return Cost{.bytes = 4u * static_cast<std::uint64_t>(set.integer("tokens")), .memory = 8 * entries + (32u << 20)};
}

// What is known of the sources, in nats; see the help.
Json sourceFacts(const std::vector<MarkovSource>& sources, std::int64_t documentLength) {
  std::vector<double> rates, marginal(sources.front().alphabet(), 0.0);
  double rate = 0, within = 0;
  for (const MarkovSource& source : sources) {
    const auto share = 1 / static_cast<double>(sources.size());
    rates.push_back(source.entropyRate());
    rate += share * rates.back();
    const std::vector<double> tokens = source.marginal();
    within += share * entropy(tokens);
    for (std::size_t token = 0; token < tokens.size(); ++token) marginal[token] += share * tokens[token];
  }
  const double domains = std::log(static_cast<double>(sources.size()));
  return {{"source", "synthetic"},
          {"entropy_rate", rates},      // [domain]: the least loss in a domain
          {"entropy_rate_mean", rate},  // the least loss where the domain is known
          {"bayes_bound", rate + domains / static_cast<double>(documentLength)},
          {"domain_token_information", std::max(0.0, entropy(marginal) - within)},
          {"domain_entropy", domains}};  // no specialisation can carry more
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY_DO(estimate(inputs, set));
  const auto seed = static_cast<std::uint64_t>(set.integer("seed"));
  const std::int64_t domains = set.integer("domains"), tokens = set.integer("tokens"), length = set.integer("document");
  if (tokens < domains)
    return usageError("tokens = " + std::to_string(tokens) + " do not give each of the " + std::to_string(domains) +
                      " domains one");
  std::vector<MarkovSource> sources;
  std::vector<std::string> names;
  for (std::int64_t domain = 0; domain < domains; ++domain) {
    if (job.cancelled()) return cancelledError();
    sources.emplace_back(static_cast<std::size_t>(set.integer("alphabet")), static_cast<int>(set.integer("order")),
                         mixSeed(seed, 2 * static_cast<std::uint64_t>(domain)));
    names.push_back("source-" + std::to_string(domain));
  }
  const std::filesystem::path folder = job.place("corpus");
  TRY(writer, CorpusWriter::create(folder, names, false));
  std::int64_t written = 0;
  for (std::int64_t domain = 0; domain < domains; ++domain) {
    Random random(mixSeed(seed, 2 * static_cast<std::uint64_t>(domain) + 1));
    std::int64_t left = tokens / domains + (domain < tokens % domains ? 1 : 0);
    for (std::int64_t number = 0; left > 0; ++number) {
      if (job.cancelled()) return cancelledError();
      const auto count = static_cast<std::size_t>(std::min(left, length));
      const auto source = static_cast<std::size_t>(domain);
      TRY_DO(writer.add(names[source] + "/" + std::to_string(number), static_cast<std::uint16_t>(domain),
                        sources[source].draw(count, random)));
      left -= static_cast<std::int64_t>(count);
      written += static_cast<std::int64_t>(count);
      job.progress(static_cast<double>(written) / static_cast<double>(tokens), "drawing documents");
    }
  }
  TRY_DO(writer.finish(set.real("validation"), seed, sourceFacts(sources, length)));
  TRY(corpus, Corpus::open(folder));
  return Outputs{{.port = "corpus", .kind = Kind::corpus, .summary = corpusSummary(corpus)}};
}

}  // namespace

const Operation corpusSynthetic{describe, estimate, run};

}  // namespace moescope
