// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/import_facts.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace moescope {

namespace {
constexpr std::size_t namedDocuments = 20;
}

void ImportFacts::countConverted(const std::string& document, const std::string& encoding) {
  if (converted.size() < namedDocuments) converted.push_back(document + " (" + encoding + ")");
}

std::string ImportFacts::skippedInWords() const {
  std::string words;
  for (const auto& [reason, count] : skipped) words += fmt::format("{}{} {}", words.empty() ? "" : ", ", count, reason);
  return words.empty() ? "nothing" : words;
}

std::vector<std::string> ImportFacts::warnings() const {
  std::vector<std::string> all;
  if (!skipped.empty()) all.push_back("left out: " + skippedInWords());
  for (const auto& [encoding, count] : encodings)
    if (encoding != "UTF-8")
      all.push_back(fmt::format("{} {} read as {} and converted to UTF-8, for instance {}", count,
                                count == 1 ? "document was" : "documents were", encoding, converted.front()));
  if (replaced > 0) all.push_back(fmt::format("{} characters could not be read and became U+FFFD", replaced));
  for (const std::string& domain : cut) all.push_back(fmt::format("domain \"{}\" was cut at the limit", domain));
  return all;
}

Json toJson(const ImportFacts& facts) {
  return {{"source", facts.source},
          {"skipped", facts.skipped},
          {"encodings", facts.encodings},
          {"converted", facts.converted},
          {"cut", facts.cut},
          {"compressed", facts.compressed},
          {"replaced", facts.replaced},
          {"warnings", facts.warnings()}};
}

}  // namespace moescope
