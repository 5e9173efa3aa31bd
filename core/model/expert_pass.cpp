// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/expert_pass.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "core/model/expert_tiles.h"
#include "core/model/panel_matrix.h"
#include "core/model/share_out.h"

namespace moescope {
namespace {

at::Tensor multiplied(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::linear(x, weight.to(at::kFloat), bias.defined() ? std::optional(bias.to(at::kFloat)) : std::nullopt);
}

at::Tensor mlp(const at::Tensor& x, const ExpertWeights& weights, const ExpertRule& rule) {
  return multiplied(activate(multiplied(x, weights.gateUp, weights.gateUpBias), rule.activation), weights.down,
                    weights.downBias);
}

// Every panel's rows plus their bias.
void addBias(std::vector<float>& panels, std::int64_t count, const at::Tensor& bias) {
  if (!bias.defined()) return;
  const at::Tensor plain = bias.to(at::kFloat).contiguous();
  const float* value = plain.const_data_ptr<float>();
  for (std::int64_t row = 0; row < count * plain.numel(); ++row)
    for (std::int64_t t = 0; t < kernels::panelTokens; ++t)
      panels[std::size_t(row * kernels::panelTokens + t)] += value[row % plain.numel()];
}

// What one thread works in.
struct Bench {
  std::vector<std::int64_t> token;
  std::vector<float> x, both, inner, out;
};

// The tokens of a call and where their choices lie.
struct Tokens {
  const at::Tensor& x;
  const std::int64_t* order;
  const float* weight;
  std::int64_t choices, hidden;
};

// output [tile.count,H] = the expert's MLP over the tile's tokens.
void compute(const ExpertTile& tile, const Tokens& tokens, const ExpertWeights& weights, const ExpertRule& rule,
             Bench& bench, at::Tensor output) {
  const std::int64_t width = weights.down.size(1), panels = kernels::panelsOf(tile.count);
  bench.token.resize(std::size_t(tile.count));
  for (std::int64_t r = 0; r < tile.count; ++r)
    bench.token[std::size_t(r)] = tokens.order[tile.first + r] / tokens.choices;
  const auto weightOf = [&](std::int64_t r) { return tokens.weight[tokens.order[tile.first + r]]; };
  if (!kernels::hasPanels()) {
    at::Tensor rows = tokens.x.index_select(0, at::tensor(bench.token));
    if (rule.weightInput)
      for (std::int64_t r = 0; r < tile.count; ++r) rows.select(0, r).mul_(weightOf(r));
    output.copy_(mlp(rows, weights, rule));
    return;
  }
  const auto numbers = [&](std::int64_t columns) { return std::size_t(panels * columns * kernels::panelTokens); };
  bench.x.resize(numbers(tokens.hidden));
  bench.both.resize(numbers(2 * width));
  bench.inner.resize(numbers(width));
  bench.out.resize(numbers(tokens.hidden));
  kernels::packPanels(tokens.x.const_data_ptr<float>(), bench.token.data(), tile.count, tokens.hidden, bench.x.data());
  if (rule.weightInput)
    for (std::int64_t r = 0; r < tile.count; ++r)
      for (std::int64_t c = 0; c < tokens.hidden; ++c)
        bench.x[std::size_t((r / kernels::panelTokens * tokens.hidden + c) * kernels::panelTokens +
                            r % kernels::panelTokens)] *= weightOf(r);
  kernels::multiplyPanels(panelMatrix(weights.gateUp), bench.x.data(), panels, bench.both.data());
  addBias(bench.both, panels, weights.gateUpBias);
  kernels::gatePanels(bench.both.data(), panels, width, gateOf(rule.activation), bench.inner.data());
  kernels::multiplyPanels(panelMatrix(weights.down), bench.inner.data(), panels, bench.out.data());
  addBias(bench.out, panels, weights.downBias);
  kernels::unpackPanels(bench.out.data(), tile.count, tokens.hidden, output.mutable_data_ptr<float>(), tokens.hidden);
}

// The outputs of neighbouring tiles, computed side by side and added in order.
struct Wave {
  std::span<const ExpertTile> tiles;
  std::int64_t rows;           // between one tile's outputs and the next's
  at::Tensor outputs;          // [tiles * rows, H]
  std::vector<float> factors;  // by row
  const float* output(std::size_t tile, std::int64_t hidden) const {
    return outputs.const_data_ptr<float>() + std::int64_t(tile) * rows * hidden;
  }
};

void computeWave(const Wave& wave, const Tokens& tokens, std::int64_t first, std::span<const ExpertWeights> experts,
                 const ExpertRule& rule) {
  shareOut(std::int64_t(wave.tiles.size()), [&](std::int64_t i) {
    thread_local Bench bench;
    const ExpertTile& tile = wave.tiles[std::size_t(i)];
    compute(tile, tokens, experts[std::size_t(tile.expert - first)], rule, bench,
            wave.outputs.narrow(0, i * wave.rows, tile.count));
  });
}

// Every thread adds its columns, rows in order.
void addWave(const Wave& wave, const Tokens& tokens, at::Tensor& y) {
  float* sum = y.mutable_data_ptr<float>();
  const std::int64_t hidden = tokens.hidden, threads = at::get_num_threads();
  at::parallel_for(0, hidden, std::max<std::int64_t>(64, (hidden + threads - 1) / threads),
                   [&](std::int64_t from, std::int64_t to) {
                     for (std::size_t i = 0; i < wave.tiles.size(); ++i)
                       for (std::int64_t r = 0; r < wave.tiles[i].count; ++r) {
                         const float by = wave.factors[i * std::size_t(wave.rows) + std::size_t(r)];
                         float* into = sum + tokens.order[wave.tiles[i].first + r] / tokens.choices * hidden;
                         const float* row = wave.output(i, hidden) + r * hidden;
                         for (std::int64_t c = from; c < to; ++c) into[c] += by * row[c];
                       }
                   });
}

void addOnHost(const at::Tensor& x, const Assignments& assignments, std::int64_t first,
               std::span<const ExpertWeights> experts, const ExpertRule& rule, at::Tensor& y,
               const ExpertObserver& observer) {
  const std::vector<ExpertTile> tiles = expertTiles(assignments.offsets, first, std::int64_t(experts.size()));
  if (tiles.empty()) return;
  const std::int64_t threads = at::get_num_threads();
  const at::Tensor order = assignments.order.contiguous(), weight = assignments.weight.contiguous();
  const Tokens tokens{x, order.const_data_ptr<std::int64_t>(), weight.const_data_ptr<float>(),
                      assignments.expert.size(1), x.size(1)};
  const std::size_t atOnce = std::min(tiles.size(), std::size_t(6 * threads));
  Wave wave{{}, 0, {}, {}};
  for (const ExpertTile& tile : tiles) wave.rows = std::max(wave.rows, tile.count);
  wave.outputs = at::empty({std::int64_t(atOnce) * wave.rows, tokens.hidden}, x.options());
  wave.factors.resize(atOnce * std::size_t(wave.rows));
  for (std::size_t start = 0; start < tiles.size(); start += atOnce) {
    wave.tiles = std::span(tiles).subspan(start, std::min(atOnce, tiles.size() - start));
    computeWave(wave, tokens, first, experts, rule);
    for (std::size_t i = 0; i < wave.tiles.size(); ++i) {
      const ExpertTile& tile = wave.tiles[i];
      float* factors = wave.factors.data() + i * std::size_t(wave.rows);
      for (std::int64_t r = 0; r < tile.count; ++r) factors[r] = tokens.weight[tokens.order[tile.first + r]];
      if (observer)
        observer({tile.expert, tokens.order + tile.first, factors, wave.output(i, tokens.hidden), tile.count});
      if (rule.weightInput) std::fill_n(factors, tile.count, 1.0f);
    }
    addWave(wave, tokens, y);
  }
}

}  // namespace

void addExperts(const at::Tensor& x, const Assignments& assignments, std::int64_t first,
                std::span<const ExpertWeights> experts, const ExpertRule& rule, at::Tensor& y,
                const ExpertObserver& observer) {
  if (x.is_cpu()) return addOnHost(x, assignments, first, experts, rule, y, observer);
  const at::Tensor token = assignments.order.div(assignments.expert.size(1), "floor");
  const at::Tensor weight = assignments.weight.reshape(-1).index_select(0, assignments.order).unsqueeze(1);
  for (std::size_t i = 0; i < experts.size(); ++i) {
    const std::size_t e = std::size_t(first) + i;
    const std::int64_t from = assignments.offsets[e], count = assignments.offsets[e + 1] - from;
    if (count == 0) continue;
    const at::Tensor mine = token.narrow(0, from, count), factor = weight.narrow(0, from, count);
    const at::Tensor rows = x.index_select(0, mine);
    // A token occurs once an expert, so that the order of these additions cannot matter.
    y.index_add_(0, mine,
                 rule.weightInput ? mlp(rows.mul(factor), experts[i], rule) : mlp(rows, experts[i], rule).mul(factor));
  }
}

}  // namespace moescope
