// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/domain_values.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "core/statistics/multiple_testing.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

using Layers = std::vector<DomainPreference>;

template <class Of>
std::vector<double> byLayer(const Layers& layers, Of of) {
  std::vector<double> values;
  for (const DomainPreference& layer : layers) values.push_back(of(layer));
  return values;
}

// A single number a layer, with its null and interval where documents were drawn.
Array& addSingle(Result& result, const Layers& layers, bool drawn, const std::string& name, const std::string& unit,
                 DomainMeasures::Single measure) {
  Array& array =
      result.add(name, unit, {"layer"}, byLayer(layers, [&](const auto& of) { return of.measures[measure]; }));
  if (!drawn) return array;
  array.baseline = byLayer(layers, [&](const auto& of) { return of.null.mean[measure]; });
  array.low = byLayer(layers, [&](const auto& of) { return of.resampled.interval[measure].low; });
  array.high = byLayer(layers, [&](const auto& of) { return of.resampled.interval[measure].high; });
  return array;
}

// One measure of every expert, [layer, expert].
Array& addByExpert(Result& result, const CountedTrace& counted, const Layers& layers, const std::string& name,
                   const std::string& unit, DomainMeasures::ByExpert measure, bool drawn) {
  const auto cut = [&](auto of) {
    return paddedByExpert(counted.info, 1, [&](std::size_t layer) {
      std::vector<double> values;
      const auto experts = static_cast<std::size_t>(counted.info.layers[layer].numExperts);
      for (std::size_t e = 0; e < experts; ++e)
        values.push_back(of(layers[layer], DomainMeasures::at(measure, e, experts)));
      return values;
    });
  };
  Array& array = result.add(name, unit, {"layer", "expert"},
                            cut([](const auto& of, std::size_t index) { return of.measures[index]; }));
  if (!drawn) return array;
  array.baseline = cut([](const auto& of, std::size_t index) { return of.null.mean[index]; });
  array.low = cut([](const auto& of, std::size_t index) { return of.resampled.interval[index].low; });
  array.high = cut([](const auto& of, std::size_t index) { return of.resampled.interval[index].high; });
  return array;
}

}  // namespace

void addInformation(Result& result, const Layers& layers, bool drawn) {
  addSingle(result, layers, drawn, "information", "nats", DomainMeasures::information).help =
      "I(domain; expert), each token one unit (1/k an assignment). Baseline: mean under permutation of the documents' "
      "domains.";
  const auto information = [](const auto& of) { return of.measures[DomainMeasures::information]; };
  result
      .add("information_share", "of H(domain)", {"layer"},
           byLayer(layers,
                   [&](const auto& of) { return of.domainEntropy > 0 ? information(of) / of.domainEntropy : nan; }))
      .help = "I(domain; expert) / H(domain): how much of the domain a token's expert tells, 0 to 1.";
  addSingle(result, layers, drawn, "dispatch_entropy", "nats", DomainMeasures::dispatchEntropy).help =
      "H(domain | expert) = H(domain) - I(domain; expert): 0 where each expert serves one domain, ln(domains) where "
      "all "
      "serve all alike. Baseline: mean under permutation of the documents' domains.";
  if (!drawn) return;
  Array& null = result.add("information_null", "nats", {"layer"},
                           byLayer(layers, [](const auto& of) { return of.null.mean[DomainMeasures::information]; }));
  null.help = "I(domain; expert) when documents bear no label: mean and 95 % of the permutations.";
  null.low = byLayer(layers, [](const auto& of) { return of.null.interval[DomainMeasures::information].low; });
  null.high = byLayer(layers, [](const auto& of) { return of.null.interval[DomainMeasures::information].high; });
  result.add("information_p", "", {"layer"}, byLayer(layers, [](const auto& of) { return of.informationP; })).help =
      "Share of the permutations that tell as much or more, (1 + count) / (1 + draws).";
}

