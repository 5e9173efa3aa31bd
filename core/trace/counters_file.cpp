// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <system_error>

#include "core/base/file.h"
#include "core/study/hdf5.h"
#include "core/trace/counters.h"
#include "core/trace/segment.h"

namespace moescope {

namespace {

namespace fs = std::filesystem;

template <class T>
Expected<void> put(hdf5::File& file, const std::string& path, const std::vector<T>& values,
                   std::vector<std::uint64_t> extent) {
  return file.write<T>(path, values, std::move(extent), values.size() > 4096);
}

Expected<void> putLayer(hdf5::File& file, const std::string& path, const LayerCounters& layer, std::uint64_t domains,
                        std::uint64_t documents) {
  const auto experts = static_cast<std::uint64_t>(layer.experts);
  TRY_DO(put(file, path + "/count", layer.count, {experts}));
  TRY_DO(put(file, path + "/domain", layer.domain, {domains, experts}));
  TRY_DO(put(file, path + "/rank", layer.rank, {static_cast<std::uint64_t>(layer.topK), experts}));
  TRY_DO(put(file, path + "/document", layer.document, {documents, experts}));
  TRY_DO(put(file, path + "/coactivation", layer.coactivation, {experts, experts}));
  if (!layer.transition.empty())
    TRY_DO(put(file, path + "/transition", layer.transition, {experts, layer.transition.size() / experts}));
  TRY_DO(put(file, path + "/weight", layer.weight, {experts}));
  TRY_DO(put(file, path + "/nonfinite", layer.nonfinite, {experts}));
  TRY_DO(put(file, path + "/dropped", layer.dropped, {experts}));
  for (const auto& [name, histogram] :
       {std::pair{"/entropy", &layer.entropy}, {"/margin", &layer.margin}, {"/gap", &layer.gap}})
    if (!histogram->empty()) TRY_DO(put(file, path + name, *histogram, {histogram->size()}));
  TRY_DO(file.setAttribute(path, "num_experts", layer.experts));
  TRY_DO(file.setAttribute(path, "top_k", layer.topK));
  return file.setAttribute(path, "sigmoid", std::int64_t{layer.sigmoid});
}

Expected<void> putAll(hdf5::File& file, const Counters& counters) {
  const std::uint64_t domains = counters.tokensByDomain.size(), documents = counters.tokensByDocument.size();
  TRY_DO(file.setAttribute("/", "moescope_counters", std::int64_t{1}));
  TRY_DO(file.setAttribute("/", "tokens", counters.tokens));
  TRY_DO(file.setAttribute("/", "seen", counters.seen));
  TRY_DO(file.setAttribute("/", "num_layers", static_cast<std::int64_t>(counters.layers.size())));
  TRY_DO(put(file, "/tokens/domain", counters.tokensByDomain, {domains}));
  TRY_DO(put(file, "/tokens/document", counters.tokensByDocument, {documents}));
  TRY_DO(put(file, "/documents/domain", counters.domainOfDocument, {documents}));
  for (std::size_t layer = 0; layer < counters.layers.size(); ++layer)
    TRY_DO(putLayer(file, layerPath(layer), counters.layers[layer], domains, documents));
  return {};
}

// A whole dataset of exactly this extent, whose numbers are not negative (unless they are sums of weights).
template <class T>
Expected<std::vector<T>> take(const hdf5::File& file, const std::string& path, const std::vector<std::uint64_t>& extent,
                              bool negative = false) {
  TRY(shape, file.shape(path));
  if (shape.extent != extent || shape.type != hdf5::typeOf<T>())
    return inputError(
        fmt::format("dataset {} of the counters {} has the extent [{}] or a type that is not [{}] as the others ask",
                    path, file.path().string(), fmt::join(shape.extent, ", "), fmt::join(extent, ", ")),
        file.path().string());
  TRY(values, file.read<T>(path));
  if constexpr (std::is_signed_v<T>)
    if (!negative && std::any_of(values.begin(), values.end(), [](T value) { return value < 0; }))
      return inputError(fmt::format("dataset {} of the counters {} holds a negative count", path, file.path().string()),
                        file.path().string());
  return values;
}

Expected<std::int64_t> within(const hdf5::File& file, const std::string& object, const std::string& name,
                              std::int64_t low, std::int64_t high) {
  TRY(value, file.integer(object, name));
  if (value < low || value > high)
    return inputError(fmt::format("attribute {} of {} in the counters {} is {}, not {} to {}", name, object,
                                  file.path().string(), value, low, high),
                      file.path().string());
  return value;
}

Expected<LayerCounters> takeLayer(const hdf5::File& file, const std::string& path, std::uint64_t domains,
                                  std::uint64_t documents) {
  LayerCounters layer;
  TRY_ASSIGN(layer.experts, within(file, path, "num_experts", 1, noExpert));
  TRY_ASSIGN(layer.topK, within(file, path, "top_k", 1, layer.experts));
  TRY(sigmoid, within(file, path, "sigmoid", 0, 1));
  layer.sigmoid = sigmoid == 1;
  const auto experts = static_cast<std::uint64_t>(layer.experts);
  TRY_ASSIGN(layer.count, take<std::int64_t>(file, path + "/count", {experts}));
  TRY_ASSIGN(layer.domain, take<std::int64_t>(file, path + "/domain", {domains, experts}));
  TRY_ASSIGN(layer.rank, take<std::int64_t>(file, path + "/rank", {static_cast<std::uint64_t>(layer.topK), experts}));
  TRY_ASSIGN(layer.document, take<std::uint32_t>(file, path + "/document", {documents, experts}));
  TRY_ASSIGN(layer.coactivation, take<std::int64_t>(file, path + "/coactivation", {experts, experts}));
  TRY_ASSIGN(layer.weight, take<std::int64_t>(file, path + "/weight", {experts}, true));
  TRY_ASSIGN(layer.nonfinite, take<std::int64_t>(file, path + "/nonfinite", {experts}));
  TRY_ASSIGN(layer.dropped, take<std::int64_t>(file, path + "/dropped", {experts}));
  for (const auto& [name, histogram] :
       {std::pair{"/entropy", &layer.entropy}, {"/margin", &layer.margin}, {"/gap", &layer.gap}})
    if (file.has(path + name)) TRY_ASSIGN(*histogram, take<std::int64_t>(file, path + name, {histogramBins}));
  return layer;
}

// Assignments by domain and by document each add up to the assignments by expert.
Expected<void> checkSums(const hdf5::File& file, const Counters& counters) {
  for (std::size_t index = 0; index < counters.layers.size(); ++index) {
    const LayerCounters& layer = counters.layers[index];
    std::vector<std::int64_t> byDomain(layer.count.size()), byDocument(layer.count.size());
    for (std::size_t at = 0; at < layer.domain.size(); ++at) byDomain[at % layer.count.size()] += layer.domain[at];
    for (std::size_t at = 0; at < layer.document.size(); ++at)
      byDocument[at % layer.count.size()] += layer.document[at];
    if (byDomain != layer.count || byDocument != layer.count)
      return inputError(fmt::format("the counters {} are damaged: {}/domain or {}/document does not add up to {}/count",
                                    file.path().string(), layerPath(index), layerPath(index), layerPath(index)),
                        file.path().string());
  }
  return {};
}

}  // namespace

Expected<void> writeCounters(const Counters& counters, const fs::path& file) {
  const fs::path working = file.string() + ".writing";
  TRY(made, hdf5::File::create(working));
  TRY_DO(putAll(made, counters));
  TRY_DO(made.close());
  TRY_DO(syncFile(working));
  std::error_code code;
  fs::rename(working, file, code);
  if (code) return systemError("rename", working.string(), code.value());
  return syncFolder(file.parent_path());
}

Expected<Counters> readCounters(const fs::path& path) {
  TRY(file, hdf5::File::openForeign(path));
  if (!file.hasAttribute("/", "moescope_counters"))
    return inputError(
        fmt::format("{} does not hold counters of a trace: it has no attribute moescope_counters", path.string()),
        path.string());
  TRY_DO(within(file, "/", "moescope_counters", 1, 1));
  Counters counters;
  constexpr std::int64_t largest = std::int64_t{1} << 48;
  TRY_ASSIGN(counters.tokens, within(file, "/", "tokens", 0, largest));
  TRY_ASSIGN(counters.seen, within(file, "/", "seen", counters.tokens, largest));
  TRY(layers, within(file, "/", "num_layers", 0, 1 << 14));
  TRY(domains, file.shape("/tokens/domain"));
  TRY(documents, file.shape("/tokens/document"));
  TRY_ASSIGN(counters.tokensByDomain, take<std::int64_t>(file, "/tokens/domain", {domains.count()}));
  TRY_ASSIGN(counters.tokensByDocument, take<std::int64_t>(file, "/tokens/document", {documents.count()}));
  TRY_ASSIGN(counters.domainOfDocument, take<std::uint16_t>(file, "/documents/domain", {documents.count()}));
  for (std::uint16_t domain : counters.domainOfDocument)
    if (domain >= domains.count())
      return inputError(fmt::format("dataset /documents/domain of the counters {} names domain {} of {}", path.string(),
                                    domain, domains.count()),
                        path.string());
  for (std::int64_t index = 0; index < layers; ++index) {
    TRY(layer, takeLayer(file, layerPath(index), domains.count(), documents.count()));
    counters.layers.push_back(std::move(layer));
  }
  for (std::int64_t index = 0; index + 1 < layers; ++index) {
    LayerCounters& layer = counters.layers[index];
    const auto from = static_cast<std::uint64_t>(layer.experts),
               to = static_cast<std::uint64_t>(counters.layers[index + 1].experts);
    TRY_ASSIGN(layer.transition, take<std::int64_t>(file, layerPath(index) + "/transition", {from, to}));
  }
  TRY_DO(checkSums(file, counters));
  return counters;
}

}  // namespace moescope
