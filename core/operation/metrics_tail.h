// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/job.h"

namespace moescope {

// Metrics of several steps on their way from a worker to a window, as messages
//   {"type":"metrics","job","names":[...],"shapes":[[...],...],"steps":[...],"values":[[one entry a step],...]}
// where values[i][s] is a number when shapes[i] is [] and a flat list otherwise; null where a step has no such metric.
// Values travel in single precision: exact ones are in the run file.
class MetricsTail {
 public:
  void add(std::int64_t step, std::span<const Metric> metrics);
  // Adds the steps >= firstStep of such a message; what is malformed is left out.
  void add(const Json& message, std::int64_t firstStep);
  bool empty() const { return steps_.empty(); }
  std::size_t size() const { return size_; }  // values held
  // One line (without newline) or more, each under 1 MiB; empties the tail.
  std::vector<std::string> take(const std::string& job);

 private:
  struct Series {
    std::string name;
    std::vector<std::int64_t> shape;
    std::vector<std::vector<double>> entries;  // one a step; empty = missing
  };
  Series& series(const std::string& name, const std::vector<std::int64_t>& shape);
  void fill();

  std::vector<std::int64_t> steps_;
  std::vector<Series> series_;
  std::size_t size_ = 0;
};

}  // namespace moescope
