// SPDX-License-Identifier: GPL-3.0-or-later
// Where there is no libFuzzer: every file of the folders given is one input, and so is every beginning of it.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "tests/fuzz/one_file.h"

int main(int argc, char** argv) {
  std::size_t inputs = 0;
  for (int word = 1; word < argc; ++word)
    for (const auto& entry : std::filesystem::directory_iterator(argv[word])) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(file), {}};
      const std::size_t step = bytes.size() / 64 + 1;
      for (std::size_t size = bytes.size();; size -= step, ++inputs) {
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), size);
        if (size < step) break;
      }
    }
  std::printf("%zu inputs\n", inputs);
  return inputs == 0;
}
