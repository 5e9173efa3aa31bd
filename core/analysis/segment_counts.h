// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moescope {

// How often each expert is chosen within a run of `length` consecutive tokens of a document, over all such runs.
class SegmentCounts {
 public:
  SegmentCounts(std::int64_t experts, std::int64_t length);
  // `histogram` [length + 1] gets, for every run and expert, one at the number of tokens that chose the expert: what
  // SRP (moe-lrc, arXiv 2505.16056) is made of. Called once a document.
  void begin();
  void add(std::span<const std::uint16_t> chosen);
  void end(std::span<double> histogram);
  // Over runs that follow each other without overlap: the choices that the s most chosen experts of each run cover, by
  // s = 0 .. E, and all choices: the best that a cache could do that knows the run (SCH).
  const std::vector<double>& covered() const { return covered_; }
  double offered() const { return offered_; }

 private:
  void change(std::uint16_t expert, std::int64_t by);
  void cover();

  std::int64_t length_, token_ = 0;
  std::vector<std::int64_t> count_, since_;       // by expert: now; since which run
  std::vector<double> histogram_;                 // of the document
  std::vector<std::vector<std::uint16_t>> ring_;  // the last `length` tokens
  std::vector<double> covered_;
  std::vector<std::int64_t> sorted_;
  double offered_ = 0;
};

// Segment routing best performance: an expert counts as active in a whole run when at least q of its tokens chose it;
// the best F1 over q of that rule. `histogram` [length + 1] as above.
struct SegmentFit {
  double f1 = 0;
  double size = 0;  // experts held active over experts chosen, at the best q
};
SegmentFit segmentFit(std::span<const double> histogram);

}  // namespace moescope
