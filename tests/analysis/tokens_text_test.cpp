// SPDX-License-Identifier: GPL-3.0-or-later
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

TEST(TokensText, SaysWhatIsWrong) {
  const made::Folder folder("tokens-wrong");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{}));
  for (const auto& [set, word] : {std::pair<Json, std::string>{{{"document", "docment 3"}}, "document 3"},
                                  {{{"document", "12"}}, "12"},
                                  {{{"first", 50}}, "50"},
                                  {{{"document", "document 0"}, {"domains", {"domain 1"}}}, "filters"}}) {
    auto result = made::analyse("tokens.text", folder.path() / "t", set);
    ASSERT_FALSE(result) << set.dump();
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
    EXPECT_NE(result.error().message.find(word), std::string::npos) << result.error().message;
  }
}

}  // namespace
}  // namespace moescope
