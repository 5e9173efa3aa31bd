// SPDX-License-Identifier: GPL-3.0-or-later
// stream_bench FILE: for every line on standard input, "tensors" or "raw", reads FILE once: all tensors one after the
// other as a forward does, or in a bare loop of 8 MiB preads. Prints bytes, milliseconds and how much of the file lies
// in the page cache afterwards. tests/bench/readers.py drives it.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "core/checkpoint/safetensors.h"

namespace {

using namespace moescope;

std::uint64_t readTensors(const char* path) {
  auto file = SafetensorsFile::open(path);
  if (!file) return std::fprintf(stderr, "%s\n", file.error().message.c_str()), 0;
  std::vector<const StoredTensor*> order;
  for (const StoredTensor& tensor : file->tensors()) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](auto a, auto b) { return a->offset < b->offset; });
  std::vector<std::byte> buffer;
  std::uint64_t bytes = 0;
  for (const StoredTensor* tensor : order) {
    if (buffer.size() < tensor->bytes) buffer.resize(tensor->bytes);
    if (!file->file().readOnce(tensor->offset, std::span(buffer).first(tensor->bytes))) return 0;
    bytes += tensor->bytes;
  }
  return bytes;
}

std::uint64_t readRaw(const char* path) {
  const int descriptor = ::open(path, O_RDONLY | O_CLOEXEC);
  std::vector<std::byte> buffer(8 << 20);
  std::uint64_t bytes = 0;
  for (ssize_t got; (got = ::pread(descriptor, buffer.data(), buffer.size(), static_cast<off_t>(bytes))) > 0;)
    bytes += static_cast<std::uint64_t>(got);
  ::close(descriptor);
  return bytes;
}

// Bytes of the file in the page cache; -1 where mincore is not there. (A measurement; the readers never map.)
double cached(const char* path) {
  const int descriptor = ::open(path, O_RDONLY | O_CLOEXEC);
  const auto size = static_cast<std::size_t>(::lseek(descriptor, 0, SEEK_END));
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> there((size + page - 1) / page);
  const bool known = at != MAP_FAILED && ::mincore(at, size, there.data()) == 0;
  double bytes = 0;
  for (const unsigned char flag : there) bytes += flag & 1 ? static_cast<double>(page) : 0;
  if (at != MAP_FAILED) ::munmap(at, size);
  ::close(descriptor);
  return known ? bytes : -1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::puts("stream_bench FILE"), 2;
  for (std::string line; std::getline(std::cin, line);) {
    const int descriptor = ::open(argv[1], O_RDONLY | O_CLOEXEC);
    ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);  // cold for both
    ::close(descriptor);
    const auto start = std::chrono::steady_clock::now();
    const std::uint64_t bytes = line == "raw" ? readRaw(argv[1]) : readTensors(argv[1]);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    std::printf("%llu %.3f %.0f\n", static_cast<unsigned long long>(bytes), took.count(), cached(argv[1]));
    std::fflush(stdout);
  }
}
