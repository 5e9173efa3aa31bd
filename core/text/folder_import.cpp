// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "core/text/encoding.h"
#include "core/text/import_sources.h"
#include "core/text/text_source.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {

struct Domain {
  std::string name;
  std::vector<fs::path> files = {};
};

Error cannotList(const fs::path& folder, const std::error_code& code) {
  return inputError(
      "cannot list the folder " + folder.string() + ": " + code.message() + "; make it readable or take it out",
      folder.string());
}

bool liesBelow(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

// Why an entry is left out; "" for folders and files that are taken. A link inside the folder names a document that is
// there anyway, and would put the same text into both splits; one that leaves it would make the corpus depend on more
// than its folder.
std::string reasonToSkip(const fs::directory_entry& entry, const fs::path& root) {
  std::error_code code;
  if (entry.path().filename().string().starts_with('.')) return "hidden";
  const fs::file_status status = entry.symlink_status(code);
  if (fs::is_symlink(status)) {
    const fs::path target = fs::canonical(entry.path(), code);
    if (code) return "broken links";
    return liesBelow(target, root) ? "links inside the folder" : "links that leave the folder";
  }
  return fs::is_directory(status) || fs::is_regular_file(status) ? "" : "special files";
}

Expected<std::vector<fs::directory_entry>> sortedEntries(const fs::path& folder, const fs::path& root,
                                                         ImportFacts& facts) {
  std::error_code code;
  std::vector<fs::directory_entry> entries;
  fs::directory_iterator walk(folder, code), end;
  for (; !code && walk != end; walk.increment(code)) {
    const std::string reason = reasonToSkip(*walk, root);
    if (reason.empty())
      entries.push_back(*walk);
    else
      ++facts.skipped[reason];
  }
  if (code) return cannotList(folder, code);
  std::sort(entries.begin(), entries.end(),
            [](const auto& left, const auto& right) { return left.path() < right.path(); });
  return entries;
}

Expected<void> collectFiles(const fs::path& folder, const fs::path& root, std::vector<fs::path>& files,
                            ImportFacts& facts) {
  TRY(entries, sortedEntries(folder, root, facts));
  for (const fs::directory_entry& entry : entries) {
    if (entry.is_directory())
      TRY_DO(collectFiles(entry.path(), root, files, facts));
    else
      files.push_back(entry.path());
  }
  return {};
}

Expected<std::vector<Domain>> listDomains(const fs::path& root, ImportFacts& facts) {
  TRY(entries, sortedEntries(root, root, facts));
  std::vector<Domain> domains;
  std::vector<fs::path> loose;
  for (const fs::directory_entry& entry : entries) {
    if (!entry.is_directory()) {
      loose.push_back(entry.path());
      continue;
    }
    domains.push_back({toUtf8(entry.path().filename().string())});
    TRY_DO(collectFiles(entry.path(), root, domains.back().files, facts));
  }
  if (domains.empty() && !loose.empty())
    domains.push_back({toUtf8(root.filename().string()), loose});
  else if (!loose.empty())
    facts.skipped["files outside domains"] += loose.size();
  return domains;
}

// Fills the buffer from the source, or less at its end.
Expected<std::string_view> readPiece(TextSource& source, std::string& buffer) {
  TRY(count, source.read(buffer));
  return std::string_view(buffer).substr(0, count);
}

// One file as one document: read once to tell its encoding, and from the start again unless one piece held all of it.
class DocumentImport {
 public:
  DocumentImport(CorpusWriter& writer, ImportFacts& facts, Job& job) : writer_(writer), facts_(facts), job_(job) {}

  // Gives the bytes written, at most `room`.
  Expected<std::uint64_t> import(const fs::path& file, const fs::path& root, const std::string& domain,
                                 std::uint64_t room) {
    TRY(source, TextSource::open(file));
    EncodingDetector detector;
    TRY(first, readPiece(source, buffer_));
    detector.feed(first);
    const bool whole = first.size() < buffer_.size();
    for (std::string_view piece = first; !whole && !piece.empty();) {
      if (job_.cancelled()) return cancelledError();
      TRY_ASSIGN(piece, readPiece(source, buffer_));
      detector.feed(piece);
    }
    const Encoding encoding = detector.finish();
    if (first.empty() || encoding == Encoding::binary) {
      ++facts_.skipped[first.empty() ? "empty" : "binary"];
      return std::uint64_t{0};
    }
    std::string name = toUtf8(file.lexically_relative(root).generic_string());
    if (source.compressed() && name.ends_with(".gz")) name.resize(name.size() - 3);
    TRY(number, writer_.domain(domain));
    TRY_DO(writer_.begin(name, number));
    if (!whole) source.rewind();
    TRY_DO(convert(source, whole ? first : std::string_view(), encoding, room));
    if (writer_.size() == 0) {
      ++facts_.skipped["empty"];
      return std::uint64_t{0};
    }
    ++facts_.encodings[std::string(moescope::name(encoding))];
    if (encoding != Encoding::utf8) facts_.countConverted(name, std::string(moescope::name(encoding)));
    if (source.compressed()) ++facts_.compressed;
    return writer_.size();
  }

 private:
  Expected<void> convert(TextSource& source, std::string_view whole, Encoding encoding, std::uint64_t room) {
    Utf8Converter converter(encoding);
    std::string_view piece = whole;
    for (bool more = true; more && room > 0;) {
      if (job_.cancelled()) return cancelledError();
      if (whole.empty()) TRY_ASSIGN(piece, readPiece(source, buffer_));
      std::string text = converter.convert(piece);
      more = whole.empty() && !piece.empty();
      if (!more) text += converter.finish();
      const std::size_t size = cutUtf8(text, room);
      TRY_DO(writer_.append(std::string_view(text).substr(0, size)));
      room = size < text.size() ? 0 : room - size;
    }
    facts_.replaced += converter.replaced();
    return {};
  }

  CorpusWriter& writer_;
  ImportFacts& facts_;
  Job& job_;
  std::string buffer_ = std::string(1u << 20, '\0');
};

}  // namespace

