// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/analysis/committee.h"
#include "core/analysis/domain_information.h"
#include "tests/analysis/analysed.h"

namespace moescope {
namespace {

TEST(SpecialiseDomain, AgreesWithTheOtherImplementation) {
  const made::Folder folder("specialise-oracle");
  for (const char* name : {"even", "specialised"}) {
    const Json& expected = made::oracle()[name];
    const made::Rule rule = made::ruleOf(expected["rule"]);
    ASSERT_TRUE(made::write(folder.path() / name, rule));
    auto result = made::analyse("specialise.domain", folder.path() / name, {{"draws", 4000}}, 2);
    ASSERT_TRUE(result) << result.error().message;
    const Array &information = made::array(*result, "information"), &null = made::array(*result, "information_null");
    for (std::int64_t layer = 0; layer < rule.layers; ++layer) {
      const Json& of = expected["layers"][layer];
      for (const char* table : {"share", "lift", "token_share"})
        for (std::int64_t domain = 0; domain < rule.domains; ++domain)
          for (std::int64_t e = 0; e < rule.experts; ++e)
            EXPECT_NEAR(made::array(*result, table).values[(layer * rule.domains + domain) * rule.experts + e],
                        of[table][domain][e].get<double>(), 1e-10);
      EXPECT_NEAR(information.values[layer], of["information"].get<double>(), 1e-10);
      EXPECT_NEAR(information.baseline[layer] / of["null_mean"].get<double>(), 1, 0.05);
      for (const auto& [array, key] : {std::pair{&null, "null_interval"}, {&information, "information_interval"}}) {
        const double low = of[key][0], high = of[key][1];
        EXPECT_NEAR(array->low[layer], low, 0.08 * (high - low)) << name << key;
        EXPECT_NEAR(array->high[layer], high, 0.08 * (high - low)) << name << key;
      }
    }
  }
}

void expectNear(const Result& result, const char* name, std::size_t first, const Json& values, double within) {
  const Array& array = made::array(result, name);
  for (std::size_t at = 0; at < values.size(); ++at)
    EXPECT_NEAR(array.values[first + at], values[at].get<double>(), within) << name << " at " << at;
}

TEST(SpecialiseDomain, LogOddsVariationDivergenceAndContrastAgreeWithTheOtherImplementation) {
  const made::Folder folder("specialise-odds");
  for (const char* name : {"even", "specialised"}) {
    const Json& expected = made::oracle()[name];
    const made::Rule rule = made::ruleOf(expected["rule"]);
    ASSERT_TRUE(made::write(folder.path() / name, rule));
    auto result = made::analyse("specialise.domain", folder.path() / name, {{"draws", 4000}}, 2);
    ASSERT_TRUE(result) << result.error().message;
    for (std::int64_t layer = 0; layer < rule.layers; ++layer) {
      const Json &of = expected["layers"][layer], &null = of["specialisation_null"];
      for (std::int64_t domain = 0; domain < rule.domains; ++domain) {
        const std::size_t row = (layer * rule.domains + domain) * rule.experts;
        expectNear(*result, "log_odds", row, of["log_odds"][domain], 1e-10);
        expectNear(*result, "z_tokens", row, of["z_tokens"][domain], 1e-9);
        for (std::int64_t e = 0; e < rule.experts;
             ++e)  // two Monte Carlo standard deviations, of 4 and 5 thousand draws
          EXPECT_NEAR(made::array(*result, "z").values[row + e] / of["z"][domain][e].get<double>(), 1, 0.08);
      }
      const std::size_t row = layer * rule.experts;
      expectNear(*result, "domain_cv", row, of["specialisation"]["domain_cv"], 1e-10);
      expectNear(*result, "divergence", row, of["specialisation"]["divergence"], 1e-10);
      expectNear(*result, "difference", row, of["difference"], 1e-10);
      EXPECT_NEAR(made::array(*result, "dispatch_entropy").values[layer],
                  of["specialisation"]["dispatch_entropy"].get<double>(), 1e-10);
      EXPECT_NEAR(made::array(*result, "dispatch_entropy").baseline[layer], null["dispatch_entropy"].get<double>(),
                  2e-4);
      for (std::int64_t e = 0; e < rule.experts; ++e) {
        EXPECT_NEAR(made::array(*result, "domain_cv").baseline[row + e] / null["domain_cv"][e].get<double>(), 1, 0.06);
        EXPECT_NEAR(made::array(*result, "divergence").baseline[row + e] / null["divergence"][e].get<double>(), 1, 0.1);
        const double low = of["difference_interval"][0][e], high = of["difference_interval"][1][e];
        EXPECT_NEAR(made::array(*result, "difference").low[row + e], low, 0.1 * (high - low));
        EXPECT_NEAR(made::array(*result, "difference").high[row + e], high, 0.1 * (high - low));
      }
    }
  }
}

TEST(SpecialiseDomain, CommitteeAgreesWithTheOtherImplementationAndWithChance) {
  const made::Folder folder("specialise-committee");
  for (const char* name : {"even", "specialised"}) {
    const Json& expected = made::oracle()[name];
    const made::Rule rule = made::ruleOf(expected["rule"]);
    ASSERT_TRUE(made::write(folder.path() / name, rule));
    auto result = made::analyse("specialise.domain", folder.path() / name, {{"draws", 100}}, 2);
    ASSERT_TRUE(result) << result.error().message;
    for (std::int64_t layer = 0; layer < rule.layers; ++layer) {
      const Json& of = expected["layers"][layer]["committee"];
      EXPECT_EQ(made::array(*result, "committee").values[layer], static_cast<double>(of["members"].size()));
      EXPECT_NEAR(made::array(*result, "committee_mass").values[layer], of["mass"].get<double>(), 1e-12);
      EXPECT_NEAR(made::array(*result, "committee_jaccard").values[layer], of["jaccard"].get<double>(), 1e-12);
      EXPECT_NEAR(made::array(*result, "committee").baseline[layer], of["chance"].get<double>(), 0.02);
      EXPECT_NEAR(made::array(*result, "committee_jaccard").baseline[layer], of["chance_jaccard"].get<double>(), 0.005);
    }
  }
}

// Two experts take three quarters of every domain; the rest is the domain's own.
TEST(Committee, HoldsWhoCarriesEveryDomain) {
  const std::vector<double> table{50, 25, 20, 5, 0,  0,   //
                                  0,  50, 0,  0, 50, 0,   //
                                  0,  0,  0,  0, 0,  0};  // no token: no say
  const Committee committee = committeeOf(table, 6, 0.5, 0.9);
  EXPECT_EQ(committee.sizes, (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(committee.size, 0);  // expert 0 carries the one, expert 1 the other
  EXPECT_EQ(committee.jaccard, 0);
  const Committee wider = committeeOf(table, 6, 0.75, 0.9);
  EXPECT_EQ(wider.sizes, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(wider.member, (std::vector<std::uint8_t>{0, 1, 0, 0, 0, 0}));
  EXPECT_NEAR(wider.mass, 75.0 / 200, 1e-12);
  EXPECT_NEAR(wider.jaccard, 1.0 / 3, 1e-12);
  // Two sets of 2 among 6: 6/15 none, 8/15 one, 1/15 both; an expert is in both with (1/3)^2.
  const ChanceCommittee chance = chanceCommittee(wider.sizes, 6, 0.9);
  EXPECT_NEAR(chance.size, 6.0 / 9, 1e-12);
  EXPECT_NEAR(chance.jaccard, 8.0 / 15 / 3 + 1.0 / 15, 1e-12);
  const std::vector<double> coverage = massCoverage(table, 6);
  EXPECT_EQ(coverage[1], 0.75);
  EXPECT_EQ(coverage[5], 1);
  EXPECT_TRUE(std::isnan(coverage[12]));
}

// First choices tell the domain, second ones do not: the first alone (OLMoE's top-1 variant) doubles the share.
TEST(SpecialiseDomain, CountsTheFirstChoicesThatAreAskedFor) {
  const made::Folder folder("specialise-choices");
  const made::Rule rule{.layers = 1, .experts = 8, .topK = 3, .domains = 2, .documents = 20, .tokensPerDocument = 20};
  ASSERT_TRUE(made::writeChosen(folder.path() / "t", rule, [](auto, auto token, auto rank) {
    return rank == 0 ? token / 20 % 2 : rank == 1 ? 2 + token % 2 : 4 + token % 4;
  }));
  const auto shares = [&](int choices) {
    auto result = made::analyse("specialise.domain", folder.path() / "t", {{"draws", 0}, {"choices", choices}});
    EXPECT_TRUE(result) << result.error().message;
    return std::pair{made::array(*result, "token_share").values, made::array(*result, "percent").values};
  };
  EXPECT_EQ(shares(1).first, (std::vector<double>{1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(shares(2).first, (std::vector<double>{1, 0, .5, .5, 0, 0, 0, 0, 0, 1, .5, .5, 0, 0, 0, 0}));
  EXPECT_EQ(shares(2).second[2], 50);
  EXPECT_EQ(shares(3), shares(0));
  EXPECT_NEAR(shares(0).second[4], 25, 1e-12);
}

TEST(SpecialiseDomain, ContrastsTheNamedDomains) {
  const made::Folder folder("specialise-contrast");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{.preference = 100}));
  const auto analysed = [&](const Json& contrast) {
    return made::analyse("specialise.domain", folder.path() / "t", {{"draws", 50}, {"contrast", contrast}});
  };
  auto pair = analysed({"domain 2", "domain 1"});
  ASSERT_TRUE(pair) << pair.error().message;
  const std::vector<double>&tokens = made::array(*pair, "token_share").values,
        &difference = made::array(*pair, "difference").values;
  for (int e = 0; e < 8; ++e) EXPECT_NEAR(difference[e], tokens[16 + e] - tokens[8 + e], 1e-12);
  for (const auto& [contrast, word] : {std::pair<Json, std::string>{{"domain 7"}, "domain"},
                                       {{"domain 1", "domain 1"}, "twice"},
                                       {{"domain 0", "domain 1", "domain 2"}, "3"}}) {
    auto wrong = analysed(contrast);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().kind, ErrorKind::usage);
    EXPECT_NE(wrong.error().message.find(word), std::string::npos) << wrong.error().message;
  }
}

TEST(DomainNull, PValuesAreTheOtherImplementationsExceedances) {
  const Json& expected = made::oracle()["specialised"];
  const made::Rule rule = made::ruleOf(expected["rule"]);
  Counters counters = Counters::emptyFor(made::info(rule));
  counters.add(made::chunk(rule));
  for (std::int64_t layer = 0; layer < rule.layers; ++layer) {
    DocumentTable table{.cells = rule.experts, .groups = rule.domains};
    for (std::int64_t document = 0; document < rule.documents; ++document) {
      table.counts.push_back(counters.layers[layer].document.data() + document * rule.experts);
      table.group.push_back(counters.domainOfDocument[document]);
    }
    auto null = permuteDomains(table, {.count = 4000}, [](double) { return true; });
    ASSERT_TRUE(null);
    for (std::int64_t at = 0; at < rule.domains * rule.experts; ++at) {
      const double exceedance = expected["layers"][layer]["exceedance"][at / rule.experts][at % rule.experts];
      EXPECT_NEAR(null->p[at], exceedance, 4 * std::sqrt(exceedance / 2000) + 1e-3);
    }
  }
}

// Domain d sends its tokens to expert d alone: information is H(domain), lift is one over the domain's share.
TEST(SpecialiseDomain, WhereDomainsOwnExpertsInformationIsTheDomainsEntropy) {
  const made::Folder folder("specialise-own");
  const made::Rule rule{.layers = 1, .experts = 4, .topK = 1, .domains = 4, .documents = 40, .tokensPerDocument = 25};
  ASSERT_TRUE(made::writeChosen(folder.path() / "t", rule, [](auto, auto token, auto) { return token / 25 % 4; }));
  auto result = made::analyse("specialise.domain", folder.path() / "t");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_NEAR(made::array(*result, "information").values[0], std::log(4), 1e-12);
  EXPECT_NEAR(made::array(*result, "information_share").values[0], 1, 1e-12);
  const std::vector<double>&lift = made::array(*result, "lift").values, &q = made::array(*result, "q").values;
  for (int domain = 0; domain < 4; ++domain)
    for (int e = 0; e < 4; ++e) {
      EXPECT_NEAR(lift[domain * 4 + e], domain == e ? 4 : 0, 1e-12);
      // Ten of forty documents without this expert are no rarity: hypergeometric P(0) + P(5 or more) = 0.085.
      if (domain == e)
        EXPECT_LT(q[domain * 4 + e], 0.05);
      else
        EXPECT_NEAR(q[domain * 4 + e], 0.085, 0.03);
    }
  EXPECT_LT(made::array(*result, "information_p").values[0], 0.01);
  const auto* strongest = std::get_if<Table>(&result->find("strongest")->content);
  ASSERT_NE(strongest, nullptr);
  EXPECT_EQ(std::get<std::vector<double>>(strongest->columns[3].cells), (std::vector<double>{4, 4, 4, 4}));
}

// A known lift: half of a domain's first choices go to its own expert, the rest evenly to all eight.
TEST(SpecialiseDomain, FindsAKnownLift) {
  const made::Folder folder("specialise-lift");
  const made::Rule rule{.layers = 1, .experts = 8, .topK = 1, .domains = 2, .documents = 40, .tokensPerDocument = 160};
  ASSERT_TRUE(made::writeChosen(folder.path() / "t", rule, [](auto, auto token, auto) {
    return token % 2 == 0 ? token / 160 % 2 : token / 2 % 8;
  }));
  auto result = made::analyse("specialise.domain", folder.path() / "t");
  ASSERT_TRUE(result);
  // share = 1/2 + 1/16, overall (1/2 + 1/8) / 2 = 5/16: lift 1.8; the other domain 1/16 over 5/16.
  const std::vector<double>& lift = made::array(*result, "lift").values;
  EXPECT_NEAR(lift[0], 1.8, 1e-12);
  EXPECT_NEAR(lift[1], 0.2, 1e-12);
  EXPECT_NEAR(lift[5], 1, 1e-12);
  EXPECT_NEAR(lift[8 + 1], 1.8, 1e-12);
  const double own = 9.0 / 16, other = 1.0 / 16;  // of the two own experts, with domains of equal size
  EXPECT_NEAR(made::array(*result, "information").values[0],
              own * std::log(own / (5.0 / 16)) + other * std::log(other / (5.0 / 16)), 1e-12);
  EXPECT_LT(made::array(*result, "q").values[0], 0.01);
  EXPECT_EQ(made::array(*result, "q").values[5], 1);
  // Only preferences are listed, strongest first; what a domain avoids (lift 0.2) is not.
  const auto& listed = std::get<Table>(result->find("strongest")->content);
  const auto& lifts = std::get<std::vector<double>>(listed.columns[3].cells);
  ASSERT_EQ(lifts.size(), 2u);
  EXPECT_NEAR(lifts[0], 1.8, 1e-12);
  EXPECT_NEAR(lifts[1], 1.8, 1e-12);
}

TEST(SpecialiseDomain, SharesAddUp) {
  const made::Folder folder("specialise-sums");
  const made::Rule rule{.layers = 2, .experts = 8, .topK = 3};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  auto result = made::analyse("specialise.domain", folder.path() / "t", {{"draws", 50}});
  ASSERT_TRUE(result);
  for (std::size_t row = 0; row < 6; ++row) {
    const auto sum = [&](const char* name) {
      const std::vector<double>& values = made::array(*result, name).values;
      return std::accumulate(values.begin() + row * 8, values.begin() + (row + 1) * 8, 0.0);
    };
    EXPECT_NEAR(sum("share"), 1, 1e-12);
    EXPECT_NEAR(sum("token_share"), 3, 1e-12);  // A13: sums to k per domain
  }
}

// Routing that knows nothing of domains, but in which every document has its own preference, as real ones have: few
// cells may look significant, and information stays inside its null. Tokens as units would call nearly all of it
// significant.
TEST(SpecialiseDomain, NullIsCalibratedWhereDocumentsDifferButDomainsDoNot) {
  const made::Folder folder("specialise-null");
  const made::Rule rule{
      .layers = 20, .experts = 16, .topK = 2, .domains = 4, .documents = 80, .tokensPerDocument = 100};
  ASSERT_TRUE(made::writeChosen(folder.path() / "t", rule, [](auto layer, auto token, auto rank) {
    const std::uint64_t document = token / 100, draw = made::number(3000 + layer, token * 2 + rank);
    const std::uint64_t own = made::number(5000 + layer, document) % 16;  // a third of its first choices
    return rank == 0 && draw % 3 == 0 ? own : rank == 0 ? (draw >> 8) % 16 : (draw >> 8) % 16;
  }));
  auto result = made::analyse("specialise.domain", folder.path() / "t", {{"draws", 1000}}, 2);
  ASSERT_TRUE(result) << result.error().message;
  const std::vector<double>& q = made::array(*result, "q").values;
  EXPECT_LE(std::count_if(q.begin(), q.end(), [](double value) { return value < 0.05; }), 6);  // of 1280
  const Array &information = made::array(*result, "information"), &null = made::array(*result, "information_null");
  int outside = 0;
  for (int layer = 0; layer < 20; ++layer)
    outside += information.values[layer] < null.low[layer] || information.values[layer] > null.high[layer];
  EXPECT_LE(outside, 4);  // 1 expected of 20; more than 4 has probability 0.003
  const std::vector<double>& p = made::array(*result, "information_p").values;
  EXPECT_GT(*std::max_element(p.begin(), p.end()), 0.5);
}

TEST(DomainNull, PValuesAreUniformWithoutPreference) {
  std::vector<std::uint32_t> numbers;
  DocumentTable table{.cells = 50, .groups = 2};
  for (std::uint64_t document = 0; document < 60; ++document)
    for (std::uint64_t cell = 0; cell < 50; ++cell)
      numbers.push_back(static_cast<std::uint32_t>(made::number(77 + cell, document) % 100));
  for (int document = 0; document < 60; ++document) {
    table.counts.push_back(numbers.data() + document * 50);
    table.group.push_back(static_cast<std::uint16_t>(document % 2));
  }
  auto null = permuteDomains(table, {.count = 2000}, [](double) { return true; });
  ASSERT_TRUE(null);
  const auto below = [&](double level) {
    return std::count_if(null->p.begin(), null->p.begin() + 50, [&](double p) { return p < level; });
  };
  EXPECT_NEAR(below(0.5), 25, 12);
  EXPECT_LE(below(0.05), 8);
}

TEST(SpecialiseDomain, OneDomainOrOneDocumentTellsNothing) {
  const made::Folder folder("specialise-one");
  ASSERT_TRUE(made::write(folder.path() / "domain", made::Rule{.domains = 1}));
  auto domain = made::analyse("specialise.domain", folder.path() / "domain", {{"draws", 100}});
  ASSERT_TRUE(domain) << domain.error().message;
  for (double q : made::array(*domain, "q").values) EXPECT_EQ(q, 1);
  EXPECT_EQ(made::array(*domain, "information").values[0], 0);
  ASSERT_TRUE(made::write(folder.path() / "document", made::Rule{.domains = 1, .documents = 1}));
  auto document = made::analyse("specialise.domain", folder.path() / "document");
  ASSERT_TRUE(document);
  EXPECT_TRUE(std::isnan(made::array(*document, "q").values[0]));
  EXPECT_TRUE(made::array(*document, "information").baseline.empty());
}

TEST(SpecialiseDomain, FilterLeavesTheChosenDomains) {
  const made::Folder folder("specialise-filter");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{.preference = 100}));
  auto all = made::analyse("specialise.domain", folder.path() / "t", {{"draws", 10}});
  auto some =
      made::analyse("specialise.domain", folder.path() / "t", {{"draws", 10}, {"domains", {"domain 2", "domain 0"}}});
  ASSERT_TRUE(all);
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_EQ(some->axis("domain")->labels, (std::vector<std::string>{"domain 0", "domain 2"}));
  for (int e = 0; e < 8; ++e) {
    EXPECT_EQ(made::array(*some, "share").values[e], made::array(*all, "share").values[e]);
    EXPECT_EQ(made::array(*some, "share").values[8 + e], made::array(*all, "share").values[16 + e]);
  }
}

}  // namespace
}  // namespace moescope
