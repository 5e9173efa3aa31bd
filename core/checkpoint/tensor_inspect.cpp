// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "core/checkpoint/contents.h"
#include "core/checkpoint/operations.h"
#include "core/checkpoint/tensor_statistics.h"
#include "core/checkpoint/tensor_values.h"

namespace moescope {

namespace {

constexpr std::int64_t atOnce = 1 << 20;  // numbers

Description describe() {
  return {.id = "tensor.inspect",
          .title = "Numbers of a tensor",
          .help =
              "Reads one tensor of a checkpoint once, from end to end, and shows how its numbers are spread: least, "
              "largest, mean, standard deviation (population), root mean square, zeros, and a histogram between least "
              "and largest. FP8 weights are multiplied by their block scales. Of a tensor that stacks the experts of a "
              "layer, one expert can be read alone.",
          .page = "Overview",
          .in = {{"model", Kind::model}},
          .out = {{"result", Kind::result}},
          .parameters = {text("tensor", "", "name of the tensor, as model.inspect lists it"),
                         integer("expert", -1, -1, 65534, "", "first index of a stacked tensor to read alone; -1: all"),
                         integer("bins", 64, 1, 4096, "", "bars of the histogram")},
          .figures = {lines("histogram", {"histogram"}).over({"value"}).titled("How the numbers are spread"),
                      table("statistics", {"statistics"}).titled("The numbers in short")},
          .interactive = true,
          .example = "moescope-cli run tensor.inspect --study S --in model=toy --set tensor=lm_head.weight"};
}

Expected<Cost> estimate(const Inputs&, const Parameters& set) {
  if (set.text("tensor").empty())
    return usageError("tensor.inspect needs tensor, the name of one; model.inspect lists them");
  return Cost{.bytes = 64 << 10, .memory = 64u << 20};
}

struct Piece {
  Shards::Place place;
  std::int64_t first = 0, count = 0;  // numbers
};

Expected<Piece> pieceOf(const Contents& contents, const std::string& name, std::int64_t expert) {
  const Shards::Place* place = contents.shards.find(name);
  if (!place) return usageError(fmt::format("the model has no tensor \"{}\"; model.inspect lists those it has", name));
  const StoredTensor& tensor = *place->tensor;
  if (!isReal(*tensor.dtype))
    return usageError(fmt::format("{} is of type {}, whose values are not read: real types of 8 to 64 bits are", name,
                                  tensor.dtype->name));
  std::int64_t count = 1;
  for (const std::int64_t extent : tensor.shape) count *= extent;
  if (expert < 0) return Piece{*place, 0, count};
  if (tensor.shape.size() < 2 || expert >= tensor.shape[0])
    return usageError(fmt::format("{} has shape [{}]: it has no part {}", name, fmt::join(tensor.shape, ", "), expert));
  const std::int64_t part = count / tensor.shape[0];
  return Piece{*place, expert * part, part};
}

Table summaryOf(const StoredTensor& tensor, const TensorStatistics& statistics) {
  std::vector<std::string> what{"shape", "type"},
      value{fmt::format("{}", fmt::join(tensor.shape, " x ")), std::string(tensor.dtype->name)};
  const auto add = [&](const char* name, auto number) {
    what.emplace_back(name);
    value.push_back(fmt::format("{}", number));
  };
  add("numbers", statistics.count());
  add("least", static_cast<float>(statistics.low()));
  add("largest", static_cast<float>(statistics.high()));
  add("mean", static_cast<float>(statistics.mean()));
  add("standard deviation", static_cast<float>(statistics.deviation()));
  add("root mean square", static_cast<float>(statistics.rootMeanSquare()));
  add("zeros", statistics.zeros());
  add("not a number", statistics.nans());
  add("infinite", statistics.infinities());
  return {{{"statistic", "", std::move(what)}, {"value", "", std::move(value)}}};
}

Result resultOf(const StoredTensor& tensor, const TensorStatistics& statistics, std::int64_t bins) {
  Result result{.facts = {{"operation", "tensor.inspect"}, {"tensor", tensor.name}}};
  const double low = statistics.low(), width = (statistics.high() - low) / static_cast<double>(bins);
  Axis value{"value", {}};
  for (std::int64_t bin = 0; bin < bins; ++bin)
    value.labels.push_back(fmt::format("{:.4g}", low + (static_cast<double>(bin) + 0.5) * width));
  result.axes.push_back(std::move(value));
  result.addWhole("histogram", "numbers", {"value"}, statistics.histogram(bins)).help =
      "How many numbers lie in each of the bins of equal width between the least and the largest; a bin goes by its "
      "middle. Numbers are told apart to 8 bits of their fraction.";
  const auto scalar = [&](const char* name, double number, const char* help) {
    result.add(name, "", {}, {number}).help = help;
  };
  scalar("low", statistics.low(), "The least of the finite numbers.");
  scalar("high", statistics.high(), "The largest of the finite numbers.");
  scalar("mean", statistics.mean(), "Of the finite numbers.");
  scalar("deviation", statistics.deviation(), "Standard deviation of the finite numbers (population).");
  result.add("statistics", summaryOf(tensor, statistics));
  return result;
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  job.progress(0, "reading headers");
  TRY(contents, readContents(inputs.at("model").path));
  TRY(piece, pieceOf(contents, set.text("tensor"), set.integer("expert")));
  TensorStatistics statistics;
  std::vector<float> numbers;
  for (std::int64_t done = 0; done < piece.count; done += atOnce) {
    if (job.cancelled()) return cancelledError();
    numbers.resize(static_cast<std::size_t>(std::min(atOnce, piece.count - done)));
    TRY_DO(readValues(piece.place, piece.first + done, numbers));
    statistics.add(numbers);
    job.progress(static_cast<double>(done) / static_cast<double>(piece.count), "reading numbers");
  }
  Result result = resultOf(*piece.place.tensor, statistics, set.integer("bins"));
  result.facts["source"] = inputs.at("model").title();
  return one("result", std::move(result), {{"tensor", set.text("tensor")}, {"numbers", statistics.count()}});
}

}  // namespace

const Operation tensorInspect{describe, estimate, run};

}  // namespace moescope
