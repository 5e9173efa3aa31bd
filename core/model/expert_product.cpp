// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/expert_product.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>

#include "core/model/expert_tiles.h"
#include "core/model/share_out.h"
#include "kernels/cpu/panels.h"
#include "kernels/cpu/products.h"
#include "kernels/cpu/rows.h"

namespace moescope {
namespace {

constexpr std::int64_t gradientRows = 112;  // of one expert's matrix: eight times what the kernel multiplies at once

// A call with its sizes and where its numbers lie.
struct Plain {
  explicit Plain(const ExpertCall& call)
      : experts(call.gateUp.size(0)),
        tokens(call.x.size(0)),
        hidden(call.x.size(1)),
        width(call.down.size(2)),
        choices(call.choices()),
        rows(call.offsets.back()),
        x(call.x.contiguous()),
        weight(call.weight.contiguous()),
        gateUp(call.gateUp.contiguous()),
        down(call.down.contiguous()),
        order(call.order.contiguous()),
        token(std::size_t(rows)),
        place(std::size_t(tokens * choices), -1),
        factor(std::size_t(rows)),
        tiles(expertTiles(call.offsets, 0, experts)) {
    const std::int64_t* choice = order.const_data_ptr<std::int64_t>();
    const float* weights = weight.const_data_ptr<float>();
    for (std::int64_t r = 0; r < rows; ++r) {
      token[std::size_t(r)] = choice[r] / choices;
      place[std::size_t(choice[r])] = r;
      factor[std::size_t(r)] = weights[choice[r]];
    }
  }
  const float* gateUpOf(std::int64_t e) const { return gateUp.const_data_ptr<float>() + e * 2 * width * hidden; }
  const float* downOf(std::int64_t e) const { return down.const_data_ptr<float>() + e * width * hidden; }

  // The rows of a tile, of x or of a gradient [T,H], one after another.
  void gather(const ExpertTile& tile, const float* from, std::vector<float>& to) const {
    to.resize(std::size_t(tile.count * hidden));
    for (std::int64_t r = 0; r < tile.count; ++r)
      std::copy_n(from + token[std::size_t(tile.first + r)] * hidden, hidden, to.data() + r * hidden);
  }

