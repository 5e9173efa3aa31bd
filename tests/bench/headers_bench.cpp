// SPDX-License-Identifier: GPL-3.0-or-later
// headers_bench FOLDER: for every line on standard input opens all safetensors files of FOLDER once, with the names of
// their tensors, and prints tensors and milliseconds. tests/bench/readers.py drives it beside safetensors' Python
// package.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#include "core/checkpoint/safetensors.h"

int main(int argc, char** argv) {
  using namespace moescope;
  if (argc != 2) return std::puts("headers_bench FOLDER"), 2;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (std::string line; std::getline(std::cin, line);) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<SafetensorsFile> open;
    std::size_t tensors = 0;
    for (const std::filesystem::path& file : files) {
      auto opened = SafetensorsFile::open(file);
      if (!opened) return std::fprintf(stderr, "%s\n", opened.error().message.c_str()), 3;
      tensors += opened->tensors().size();
      open.push_back(*std::move(opened));
    }
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    std::printf("%zu %.3f\n", tensors, took.count());
    std::fflush(stdout);
  }
}
