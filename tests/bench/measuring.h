// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace moescope::bench {

// How long something took: by the clock on the wall, and of processors, all threads together. On a machine that others
// use only the second one says something about the program; for it idle threads must sleep (OMP_WAIT_POLICY=passive).
struct Seconds {
  double wall = 0, processor = 0;
};

inline double clockNow(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

template <class Work>
Seconds measured(const Work& work) {
  const double wall = clockNow(CLOCK_MONOTONIC), processor = clockNow(CLOCK_PROCESS_CPUTIME_ID);
  work();
  return {clockNow(CLOCK_MONOTONIC) - wall, clockNow(CLOCK_PROCESS_CPUTIME_ID) - processor};
}

// Trials of one thing; medians.
class Trials {
 public:
  void add(Seconds seconds) { all_.push_back(seconds); }
  double wall() const { return median(&Seconds::wall); }
  double processor() const { return median(&Seconds::processor); }
  double best() const { return std::min_element(all_.begin(), all_.end(), less)->wall; }
  double worst() const { return std::max_element(all_.begin(), all_.end(), less)->wall; }

 private:
  static bool less(const Seconds& a, const Seconds& b) { return a.wall < b.wall; }
  double median(double Seconds::*clock) const {
    std::vector<double> values;
    for (const Seconds& seconds : all_) values.push_back(seconds.*clock);
    std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2), values.end());
    return values[values.size() / 2];
  }
  std::vector<Seconds> all_;
};

// One line of the table that tests/bench/all prints: a ratio by the wall and by processors, and what is wanted of it.
inline void line(const std::string& what, double wall, double processor, double wanted, double aim) {
  std::printf("RATIO\t%s\t%.2f\t%.2f\t%.2f\t%.2f\n", what.c_str(), wall, processor, wanted, aim);
}

// A program on the other side of a comparison: for every line it is sent it answers a line of two numbers, seconds by
// the wall and of processors, or of one number.
class Peer {
 public:
  explicit Peer(const std::string& command) {
    int to[2], from[2];
    if (::pipe(to) != 0 || ::pipe(from) != 0) std::exit(1);
    if (::fork() == 0) {
      ::dup2(to[0], 0), ::dup2(from[1], 1);
      ::close(to[1]), ::close(from[0]);
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      std::_Exit(127);
    }
    ::close(to[0]), ::close(from[1]);
    in_ = ::fdopen(to[1], "w"), out_ = ::fdopen(from[0], "r");
  }
  Peer(const Peer&) = delete;
  ~Peer() { std::fclose(in_), std::fclose(out_); }

  Seconds ask(const std::string& what) {
    std::fprintf(in_, "%s\n", what.c_str());
    std::fflush(in_);
    char answer[256];
    Seconds seconds;
    if (!std::fgets(answer, sizeof answer, out_) ||
        std::sscanf(answer, "%lf %lf", &seconds.wall, &seconds.processor) < 1)
      std::fprintf(stderr, "the peer has ended\n"), std::exit(1);
    return seconds;
  }

 private:
  FILE *in_ = nullptr, *out_ = nullptr;
};

}  // namespace moescope::bench
