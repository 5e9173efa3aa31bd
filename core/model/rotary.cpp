// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/rotary.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/tensor.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace moescope {
namespace {

using Frequencies = std::vector<double>;

Frequencies plainFrequencies(double theta, std::int64_t width) {
  Frequencies frequencies;
  for (std::int64_t i = 0; i < width; i += 2)
    frequencies.push_back(std::pow(theta, -static_cast<double>(i) / static_cast<double>(width)));
  return frequencies;
}

// The base grows with the sequence once that is longer than the trained length (NTK-aware scaling).
Frequencies dynamicFrequencies(const AttentionConfig& config, std::int64_t length) {
  const RotaryScaling& scaling = config.scaling;
  const auto width = static_cast<double>(config.turned()), original = static_cast<double>(scaling.original);
  const double longest = std::max(static_cast<double>(length), original);
  const double growth = scaling.factor * longest / original - (scaling.factor - 1);
  return plainFrequencies(config.ropeTheta * std::pow(growth, width / (width - 2)), config.turned());
}

// Dimensions that turn often within the original length keep their frequency, slow ones are stretched by the factor,
// and a ramp lies between (Peng et al. 2023, section 3.4).
Frequencies yarnFrequencies(const AttentionConfig& config) {
  const RotaryScaling& scaling = config.scaling;
  const auto width = static_cast<double>(config.turned());
  const auto dimensionOf = [&](double turns) {
    return width * std::log(static_cast<double>(scaling.original) / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(config.ropeTheta));
  };
  double low = dimensionOf(scaling.fast), high = dimensionOf(scaling.slow);
  if (scaling.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, width - 1);
  if (low == high) high += 0.001;
  Frequencies frequencies = plainFrequencies(config.ropeTheta, config.turned());
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const double stretched = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] *= stretched / scaling.factor + (1 - stretched);
  }
  return frequencies;
}

// Wavelengths beyond original / low are stretched, those below original / high kept, the rest mixed (Llama 3.1).
Frequencies llama3Frequencies(const AttentionConfig& config) {
  const RotaryScaling& scaling = config.scaling;
  Frequencies frequencies = plainFrequencies(config.ropeTheta, config.turned());
  for (double& frequency : frequencies) {
    const double turns = static_cast<double>(scaling.original) * frequency / (2 * std::numbers::pi);
    const double mixed = scaling.high - scaling.low;  // 0 in Llama 4: nothing lies between
    const double kept = mixed > 0 ? std::clamp((turns - scaling.low) / mixed, 0.0, 1.0) : turns >= scaling.low;
    frequency *= (1 - kept) / scaling.factor + kept;
  }
  return frequencies;
}

Frequencies frequenciesOf(const AttentionConfig& config, std::int64_t length) {
  const RotaryScaling& scaling = config.scaling;
  if (scaling.kind == RopeScaling::dynamic) return dynamicFrequencies(config, length);
  if (scaling.kind == RopeScaling::yarn) return yarnFrequencies(config);
  if (scaling.kind == RopeScaling::llama3) return llama3Frequencies(config);
  const auto width = static_cast<double>(config.turned());
  const double growth = scaling.kind == RopeScaling::ntk ? std::pow(scaling.factor, width / (width - 2)) : 1;
  Frequencies frequencies = plainFrequencies(config.ropeTheta * growth, config.turned());
  if (scaling.kind == RopeScaling::linear)
    for (double& frequency : frequencies) frequency /= scaling.factor;
  if (scaling.kind == RopeScaling::longrope) {
    const std::vector<double>& divisors = length > scaling.original ? scaling.longFactor : scaling.shortFactor;
    for (std::size_t i = 0; i < frequencies.size(); ++i) frequencies[i] /= divisors.at(i);
  }
  return frequencies;
}

double yarnMscale(double factor, double mscale) {
  return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}

// On cosines and sines.
double amplitudeOf(const RotaryScaling& scaling, std::int64_t length) {
  if (scaling.kind == RopeScaling::longrope) {
    const double given = length > scaling.original ? scaling.longScale : scaling.shortScale;
    if (given > 0) return given;
  }
  if (scaling.amplitude > 0) return scaling.amplitude;
  if (scaling.kind == RopeScaling::yarn) {
    if (scaling.mscale > 0 && scaling.mscaleAll > 0)
      return yarnMscale(scaling.factor, scaling.mscale) / yarnMscale(scaling.factor, scaling.mscaleAll);
    return yarnMscale(scaling.factor, 1);
  }
  if (scaling.kind == RopeScaling::longrope && scaling.factor > 1)
    return std::sqrt(1 + std::log(scaling.factor) / std::log(static_cast<double>(scaling.original)));
  return 1;
}

}  // namespace

RotaryTable makeRotaryTable(std::int64_t length, const AttentionConfig& config, at::Device device) {
  const at::TensorOptions real(at::kDouble);
  const at::Tensor angle =
      at::outer(at::arange(length, real), at::tensor(at::ArrayRef<double>(frequenciesOf(config, length)), real));
  const double amplitude = amplitudeOf(config.scaling, length);
  return {angle.cos().mul(amplitude).to(device, at::kFloat), angle.sin().mul(amplitude).to(device, at::kFloat)};
}

namespace {

// Whether the table for a sequence of `made` tokens serves one of `length`.
bool serves(const RotaryScaling& scaling, std::int64_t made, std::int64_t length) {
  if (made < length) return false;
  if (scaling.kind == RopeScaling::longrope) return (made > scaling.original) == (length > scaling.original);
  return scaling.kind != RopeScaling::dynamic || made == length || made <= scaling.original;
}

}  // namespace

