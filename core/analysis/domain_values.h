// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analysis/domain_preference.h"
#include "core/result/result.h"

// What specialise.domain says beside its tables by domain and expert, each value with its convention and its null.
// `drawn`: documents were relabelled and resampled.
namespace moescope {

// information, information_share, dispatch_entropy, information_null, information_p.
void addInformation(Result& result, const std::vector<DomainPreference>& layers, bool drawn);

// domain_cv, divergence, difference, difference_q, by expert.
void addExperts(Result& result, const CountedTrace& counted, const DomainQuestion& question,
                const std::vector<DomainPreference>& layers, bool drawn);

// committee and what goes with it; present and coverage, over the axis "taken".
void addCommittee(Result& result, const CountedTrace& counted, const std::vector<DomainPreference>& layers, bool drawn);

}  // namespace moescope
