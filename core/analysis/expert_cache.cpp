// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/expert_cache.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/trace/trace.h"

namespace moescope {

void ReuseDistances::add(std::span<const std::uint16_t> chosen) {
  for (std::uint16_t expert : chosen) {
    if (expert == noExpert) continue;
    const auto found = std::ranges::find(stack_, expert);
    if (found != stack_.end()) ++count_[static_cast<std::size_t>(found - stack_.begin())];
  }
  for (std::size_t rank = chosen.size(); rank-- > 0;) {
    const std::uint16_t expert = chosen[rank];
    if (expert == noExpert) continue;
    const auto found = std::ranges::find(stack_, expert);
    if (found == stack_.end()) {
      stack_.insert(stack_.begin(), expert);
    } else {
      std::move_backward(stack_.begin(), found, found + 1);
      stack_.front() = expert;
    }
  }
}

std::vector<double> ReuseDistances::hitRates() const {
  double total = 0, below = 0;
  for (std::int64_t each : count_) total += static_cast<double>(each);
  std::vector<double> rates{total > 0 ? 0 : std::nan("")};
  for (std::int64_t each : count_) {
    below += static_cast<double>(each);
    rates.push_back(total > 0 ? below / total : std::nan(""));
  }
  return rates;
}

namespace {

// Runs a cache over the requests; `worth(expert)` orders who goes: the least first.
template <class Touch, class Worth>
double simulate(const RequestList& requests, std::int64_t size, Touch touch, Worth worth) {
  const auto experts = static_cast<std::size_t>(requests.experts), k = static_cast<std::size_t>(requests.k);
  const std::size_t tokens = k == 0 ? 0 : requests.chosen.size() / k;
  std::vector<bool> held(experts), seen(experts);
  std::vector<std::size_t> members;
  std::int64_t hits = 0, asked = 0;
  for (std::size_t token = 0; token < tokens; ++token) {
    const std::span<const std::uint16_t> chosen(requests.chosen.data() + token * k, k);
    std::vector<std::size_t> missing;
    for (std::uint16_t expert : chosen) {
      if (expert == noExpert) continue;
      if (seen[expert]) {
        ++asked;
        hits += held[expert] ? 1 : 0;
      }
      if (!held[expert]) missing.push_back(expert);
      seen[expert] = true;
      touch(expert, token);
    }
    for (std::size_t expert : missing) {
      if (members.size() >= static_cast<std::size_t>(size)) {
        std::size_t out = members.size();
        for (std::size_t at = 0; at < members.size(); ++at) {
          const bool needed = std::ranges::count(chosen, static_cast<std::uint16_t>(members[at])) > 0;
          if (!needed && (out == members.size() || worth(members[at]) < worth(members[out]))) out = at;
        }
        if (out == members.size()) break;  // smaller than a token's set
        held[members[out]] = false;
        members.erase(members.begin() + static_cast<std::ptrdiff_t>(out));
      }
      members.push_back(expert);
      held[expert] = true;
    }
  }
  return asked > 0 ? static_cast<double>(hits) / static_cast<double>(asked) : std::nan("");
}

}  // namespace

double leastFrequentHitRate(const RequestList& requests, std::int64_t size) {
  std::vector<std::int64_t> uses(static_cast<std::size_t>(requests.experts)), last(uses.size(), -1);
  return simulate(
      requests, size,
      [&](std::uint16_t expert, std::size_t token) {
        ++uses[expert];
        last[expert] = static_cast<std::int64_t>(token);
      },
      [&](std::size_t expert) { return std::pair(uses[expert], last[expert]); });
}

double beladyHitRate(const RequestList& requests, std::int64_t size) {
  const auto k = static_cast<std::size_t>(requests.k);
  constexpr auto never = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> following(requests.chosen.size(), never),
      next(static_cast<std::size_t>(requests.experts), never);
  for (std::size_t at = requests.chosen.size(); at-- > 0;) {
    const std::uint16_t expert = requests.chosen[at];
    if (expert == noExpert) continue;
    following[at] = next[expert];
    next[expert] = static_cast<std::int64_t>(at / k);
  }
  std::vector<std::int64_t> coming(static_cast<std::size_t>(requests.experts), never);
  return simulate(
      requests, size,
      [&](std::uint16_t expert, std::size_t token) {
        for (std::size_t rank = 0; rank < k; ++rank)
          if (requests.chosen[token * k + rank] == expert) coming[expert] = following[token * k + rank];
      },
      [&](std::size_t expert) { return -coming[expert]; });
}

std::vector<std::int64_t> bestSizes(const std::vector<std::vector<double>>& gain,
                                    const std::vector<std::int64_t>& least, std::int64_t slots) {
  std::int64_t spent = 0, most = 0;
  for (std::size_t layer = 0; layer < gain.size(); ++layer) {
    spent += least[layer];
    most += static_cast<std::int64_t>(gain[layer].size()) - 1;
  }
  const auto spare =
      static_cast<std::size_t>(std::clamp<std::int64_t>(slots - spent, 0, std::max<std::int64_t>(most - spent, 0)));
  std::vector<double> best(spare + 1, 0);
  std::vector<std::vector<std::uint16_t>> choice(gain.size(), std::vector<std::uint16_t>(spare + 1));
  for (std::size_t layer = 0; layer < gain.size(); ++layer) {
    std::vector<double> with(spare + 1, -1);
    const auto first = static_cast<std::size_t>(least[layer]);
    for (std::size_t budget = 0; budget <= spare; ++budget)
      for (std::size_t more = 0; more <= budget && first + more < gain[layer].size(); ++more) {
        const double value = gain[layer][first + more];
        const double sum = best[budget - more] + (std::isfinite(value) ? value : 0);
        if (sum > with[budget] + 1e-15) {
          with[budget] = sum;
          choice[layer][budget] = static_cast<std::uint16_t>(more);
        }
      }
    best = std::move(with);
  }
  std::vector<std::int64_t> sizes(gain.size());
  std::size_t budget = spare;
  for (std::size_t layer = gain.size(); layer-- > 0;) {
    sizes[layer] = least[layer] + choice[layer][budget];
    budget -= choice[layer][budget];
  }
  return sizes;
}

}  // namespace moescope
