// SPDX-License-Identifier: GPL-3.0-or-later
// tokenizer_bench FOLDER [FILE]: ids of 1.2 MB of mixed text (or of FILE) under FOLDER's tokenizer: their number, their SHA-256, and the median
// rate of five runs. tests/reference/tokenizers_oracle.py FOLDER prints the same digest from `tokenizers`.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/text/tokenizer.h"
#include "tests/text/mixed_text.h"

int main(int argc, char** argv) {
  using namespace moescope;
  if (argc < 2) return std::puts("tokenizer_bench FOLDER [FILE]"), 2;
  auto tokenizer = loadTokenizer(argv[1]);
  if (!tokenizer) return std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str()), 3;
  const std::string text = argc > 2 ? readFile(argv[2]).value_or("") : mixed::bytes(11, 1200000);
  std::vector<double> seconds;
  std::vector<std::int32_t> ids;
  for (int run = 0; run < 6; ++run) {
    const auto start = std::chrono::steady_clock::now();
    auto encoded = (*tokenizer)->encode(text, false);
    if (!encoded) return std::fprintf(stderr, "%s\n", encoded.error().message.c_str()), 3;
    if (run > 0) seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    ids = std::move(*encoded);
  }
  std::sort(seconds.begin(), seconds.end());
  const std::string digest = sha256(std::string_view(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(std::int32_t)));
  std::printf("%s %zu %s\n%.2f MB/s\n", argv[1], ids.size(), digest.c_str(), static_cast<double>(text.size()) / 1e6 / seconds[seconds.size() / 2]);
}
