// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/activation_sums.h"

#include <ATen/ops/mm.h>

#include <algorithm>
#include <cmath>

namespace moescope {
namespace {

double normOf(const float* row, std::int64_t width) {
  double sum = 0;
  for (std::int64_t i = 0; i < width; ++i) sum += double(row[i]) * double(row[i]);
  return std::sqrt(sum);
}

}  // namespace

ActivationSums::ActivationSums(const Shape& of) : shape(of) {
  const std::size_t experts = std::size_t(of.experts), domains = std::size_t(of.domains);
  for (auto* column :
       {&count, &gate, &gateSquare, &probability, &norm, &normSquare, &gateNorm, &largest, &logit, &allNorm})
    column->assign(experts, 0);
  for (auto* column : {&domainCount, &domainGate, &domainNorm}) column->assign(domains * experts, 0);
  for (auto* column : {&coactivation, &logitProduct}) column->assign(experts * experts, 0);
  if (!of.means) return;
  for (auto* column : {&output, &allOutput}) column->assign(experts * std::size_t(of.hidden), 0);
}

void ActivationSums::addRouting(const Assignments& routed, const std::vector<std::int32_t>& domain) {
  const std::int64_t experts = shape.experts, choices = routed.expert.size(1);
  const at::Tensor expert = routed.expert.cpu().contiguous(), kept = routed.kept.cpu().contiguous();
  const at::Tensor logits = routed.logits.cpu().to(at::kDouble), chance = routed.probability.cpu().contiguous();
  const std::int64_t* chosen = expert.const_data_ptr<std::int64_t>();
  const bool* keeps = kept.const_data_ptr<bool>();
  const float* probabilities = chance.const_data_ptr<float>();
  at::Tensor real = logits.clone();  // padding as zero, which adds nothing
  for (std::size_t t = 0; t < domain.size(); ++t) {
    if (domain[t] < 0) {
      real.select(0, std::int64_t(t)).zero_();
      continue;
    }
    ++tokens;
    for (std::int64_t e = 0; e < experts; ++e)
      probability[std::size_t(e)] += probabilities[std::int64_t(t) * experts + e];
    const std::int64_t* mine = chosen + std::int64_t(t) * choices;
    for (std::int64_t i = 0; i < choices; ++i)
      for (std::int64_t j = 0; j < choices; ++j)
        if (keeps[std::int64_t(t) * choices + i] && keeps[std::int64_t(t) * choices + j])
          coactivation[std::size_t(mine[i] * experts + mine[j])] += 1;
  }
  const at::Tensor products = at::mm(real.t(), real), sums = real.sum(0);
  for (std::size_t i = 0; i < logitProduct.size(); ++i) logitProduct[i] += products.const_data_ptr<double>()[i];
  for (std::size_t e = 0; e < logit.size(); ++e) logit[e] += sums.const_data_ptr<double>()[e];
}

void ActivationSums::addOutputs(const ExpertRows& rows, std::int64_t choices, const std::vector<std::int32_t>& domain) {
  const std::size_t e = std::size_t(rows.expert);
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const std::int32_t of = domain[std::size_t(rows.order[r] / choices)];
    const float* row = rows.output + r * shape.hidden;
    const double weight = rows.weight[r], length = normOf(row, shape.hidden);
    const std::size_t cell = std::size_t(of) * std::size_t(shape.experts) + e;
    count[e] += 1;
    gate[e] += weight;
    gateSquare[e] += weight * weight;
    norm[e] += length;
    normSquare[e] += length * length;
    gateNorm[e] += weight * length;
    domainCount[cell] += 1;
    domainGate[cell] += weight;
    domainNorm[cell] += length;
    float highest = 0;
    for (std::int64_t i = 0; i < shape.hidden; ++i) highest = std::max(highest, std::fabs(row[i]));
    largest[e] = std::max(largest[e], double(highest));
    if (!shape.means) continue;
    double* into = output.data() + e * std::size_t(shape.hidden);
    for (std::int64_t i = 0; i < shape.hidden; ++i) into[i] += row[i];
  }
}

void ActivationSums::addAllOutputs(const ExpertRows& rows) {
  const std::size_t e = std::size_t(rows.expert);
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const float* row = rows.output + r * shape.hidden;
    allNorm[e] += normOf(row, shape.hidden);
    if (!shape.means) continue;
    double* into = allOutput.data() + e * std::size_t(shape.hidden);
    for (std::int64_t i = 0; i < shape.hidden; ++i) into[i] += row[i];
  }
}

}  // namespace moescope