  std::int64_t experts, tokens, hidden, width, choices, rows;
  at::Tensor x, weight, gateUp, down, order;
  std::vector<std::int64_t> token, place;  // [N] of a row; [T * choices] the row of a choice, -1: none
  std::vector<float> factor;               // [N] weights
  std::vector<ExpertTile> tiles;
};

// What one thread works in.
struct Bench {
  std::vector<float> strips, rows, inner;
  float* packed(std::int64_t depth, std::int64_t columns) {
    strips.resize(std::size_t(kernels::stripNumbers(depth, columns)));
    return strips.data();
  }
};

// rows [N,H] to [T,H], choices in order, times `weight` unless null.
at::Tensor summed(const Plain& plain, const at::Tensor& rows, const float* weight) {
  at::Tensor sum = at::empty({plain.tokens, plain.hidden}, rows.options());
  const float* from = rows.const_data_ptr<float>();
  float* into = sum.mutable_data_ptr<float>();
  at::parallel_for(0, plain.tokens, std::max<std::int64_t>(1, 16384 / (plain.hidden * plain.choices)),
                   [&](std::int64_t first, std::int64_t last) {
                     kernels::sumChoices(from, plain.place.data() + first * plain.choices,
                                         weight ? weight + first * plain.choices : nullptr, last - first, plain.choices,
                                         plain.hidden, into + first * plain.hidden);
                   });
  return sum;
}

// Rows of the gradient of one expert's matrix.
struct GradientBlock {
  std::int64_t expert, first, count;
  bool down;
};

std::vector<GradientBlock> gradientBlocks(const Plain& plain, const std::vector<std::int64_t>& offsets) {
  std::vector<GradientBlock> blocks;
  for (std::int64_t e = 0; e < plain.experts; ++e) {
    if (offsets[std::size_t(e)] == offsets[std::size_t(e) + 1]) continue;
    for (const bool down : {false, true}) {
      const std::int64_t rows = down ? plain.hidden : 2 * plain.width;
      for (std::int64_t first = 0; first < rows; first += gradientRows)
        blocks.push_back({e, first, std::min(gradientRows, rows - first), down});
    }
  }
  return blocks;
}

}  // namespace

bool takesExpertProduct(const at::Tensor& x, const at::Tensor& gateUp, const at::Tensor& down) {
  const auto fits = [](const at::Tensor& tensor) { return tensor.is_cpu() && tensor.scalar_type() == at::kFloat; };
  return kernels::hasPanels() && fits(x) && fits(gateUp) && fits(down);
}

ExpertProduct expertProduct(const ExpertCall& call) {
  const Plain plain(call);
  const std::int64_t hidden = plain.hidden, width = plain.width;
  const at::Tensor both = at::empty({plain.rows, 2 * width}, plain.x.options());
  const at::Tensor outputs = at::empty({plain.rows, hidden}, plain.x.options());
  float *bothRows = both.mutable_data_ptr<float>(), *outputRows = outputs.mutable_data_ptr<float>();
  const float* x = plain.x.const_data_ptr<float>();
  shareOut(std::int64_t(plain.tiles.size()), [&](std::int64_t i) {
    thread_local Bench bench;
    const ExpertTile& tile = plain.tiles[std::size_t(i)];
    float* strips = bench.packed(std::max(hidden, width), std::max(2 * width, hidden));
    plain.gather(tile, x, bench.rows);
    kernels::packTransposed(plain.gateUpOf(tile.expert), hidden, hidden, 2 * width, strips);
    float* mine = bothRows + tile.first * 2 * width;
    kernels::multiplyStrips(bench.rows.data(), hidden, tile.count, strips, hidden, 2 * width, mine, 2 * width);
    bench.inner.resize(std::size_t(tile.count * width));
    kernels::gateRows(mine, tile.count, width, bench.inner.data());
    kernels::packTransposed(plain.downOf(tile.expert), width, width, hidden, strips);
    kernels::multiplyStrips(bench.inner.data(), width, tile.count, strips, width, hidden,
                            outputRows + tile.first * hidden, hidden);
  });
  return {summed(plain, outputs, plain.weight.const_data_ptr<float>()), both};
}

ExpertGradients expertGradients(const ExpertCall& call, const at::Tensor& both, const at::Tensor& slope) {
  const Plain plain(call);
  const std::int64_t hidden = plain.hidden, width = plain.width;
  const at::Tensor given = slope.contiguous(), weighted = at::empty({plain.rows, width}, both.options()),
                   ofBoth = at::empty_like(both), ofRows = at::empty({plain.rows, hidden}, both.options());
  ExpertGradients gradients;
  gradients.weight = at::zeros_like(plain.weight);
  const float *x = plain.x.const_data_ptr<float>(), *dy = given.const_data_ptr<float>(),
              *bothRows = both.const_data_ptr<float>();
  const std::int64_t* choice = plain.order.const_data_ptr<std::int64_t>();
  float *weightedRows = weighted.mutable_data_ptr<float>(), *ofBothRows = ofBoth.mutable_data_ptr<float>(),
        *ofX = ofRows.mutable_data_ptr<float>(), *ofWeight = gradients.weight.mutable_data_ptr<float>();
  shareOut(std::int64_t(plain.tiles.size()), [&](std::int64_t i) {
    thread_local Bench bench;
    thread_local std::vector<float> dots;
    const ExpertTile& tile = plain.tiles[std::size_t(i)];
    float* strips = bench.packed(std::max(hidden, 2 * width), std::max(width, hidden));
    plain.gather(tile, dy, bench.rows);
    kernels::packRows(plain.downOf(tile.expert), width, nullptr, hidden, width, strips);
    bench.inner.resize(std::size_t(tile.count * width));
    kernels::multiplyStrips(bench.rows.data(), hidden, tile.count, strips, hidden, width, bench.inner.data(), width);
    dots.resize(std::size_t(tile.count));
    float* mine = ofBothRows + tile.first * 2 * width;
    kernels::gateRowsBackward(bothRows + tile.first * 2 * width, plain.factor.data() + tile.first, bench.inner.data(),
                              tile.count, width, weightedRows + tile.first * width, mine, dots.data());
    for (std::int64_t r = 0; r < tile.count; ++r) ofWeight[choice[tile.first + r]] = dots[std::size_t(r)];
    kernels::packRows(plain.gateUpOf(tile.expert), hidden, nullptr, 2 * width, hidden, strips);
    kernels::multiplyStrips(mine, 2 * width, tile.count, strips, 2 * width, hidden, ofX + tile.first * hidden, hidden);
  });
  gradients.x = summed(plain, ofRows, nullptr);

  // An expert without rows keeps a gradient of zero.
  gradients.gateUp = at::zeros_like(plain.gateUp);
  gradients.down = at::zeros_like(plain.down);
  float *ofGateUp = gradients.gateUp.mutable_data_ptr<float>(), *ofDown = gradients.down.mutable_data_ptr<float>();
  const std::vector<GradientBlock> blocks = gradientBlocks(plain, call.offsets);
  shareOut(std::int64_t(blocks.size()), [&](std::int64_t i) {
    thread_local Bench bench;
    const GradientBlock& block = blocks[std::size_t(i)];
    const std::int64_t first = call.offsets[std::size_t(block.expert)],
                       rows = call.offsets[std::size_t(block.expert) + 1] - first;
    const std::int64_t* token = plain.token.data() + first;
    if (block.down) {
      float* strips = bench.packed(rows, width);
      kernels::packRows(weightedRows + first * width, width, nullptr, rows, width, strips);
      kernels::multiplyTransposed(dy + block.first, hidden, token, block.count, strips, rows, width,
                                  ofDown + (block.expert * hidden + block.first) * width, width);
    } else {
      float* strips = bench.packed(rows, hidden);
      kernels::packRows(x, hidden, token, rows, hidden, strips);
      kernels::multiplyTransposed(ofBothRows + first * 2 * width + block.first, 2 * width, nullptr, block.count, strips,
                                  rows, hidden, ofGateUp + (block.expert * 2 * width + block.first) * hidden, hidden);
    }
  });
  return gradients;
}

}  // namespace moescope
