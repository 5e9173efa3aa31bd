// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as tokenizer.json: an error, or a tokenizer whose ids lie in its vocabulary.
#include "core/text/tokenizer.h"
#include "tests/fuzz/one_file.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moescope;
  static const OneFile file("tokenizer.json");
  file.hold(data, size);
  const auto tokenizer = loadTokenizer(file.folder());
  if (!tokenizer) return tokenizer.error().message.empty() ? std::abort() : void(), 0;
  const auto ids = (*tokenizer)->encode("Hello  w\xc3\xb6rld 12345\n\t\xf0\x9f\x98\x80 <s>aaaaaaaaaaaaaaaaaaaaaaaa\xff", true);
  if (!ids) return 0;
  for (const std::int32_t id : *ids)
    if (id < 0 || id >= (*tokenizer)->vocabularySize()) std::abort();
  return 0;
}