Expected<void> importFolder(const fs::path& folder, std::uint64_t limit, CorpusWriter& writer, ImportFacts& facts,
                            Job& job) {
  facts.source = "folder";
  std::error_code code;
  const fs::path root = fs::canonical(folder, code);
  if (code) return inputError("cannot open the folder " + folder.string() + ": " + code.message(), folder.string());
  job.progress(0, "listing files");
  TRY(domains, listDomains(root, facts));
  std::size_t files = 0, done = 0;
  for (const Domain& domain : domains) files += domain.files.size();
  std::uint64_t total = 0;
  DocumentImport documents(writer, facts, job);
  for (const Domain& domain : domains) {
    std::uint64_t room = limit == 0 ? UINT64_MAX : limit;
    for (const fs::path& file : domain.files) {
      if (job.cancelled()) return cancelledError();
      job.progress(static_cast<double>(done++) / static_cast<double>(files), "reading documents of " + domain.name);
      if (room == 0) continue;
      TRY(written, documents.import(file, root, domain.name, room));
      room -= written;
      total += written;
    }
    // A cut that would part a character leaves up to three bytes.
    if (limit != 0 && room < 4) facts.cut.push_back(domain.name);
  }
  if (total == 0)
    return inputError(folder.string() + " holds no text (left out: " + facts.skippedInWords() +
                          "): give a folder whose subfolders are domains with text files in them",
                      folder.string());
  return {};
}

Expected<void> importText(std::string_view text, std::uint64_t limit, CorpusWriter& writer, ImportFacts& facts) {
  facts.source = "text";
  Utf8Converter converter(Encoding::utf8);
  std::string valid = converter.convert(text);
  valid += converter.finish();
  facts.replaced = converter.replaced();
  if (limit != 0 && valid.size() > limit) {
    valid.resize(cutUtf8(valid, limit));
    facts.cut.push_back("text");
  }
  if (valid.empty()) return inputError("the text is empty: give at least one character");
  ++facts.encodings["UTF-8"];
  TRY(domain, writer.domain("text"));
  return writer.add("text", domain, valid);
}

}  // namespace moescope
