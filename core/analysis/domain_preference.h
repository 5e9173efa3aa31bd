// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/analysis/committee.h"
#include "core/analysis/counted_trace.h"
#include "core/analysis/domain_measures.h"

namespace moescope {

// A list of measures over draws: what relabelled or resampled documents give.
struct Spread {
  std::vector<double> mean;
  std::vector<Interval> interval;
};

// What one layer's routing says of domains. Tables are [domains, experts]; lists of measures are as in DomainMeasures.
// What needs draws is NaN, or empty, where there are none.
struct DomainPreference {
  std::vector<double> share = {}, lift = {}, tokenShare = {};
  LogOdds odds;
  std::vector<double> p = {}, z = {};  // of the share, under relabelled documents
  std::vector<double> measures;
  Spread null = {}, resampled = {};
  double informationP = 0;               // share of the relabellings that tell as much or more
  std::vector<double> differenceP = {};  // by expert, two-sided, under relabelled documents
  double domainEntropy = 0;              // nats
  Committee committee;
  ChanceCommittee chance = {};
  std::vector<double> coverage;  // [domains, experts taken]
};

// The contrast, tau and theta of a request. Usage error for a domain that is not among the counted ones.
Expected<DomainQuestion> domainQuestion(const CountedTrace& counted, const Parameters& set);

Expected<std::vector<DomainPreference>> measurePreferences(const CountedTrace& counted, const DomainQuestion& question,
                                                           double prior, const Draws& draws, Job& job);

}  // namespace moescope
