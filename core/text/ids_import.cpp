// SPDX-License-Identifier: GPL-3.0-or-later
#include <functional>
#include <nlohmann/json.hpp>

#include "core/base/json_reading.h"
#include "core/text/import_sources.h"
#include "core/text/text_source.h"

namespace moescope {

namespace {

constexpr std::size_t longestLine = 256u << 20;

// One line of the input, and where it is: for messages that lead to it.
struct Line {
  std::string_view text;
  std::string file;
  std::uint64_t number = 0, offset = 0;

  Error error(const std::string& what, std::uint64_t within = 0) const {
    return inputError((file.empty() ? "ids" : file) + " line " + std::to_string(number) + ", byte " +
                          std::to_string(offset + within) + ": " + what,
                      file, offset + within);
  }
};

// Calls `take` with every line that is not blank.
Expected<void> forEachLine(TextSource& source, const std::string& file, Job& job,
                           const std::function<Expected<void>(const Line&)>& take) {
  std::string held, buffer(1u << 20, '\0');
  Line line{.text = {}, .file = file};
  for (bool more = true; more;) {
    if (job.cancelled()) return cancelledError();
    TRY(count, source.read(buffer));
    more = count > 0;
    const std::size_t searched = held.size();
    held.append(buffer, 0, count);
    if (!more && !held.empty() && held.back() != '\n') held += '\n';
    std::size_t start = 0;
    for (std::size_t end = held.find('\n', searched); end != std::string::npos; end = held.find('\n', start)) {
      ++line.number;
      line.text = std::string_view(held).substr(start, end - start);
      if (line.text.find_first_not_of(" \t\r") != std::string_view::npos) TRY_DO(take(line));
      line.offset += end + 1 - start;
      start = end + 1;
    }
    held.erase(0, start);
    if (held.size() > longestLine)
      return Line{{}, file, line.number + 1, line.offset}.error("the line is longer than 256 MiB: split the document");
  }
  return {};
}

Expected<std::vector<std::int32_t>> readIds(const Json& list, const Line& line) {
  std::vector<std::int32_t> ids;
  ids.reserve(list.size());
  for (const Json& id : list) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > INT32_MAX)
      return line.error("\"ids\" holds " + id.dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 60) +
                        " at index " + std::to_string(ids.size()) + "; ids are whole numbers from 0 to 2147483647");
    ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

class IdsImport {
 public:
  IdsImport(std::uint64_t limit, CorpusWriter& writer, ImportFacts& facts)
      : limit_(limit), writer_(writer), facts_(facts) {}

  Expected<void> take(const Line& line) {
    auto json = parseJson(line.text);
    if (!json)
      return line.error("not valid JSON: a line is {\"domain\":\"...\",\"ids\":[...]}",
                        json.error().offset.value_or(0));
    if (!json->is_object() || !json->contains("domain") || !(*json)["domain"].is_string() ||
        (*json)["domain"].get_ref<const std::string&>().empty())
      return line.error("the line has no \"domain\": a line is {\"domain\":\"...\",\"ids\":[...]}");
    if (!json->contains("ids") || !(*json)["ids"].is_array())
      return line.error("\"ids\" is not a list of whole numbers");
    const auto domain = (*json)["domain"].get<std::string>();
    TRY(ids, readIds((*json)["ids"], line));
    if (ids.empty()) {
      ++facts_.skipped["empty"];
      return {};
    }
    TRY(number, writer_.domain(domain));
    if (left_.size() <= number) left_.resize(number + 1u, limit_ == 0 ? UINT64_MAX : limit_);
    if (left_[number] == 0) return {};
    if (ids.size() > left_[number]) ids.resize(left_[number]);
    left_[number] -= ids.size();
    if (left_[number] == 0) facts_.cut.push_back(domain);
    taken_ += ids.size();
    const Json name = json->value("name", Json());
    return writer_.add(name.is_string() ? name.get<std::string>() : domain + "/" + std::to_string(line.number), number,
                       ids);
  }
  std::uint64_t taken() const { return taken_; }

 private:
  std::uint64_t limit_, taken_ = 0;
  CorpusWriter& writer_;
  ImportFacts& facts_;
  std::vector<std::uint64_t> left_;  // by domain
};

}  // namespace

Expected<void> importIds(const std::string& fileOrLines, std::uint64_t limit, CorpusWriter& writer, ImportFacts& facts,
                         Job& job) {
  facts.source = "ids";
  IdsImport import(limit, writer, facts);
  const auto take = [&](const Line& line) { return import.take(line); };
  const bool lines = holdsLines(fileOrLines);
  const std::string file = lines ? "" : fileOrLines;
  if (lines) {
    auto source = TextSource::ofText(fileOrLines);
    TRY_DO(forEachLine(source, file, job, take));
  } else {
    TRY(source, TextSource::open(fileOrLines));
    TRY_DO(forEachLine(source, file, job, take));
  }
  if (import.taken() == 0)
    return inputError((lines ? "the ids" : file) + (lines ? " hold" : " holds") +
                          " no document: a line is {\"domain\":\"...\",\"ids\":[...]}",
                      file);
  return {};
}

bool holdsLines(std::string_view ids) {
  return ids.starts_with("{");
}

}  // namespace moescope
