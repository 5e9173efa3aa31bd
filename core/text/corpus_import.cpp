// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/base/file.h"
#include "core/text/corpus_summary.h"
#include "core/text/import_sources.h"
#include "core/text/operations.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {

Description describe() {
  return {
      .id = "corpus.import",
      .title = "Import a corpus",
      .help =
          "Makes a corpus of named domains from a folder whose subfolders are domains (one document a file, nested "
          "folders fine, "
          "gzip read through), from ids that were made elsewhere, or from a text given directly. Text is kept as "
          "UTF-8: a byte-order "
          "mark, UTF-16, ISO-8859-1 and Windows-1252 are detected, converted and said; binary files, links and hidden "
          "files are left "
          "out and counted. The validation split is a share of each domain's documents, chosen by the seed and the "
          "documents' names.",
      .page = "Overview",
      .out = {{"corpus", Kind::corpus}},
      .parameters = {path("path", "folder whose subfolders are domains, one document a file"),
                     path("ids",
                          "JSON lines {\"domain\":\"...\",\"ids\":[...]}, one document a line, instead of a folder"),
                     text("text", "", "the text itself, instead of a folder: one document in the domain \"text\""),
                     real("validation", 0.1, 0, 1, "", "share of each domain's documents that is kept for validation"),
                     integer("seed", 0, 0, 1e9, "", "of the choice of validation documents"),
                     integer("limit", 0, 0, 1e15, "bytes",
                             "at most this much text (or this many ids) of each domain; 0 takes all")
                         .secondary()},
      .example = "moescope-cli run corpus.import --study S --set path=texts --name text"};
}

Expected<void> checkSources(const Parameters& set) {
  int given = 0;
  for (const char* name : {"path", "ids", "text"}) given += set.text(name).empty() ? 0 : 1;
  if (given == 0)
    return usageError("corpus.import needs one of path (a folder of domains), ids (a file of JSON lines) or text");
  if (given > 1) return usageError("corpus.import takes one of path, ids and text, not several");
  return {};
}

Expected<Cost> estimate(const Inputs&, const Parameters& set) {
  TRY_DO(checkSources(set));
  Cost cost{.bytes = set.text("text").size() + set.text("ids").size(), .memory = 64u << 20};
  const fs::path folder = set.text("path"), ids = set.text("ids");
  std::error_code code;
  if (!folder.empty()) {
    const fs::file_status status = fs::status(folder, code);
    if (!fs::exists(status))
      return inputError("the folder " + folder.string() + " is not there: give one whose subfolders are domains",
                        folder.string());
    if (!fs::is_directory(status))
      return inputError(folder.string() +
                            " is a file: give a folder whose subfolders are domains, or the file's text with text=@" +
                            folder.string(),
                        folder.string());
    cost.bytes = bytesBelow(folder);
  } else if (!ids.empty() && !holdsLines(set.text("ids"))) {
    TRY(file, InputFile::open(ids));
    cost.bytes = file.size();
  }
  return cost;
}

// A domain of one document cannot be split, so nothing of it is ever validated.
void warnOfWholeDomains(const Corpus& corpus, Job& job) {
  std::vector<bool> split(corpus.domains().size(), false);
  for (const Document& document : corpus.documents())
    if (document.split == Split::validation) split[document.domain] = true;
  for (std::size_t domain = 0; domain < split.size(); ++domain)
    if (!split[domain])
      job.log("warning",
              "domain \"" + corpus.domains()[domain] + "\" has one document only: all of it is for training");
}

Expected<Outputs> run(const Inputs&, const Parameters& set, Job& job) {
  TRY_DO(checkSources(set));
  const auto limit = static_cast<std::uint64_t>(set.integer("limit"));
  const fs::path folder = job.place("corpus");
  ImportFacts facts;
  TRY(writer, CorpusWriter::create(folder, {}, set.text("ids").empty()));
  if (!set.text("path").empty())
    TRY_DO(importFolder(set.text("path"), limit, writer, facts, job));
  else if (!set.text("ids").empty())
    TRY_DO(importIds(set.text("ids"), limit, writer, facts, job));
  else
    TRY_DO(importText(set.text("text"), limit, writer, facts));
  TRY_DO(writer.finish(set.real("validation"), static_cast<std::uint64_t>(set.integer("seed")), toJson(facts)));
  for (const std::string& warning : facts.warnings()) job.log("warning", warning);
  TRY(corpus, Corpus::open(folder));
  if (set.real("validation") > 0) warnOfWholeDomains(corpus, job);
  job.progress(1, "done");
  return Outputs{{.port = "corpus", .kind = Kind::corpus, .summary = corpusSummary(corpus)}};
}

}  // namespace

const Operation corpusImport{describe, estimate, run};

}  // namespace moescope
