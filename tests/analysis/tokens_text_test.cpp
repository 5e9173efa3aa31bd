// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>

#include "tests/analysis/analysed.h"

namespace moescope {
namespace {

const TokenText& text(const Result& result) {
  return std::get<TokenText>(result.find("text")->content);
}

TEST(TokensText, ShowsADocumentByNameAndByNumber) {
  const made::Folder folder("tokens");
  const made::Rule rule{.layers = 3, .topK = 2, .loss = true};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  const TraceChunk chunk = made::chunk(rule);
  for (const char* document : {"document 4", "4"}) {
    auto result =
        made::analyse("tokens.text", folder.path() / "t", {{"document", document}, {"first", 10}, {"count", 7}});
    ASSERT_TRUE(result) << result.error().message;
    const TokenText& shown = text(*result);
    ASSERT_EQ(shown.text.size(), 7u);
    EXPECT_EQ(shown.layers, 3);
    EXPECT_EQ(shown.k, 2);
    for (std::size_t token = 0; token < 7; ++token) {
      const std::size_t at = 4 * 50 + 10 + token;
      EXPECT_EQ(shown.text[token], made::word(chunk.id[at]));
      EXPECT_EQ(shown.position[token], static_cast<int>(10 + token));
      EXPECT_EQ(shown.loss[token], chunk.loss[at]);
      for (std::size_t layer = 0; layer < 3; ++layer)
        for (std::size_t rank = 0; rank < 2; ++rank) {
          EXPECT_EQ(shown.expert[(token * 3 + layer) * 2 + rank], chunk.layers[layer].expert[at * 2 + rank]);
          EXPECT_EQ(shown.weight[(token * 3 + layer) * 2 + rank], chunk.layers[layer].weight[at * 2 + rank]);
        }
    }
    EXPECT_EQ(result->facts["document"], "document 4");
    EXPECT_EQ(result->facts["domain"], "domain 1");
  }
}

TEST(TokensText, TakesTheFirstDocumentOfADomainAndStopsAtItsEnd) {
  const made::Folder folder("tokens-domain");
  const made::Rule rule{.paddedEnds = true};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  auto result = made::analyse("tokens.text", folder.path() / "t", {{"domains", {"domain 2"}}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->facts["document"], "document 2");
  EXPECT_EQ(text(*result).text.size(), 49u);  // 50 less one of padding
  EXPECT_TRUE(text(*result).loss.empty());
}

template <class T>
const std::vector<T>& column(const Result& result, const char* table, const std::string& name) {
  for (const Column& each : std::get<Table>(result.find(table)->content).columns)
    if (each.name == name) return std::get<std::vector<T>>(each.cells);
  throw std::logic_error("no column " + name);
}

// Every place where the words stand, found here by looking at the ids.
std::vector<std::int64_t> occurrences(const TraceChunk& chunk, const std::vector<std::int32_t>& ids) {
  std::vector<std::int64_t> found;
  for (std::size_t token = 0; token + ids.size() <= chunk.tokens(); ++token)
    if (std::equal(ids.begin(), ids.end(), chunk.id.begin() + token) &&
        chunk.document[token] == chunk.document[token + ids.size() - 1])
      found.push_back(static_cast<std::int64_t>(token));
  return found;
}

std::vector<std::int64_t> placesOf(const Result& result, const made::Rule& rule) {
  std::vector<std::int64_t> tokens;
  const auto& documents = column<std::string>(result, "matches", "document");
  const auto& first = column<double>(result, "matches", "first");
  for (std::size_t row = 0; row < documents.size(); ++row)
    tokens.push_back(std::stoll(documents[row].substr(9)) * rule.tokensPerDocument +
                     static_cast<std::int64_t>(first[row]));
  return tokens;
}

TEST(TokensText, FindsTextOverTokensFromThePlaceOnAndRound) {
  const made::Folder folder("tokens-find");
  const made::Rule rule{.documents = 12, .tokensPerDocument = 3000};  // more than is read at once
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  const TraceChunk chunk = made::chunk(rule);
  const std::vector<std::int32_t> pair{chunk.id[20000], chunk.id[20001]};
  const std::string words = made::word(pair[0]) + made::word(pair[1]).substr(0, 2);  // into the second token
  std::vector<std::int64_t> wanted;
  for (std::int64_t at : occurrences(chunk, {pair[0]}))  // "w7" begins "w71 " too
    if (at + 1 < rule.tokens() && chunk.document[at] == chunk.document[at + 1] &&
        (made::word(chunk.id[at]) + made::word(chunk.id[at + 1])).starts_with(words))
      wanted.push_back(at);
  ASSERT_GT(wanted.size(), 2u);
  auto result = made::analyse("tokens.text", folder.path() / "t",
                              {{"document", "document 5"}, {"first", 7}, {"find", words}, {"matches", 10000}});
  ASSERT_TRUE(result) << result.error().message;
  const auto from = std::ranges::lower_bound(wanted, 5 * 3000 + 7);
  std::ranges::rotate(wanted, from);
  EXPECT_EQ(placesOf(*result, rule), wanted);
  EXPECT_EQ(result->facts["matches_complete"], true);
  EXPECT_EQ(column<std::string>(*result, "matches", "token")[0],
            made::word(pair[0]) + made::word(chunk.id[wanted[0] + 1]));
  auto few = made::analyse("tokens.text", folder.path() / "t", {{"find", words}, {"matches", 2}});
  ASSERT_TRUE(few);
  EXPECT_EQ(placesOf(*few, rule).size(), 2u);
  EXPECT_EQ(few->facts["matches_complete"], false);
  auto capitals =
      made::analyse("tokens.text", folder.path() / "t", {{"find", "W" + words.substr(1)}, {"matches", 10000}});
  ASSERT_TRUE(capitals);
  EXPECT_EQ(placesOf(*capitals, rule).size(), wanted.size());
  auto exact =
      made::analyse("tokens.text", folder.path() / "t", {{"find", "W" + words.substr(1)}, {"exact_case", true}});
  ASSERT_TRUE(exact);
  EXPECT_TRUE(placesOf(*exact, rule).empty());
}

TEST(TokensText, FindsTheTokensOfAnExpert) {
  const made::Folder folder("tokens-expert");
  const made::Rule rule{.layers = 3, .experts = 8, .topK = 2};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  const TraceChunk chunk = made::chunk(rule);
  std::vector<std::int64_t> wanted;
  for (std::int64_t token = 0; token < rule.tokens(); ++token)
    if (chunk.domain[token] == 1 &&
        (chunk.layers[2].expert[2 * token] == 5 || chunk.layers[2].expert[2 * token + 1] == 5))
      wanted.push_back(token);
  auto result = made::analyse("tokens.text", folder.path() / "t",
                              {{"find_expert", 5}, {"find_layer", 2}, {"matches", 10000}, {"domains", {"domain 1"}}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(placesOf(*result, rule), wanted);
}

TEST(TokensText, ListsTheLargestLossesOfTheDocumentOrOfTheTrace) {
  const made::Folder folder("tokens-loss");
  const made::Rule rule{.loss = true};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  const TraceChunk chunk = made::chunk(rule);
  for (const bool everywhere : {false, true}) {
    std::vector<std::pair<float, std::int64_t>> losses;
    for (std::int64_t token = everywhere ? 0 : 3 * 50; token < (everywhere ? rule.tokens() : 4 * 50); ++token)
      if (chunk.next[token] >= 0) losses.emplace_back(-chunk.loss[token], token);
    std::ranges::sort(losses);
    auto result = made::analyse("tokens.text", folder.path() / "t",
                                {{"document", "3"}, {"surprising", 10}, {"within", everywhere ? "trace" : "document"}});
    ASSERT_TRUE(result) << result.error().message;
    const auto& found = column<double>(*result, "surprising", "loss");
    ASSERT_EQ(found.size(), 10u);
    for (std::size_t row = 0; row < found.size(); ++row) {
      EXPECT_EQ(found[row], -losses[row].first);
      EXPECT_EQ(column<std::string>(*result, "surprising", "token")[row], made::word(chunk.next[losses[row].second]));
      EXPECT_EQ(column<double>(*result, "surprising", "first")[row], chunk.position[losses[row].second] + 1);
    }
  }
}

TEST(TokensText, MapsTheWholeDocument) {
  const made::Folder folder("tokens-map");
  const made::Rule rule{.layers = 2, .tokensPerDocument = 50, .loss = true};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  const TraceChunk chunk = made::chunk(rule);
  auto result = made::analyse("tokens.text", folder.path() / "t", {{"document", "2"}, {"count", 5}, {"blocks", 4}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->axis("block")->labels, (std::vector<std::string>{"0", "13", "25", "38"}));
  double sum = 0, most = 0;
  std::vector<int> count(8);
  for (std::size_t token = 113; token < 125; ++token) {
    sum += chunk.loss[token];
    most = std::max<double>(most, chunk.loss[token]);
    ++count[chunk.layers[1].expert[2 * token]];
  }
  EXPECT_NEAR(made::array(*result, "block_loss").values[1], sum / 12, 1e-6);
  EXPECT_EQ(made::array(*result, "block_most_loss").values[1], most);
  const auto largest = std::ranges::max_element(count);
  EXPECT_EQ(made::array(*result, "block_expert").values[4 + 1], static_cast<double>(largest - count.begin()));
  EXPECT_EQ(made::array(*result, "block_share").values[4 + 1], *largest / 12.0);
}

TEST(TokensText, SaysWhatIsWrong) {
  const made::Folder folder("tokens-wrong");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{}));
  for (const auto& [set, word] : {std::pair<Json, std::string>{{{"document", "docment 3"}}, "document 3"},
                                  {{{"document", "12"}}, "12"},
                                  {{{"first", 50}}, "50"},
                                  {{{"find_expert", 8}}, "8 experts"},
                                  {{{"find_expert", 1}, {"find_layer", 2}}, "2 layers"},
                                  {{{"document", "document 0"}, {"domains", {"domain 1"}}}, "filters"}}) {
    auto result = made::analyse("tokens.text", folder.path() / "t", set);
    ASSERT_FALSE(result) << set.dump();
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
    EXPECT_NE(result.error().message.find(word), std::string::npos) << result.error().message;
  }
}

}  // namespace
}  // namespace moescope