void addExperts(Result& result, const CountedTrace& counted, const DomainQuestion& question, const Layers& layers,
                bool drawn) {
  addByExpert(result, counted, layers, "domain_cv", "", DomainMeasures::variation, drawn).help =
      "Standard deviation over domains (population) of the expert's share of a domain, over the mean of these shares. "
      "Baseline: mean under permutation of the documents' domains.";
  addByExpert(result, counted, layers, "divergence", "bits", DomainMeasures::divergence, drawn).help =
      "Jensen-Shannon divergence between the domains of the expert's tokens and those of the layer's, 0 to 1 bit. "
      "Baseline: mean under permutation of the documents' domains.";
  std::vector<std::string> first, second;
  for (std::size_t domain = 0; domain < question.first.size(); ++domain) {
    if (question.first[domain]) first.push_back(counted.info.domains[domain]);
    if (question.second[domain]) second.push_back(counted.info.domains[domain]);
  }
  Array& difference =
      addByExpert(result, counted, layers, "difference", "of tokens", DomainMeasures::difference, drawn);
  difference.help = fmt::format(
      "Risk difference: share of the tokens of {} that choose the expert, less that of {}. Interval over resampled "
      "documents.",
      fmt::join(first, ", "), second.empty() ? "no other domain" : fmt::format("{}", fmt::join(second, ", ")));
  if (!drawn) return;
  for (double& value : difference.baseline) value = std::isnan(value) ? nan : 0;
  result
      .add("difference_q", "", {"layer", "expert"},
           benjaminiHochberg(
               paddedByExpert(counted.info, 1, [&](std::size_t layer) { return layers[layer].differenceP; })))
      .help =
      "Benjamini-Hochberg q of the risk difference over all layers and experts, under permutation of documents.";
}

void addCommittee(Result& result, const CountedTrace& counted, const Layers& layers, bool drawn) {
  Array& size = addSingle(result, layers, drawn, "committee", "experts", DomainMeasures::committee);
  size.help =
      "Experts that are, in theta of the domains, in the smallest set that carries tau of the domain's assignments. "
      "Baseline: domains that load their experts as unevenly but choose them independently (closed form).";
  size.baseline = byLayer(layers, [](const auto& of) { return of.chance.size; });
  result
      .add("committee_share", "of the experts", {"layer"},
           byLayer(layers,
                   [](const auto& of) {
                     return static_cast<double>(of.committee.size) / static_cast<double>(of.committee.member.size());
                   }))
      .help = "Committee over the layer's experts.";
  addSingle(result, layers, drawn, "committee_mass", "of assignments", DomainMeasures::committeeMass).help =
      "Share of the layer's assignments that the committee carries. Baseline: mean under permutation of the documents' "
      "domains.";
  Array& overlap = addSingle(result, layers, drawn, "committee_jaccard", "", DomainMeasures::jaccard);
  overlap.help =
      "Experts that two domains' sets share over those that either holds, mean over pairs of domains. Baseline: "
      "domains "
      "that choose as many experts independently (closed form); committee_relabelled is the other end, where domains "
      "make no difference.";
  overlap.baseline = byLayer(layers, [](const auto& of) { return of.chance.jaccard; });
  result.add("committee_chance", "experts", {"layer"}, byLayer(layers, [](const auto& of) { return of.chance.size; }))
      .help = "Expected committee of domains that choose as many experts independently (closed form).";
  if (drawn) {
    Array& same = result.add("committee_relabelled", "", {"layer"},
                             byLayer(layers, [](const auto& of) { return of.null.mean[DomainMeasures::jaccard]; }));
    same.help = "committee_jaccard when documents bear no label: mean and 95 % of the permutations.";
    same.low = byLayer(layers, [](const auto& of) { return of.null.interval[DomainMeasures::jaccard].low; });
    same.high = byLayer(layers, [](const auto& of) { return of.null.interval[DomainMeasures::jaccard].high; });
  }
  const std::size_t domains = counted.info.domains.size();
  result
      .addWhole("present", "", {"layer", "domain", "expert"},
                paddedByExpert(
                    counted.info, domains,
                    [&](std::size_t layer) {
                      const std::vector<std::uint8_t>& present = layers[layer].committee.present;
                      return std::vector<double>(present.begin(), present.end());
                    },
                    -1))
      .help = "1 where the expert is in the smallest set that carries tau of the domain's assignments.";
  // Lines run over the number of experts taken, so that axis goes first.
  const auto most = static_cast<std::size_t>(counted.mostExperts());
  const std::vector<double> coverage =
      paddedByExpert(counted.info, domains, [&](std::size_t layer) { return layers[layer].coverage; });
  std::vector<double> turned(coverage.size());
  for (std::size_t cell = 0; cell < coverage.size(); ++cell)
    turned[(cell / (domains * most) * most + cell % most) * domains + cell / most % domains] = coverage[cell];
  result.add("coverage", "of assignments", {"layer", "taken", "domain"}, std::move(turned)).help =
      "Share of the domain's assignments that its most loaded experts carry together, by how many are taken.";
}

}  // namespace moescope