const RotaryTable& RotaryTables::of(const AttentionConfig& attention, std::int64_t length) {
  if (attention.rope == RopeKind::none) return none_;
  for (Entry& entry : entries_) {
    if (entry.turned != attention.turned() || entry.theta != attention.ropeTheta || entry.scaling != attention.scaling)
      continue;
    if (!serves(entry.scaling, entry.table.cosine.size(0), length))
      entry.table = makeRotaryTable(length, attention, device_);
    return entry.table;
  }
  entries_.push_back(
      {attention.turned(), attention.ropeTheta, attention.scaling, makeRotaryTable(length, attention, device_)});
  return entries_.back().table;
}

namespace {

// Turns rows of x [B,heads,S,width], whatever its strides but the last, into those of `into`; `back` undoes it. In one
// of them (x, or what is turned back) the two of a pair lie as `kind` says, in the other they are halves.
void turn(const at::Tensor& x, const RotaryTable& table, RopeKind kind, bool back, const at::Tensor& into) {
  const std::int64_t heads = x.size(1), length = x.size(2), width = x.size(3), half = table.cosine.size(1);
  const float *from = x.const_data_ptr<float>(), *cosines = table.cosine.const_data_ptr<float>(),
              *sines = table.sine.const_data_ptr<float>();
  float* to = into.mutable_data_ptr<float>();
  const auto rowOf = [](const at::Tensor& tensor, std::int64_t sequence, std::int64_t head, std::int64_t place) {
    return sequence * tensor.stride(0) + head * tensor.stride(1) + place * tensor.stride(2);
  };
  const bool pairs = kind == RopeKind::interleaved;
  const std::int64_t step = pairs ? 2 : 1, second = pairs ? 1 : half;
  at::parallel_for(0, x.size(0) * length, std::max<std::int64_t>(1, 16384 / (heads * width)),
                   [&](std::int64_t first, std::int64_t last) {
                     for (std::int64_t token = first; token < last; ++token) {
                       const std::int64_t place = token % length;
                       const float *cosine = cosines + place * half, *sine = sines + place * half;
                       for (std::int64_t head = 0; head < heads; ++head) {
                         const float* source = from + rowOf(x, token / length, head, place);
                         float* target = to + rowOf(into, token / length, head, place);
                         for (std::int64_t i = 0; i < half; ++i) {
                           if (back) {
                             const float left = source[i], right = source[half + i];
                             target[i * step] = left * cosine[i] + right * sine[i];
                             target[i * step + second] = right * cosine[i] - left * sine[i];
                           } else {
                             const float a = source[i * step], b = source[i * step + second];
                             target[i] = a * cosine[i] - b * sine[i];
                             target[half + i] = b * cosine[i] + a * sine[i];
                           }
                         }
                         std::copy(source + 2 * half, source + width, target + 2 * half);
                       }
                     }
                   });
}

at::Tensor turned(const at::Tensor& x, const RotaryTable& table, RopeKind kind) {
  const at::Tensor result = at::empty(x.sizes(), x.options());
  turn(x, table, kind, false, result);
  return result;
}

class RotateFunction : public torch::autograd::Function<RotateFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& cosine,
                            const at::Tensor& sine, std::int64_t kind) {
    context->saved_data["cosine"] = cosine;
    context->saved_data["sine"] = sine;
    context->saved_data["kind"] = kind;
    return turned(x, {cosine, sine}, RopeKind(kind));
  }

  // Heads come between tokens again, as a projection left them.
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const at::Tensor& slope = gradients[0];
    const at::Tensor result =
        at::empty({slope.size(0), slope.size(2), slope.size(1), slope.size(3)}, slope.options()).transpose(1, 2);
    turn(slope.stride(3) == 1 ? slope : slope.contiguous(),
         {context->saved_data["cosine"].toTensor(), context->saved_data["sine"].toTensor()},
         RopeKind(context->saved_data["kind"].toInt()), true, result);
    return {result, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rotate(const at::Tensor& x, const RotaryTable& table, RopeKind kind) {
  const bool learns = at::GradMode::is_enabled() && x.requires_grad();
  if (x.is_cpu() && x.scalar_type() == at::kFloat && x.stride(3) == 1)
    return learns ? RotateFunction::apply(x, table.cosine, table.sine, std::int64_t(kind)) : turned(x, table, kind);
  const std::int64_t length = x.size(2), half = table.cosine.size(1), turned = 2 * half;
  const at::Tensor cosine = table.cosine.narrow(0, 0, length), sine = table.sine.narrow(0, 0, length);
  const bool pairs = kind == RopeKind::interleaved;
  const at::Tensor first = pairs ? x.slice(3, 0, turned, 2) : x.narrow(3, 0, half);
  const at::Tensor second = pairs ? x.slice(3, 1, turned, 2) : x.narrow(3, half, half);
  const at::Tensor left = first.mul(cosine).sub(second.mul(sine)), right = second.mul(cosine).add(first.mul(sine));
  if (turned == x.size(3)) return at::cat({left, right}, 3);
  return at::cat({left, right, x.narrow(3, turned, x.size(3) - turned)}, 3);
}

double yarnScoreFactor(const RotaryScaling& scaling) {
  if (scaling.kind == RopeScaling::none || scaling.mscaleAll == 0) return 1;
  const double factor = yarnMscale(scaling.factor, scaling.mscaleAll);
  return factor * factor;
}

}  // namespace moescope
