// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/markov_source.h"

#include <cmath>

namespace moescope {

namespace {

std::size_t pick(std::span<const double> probabilities, Random& random) {
  double left = random.uniform();
  for (std::size_t at = 0; at + 1 < probabilities.size(); ++at) {
    left -= probabilities[at];
    if (left < 0) return at;
  }
  return probabilities.size() - 1;
}

}  // namespace

std::uint64_t Random::next() {
  std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15u;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return mixed ^ (mixed >> 31);
}

std::uint64_t mixSeed(std::uint64_t seed, std::uint64_t stream) {
  return Random(Random(seed).next() + stream).next();
}

double entropy(std::span<const double> probabilities) {
  double sum = 0;
  for (const double probability : probabilities)
    if (probability > 0) sum -= probability * std::log(probability);
  return sum;
}

MarkovSource::MarkovSource(std::size_t alphabet, int order, std::uint64_t seed) : alphabet_(alphabet), order_(order) {
  for (int at = 0; at < order; ++at) contexts_ *= alphabet;
  Random random(seed);
  transitions_.resize(contexts_ * alphabet_);
  for (std::size_t context = 0; context < contexts_; ++context) {
    double sum = 0;
    for (std::size_t token = 0; token < alphabet_; ++token) {
      const double variate = -std::log(random.uniform());
      sum += transitions_[context * alphabet_ + token] = variate * variate * variate;
    }
    for (std::size_t token = 0; token < alphabet_; ++token) transitions_[context * alphabet_ + token] /= sum;
  }
  // Every transition is positive, so the chain of contexts is ergodic and the power iteration converges geometrically.
  stationary_.assign(contexts_, 1 / static_cast<double>(contexts_));
  for (int step = 0; step < 10000; ++step) {
    std::vector<double> next(contexts_, 0.0);
    for (std::size_t context = 0; context < contexts_; ++context)
      for (std::size_t token = 0; token < alphabet_; ++token)
        next[(context * alphabet_ + token) % contexts_] +=
            stationary_[context] * transitions_[context * alphabet_ + token];
    double change = 0;
    for (std::size_t context = 0; context < contexts_; ++context)
      change += std::abs(next[context] - stationary_[context]);
    stationary_ = std::move(next);
    if (change < 1e-14) break;
  }
}

double MarkovSource::entropyRate() const {
  double rate = 0;
  for (std::size_t context = 0; context < contexts_; ++context) rate += stationary_[context] * entropy(row(context));
  return rate;
}

std::vector<double> MarkovSource::marginal() const {
  std::vector<double> tokens(alphabet_, 0.0);
  for (std::size_t context = 0; context < contexts_; ++context)
    for (std::size_t token = 0; token < alphabet_; ++token) tokens[token] += stationary_[context] * row(context)[token];
  return tokens;
}

std::vector<std::int32_t> MarkovSource::draw(std::size_t count, Random& random) const {
  std::size_t context = pick(stationary_, random);
  std::vector<std::int32_t> tokens;
  tokens.reserve(count);
  // The context that the document starts in is its first tokens.
  for (std::size_t divisor = contexts_ / alphabet_;
       order_ > 0 && tokens.size() < count && tokens.size() < static_cast<std::size_t>(order_); divisor /= alphabet_)
    tokens.push_back(static_cast<std::int32_t>(context / divisor % alphabet_));
  while (tokens.size() < count) {
    const std::size_t token = pick(row(context), random);
    tokens.push_back(static_cast<std::int32_t>(token));
    context = (context * alphabet_ + token) % contexts_;
  }
  return tokens;
}

}  // namespace moescope
