// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/pre_tokenizer.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/text/pattern.h"
#include "core/base/utf8.h"

namespace moescope {

namespace {

// What becomes of the delimiters that a split finds.
enum class Delimiter { removed, isolated, contiguous, mergedWithPrevious, mergedWithNext };

struct Part {
  std::size_t begin, end;
  bool match;
};

// The whole text as parts: matches, and what lies between them.
std::vector<Part> partsOf(std::size_t size, const std::vector<Match>& matches, bool invert) {
  std::vector<Part> parts;
  std::size_t from = 0;
  for (const Match& match : matches) {
    if (match.begin > from) parts.push_back({from, match.begin, invert});
    parts.push_back({match.begin, match.end, !invert});
    from = match.end;
  }
  if (from < size) parts.push_back({from, size, invert});
  return parts;
}

std::vector<Part> joinRuns(const std::vector<Part>& parts) {
  std::vector<Part> joined;
  for (const Part& part : parts) {
    if (!joined.empty() && joined.back().match == part.match) joined.back().end = part.end;
    else joined.push_back(part);
  }
  return joined;
}

// A delimiter joins the part before it, unless that part is a delimiter as well.
std::vector<Part> mergeWithPrevious(const std::vector<Part>& parts) {
  std::vector<Part> merged;
  bool previous = false;
  for (const Part& part : parts) {
    if (part.match && !previous && !merged.empty()) merged.back().end = part.end;
    else merged.push_back(part);
    previous = part.match;
  }
  return merged;
}

std::vector<Part> mergeWithNext(const std::vector<Part>& parts) {
  std::vector<Part> merged;
  bool previous = false;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->match && !previous && !merged.empty()) merged.back().begin = part->begin;
    else merged.push_back(*part);
    previous = part->match;
  }
  std::reverse(merged.begin(), merged.end());
  return merged;
}

std::vector<Part> arrange(std::vector<Part> parts, Delimiter delimiter) {
  switch (delimiter) {
    case Delimiter::removed: std::erase_if(parts, [](const Part& part) { return part.match; }); return parts;
    case Delimiter::isolated: return parts;
    case Delimiter::contiguous: return joinRuns(parts);
    case Delimiter::mergedWithPrevious: return mergeWithPrevious(parts);
    case Delimiter::mergedWithNext: return mergeWithNext(parts);
  }
  return parts;
}

using Find = std::function<Expected<void>(std::string_view, std::vector<Match>&)>;

Expected<void> split(Pieces& pieces, const Find& find, Delimiter delimiter, bool invert) {
  std::vector<std::string_view> pieced;
  std::vector<Match> matches;
  for (std::string_view text : pieces.text) {
    matches.clear();
    TRY_DO(find(text, matches));
    for (const Part& part : arrange(partsOf(text.size(), matches, invert), delimiter))
      if (part.end > part.begin) pieced.push_back(text.substr(part.begin, part.end - part.begin));
  }
  pieces.text = std::move(pieced);
  return {};
}

class Split : public PreTokenizer {
 public:
  Split(Pattern pattern, Delimiter delimiter, bool invert) : pattern_(std::move(pattern)), delimiter_(delimiter), invert_(invert) {}
  Expected<void> apply(Pieces& pieces) const override {
    return split(pieces, [this](std::string_view text, std::vector<Match>& matches) { return pattern_.findAll(text, matches); }, delimiter_, invert_);
  }

 private:
  Pattern pattern_;
  Delimiter delimiter_;
  bool invert_;
};

// Splits at single characters of a class.
class SplitAtCharacters : public PreTokenizer {
 public:
  SplitAtCharacters(bool (*isOne)(std::uint32_t), Delimiter delimiter) : isOne_(isOne), delimiter_(delimiter) {}
  Expected<void> apply(Pieces& pieces) const override {
    const Find find = [this](std::string_view text, std::vector<Match>& matches) -> Expected<void> {
      for (std::size_t at = 0; at < text.size(); at += utf8Length(text[at]))
        if (isOne_(utf8At(text, at))) matches.push_back({at, at + utf8Length(text[at])});
      return {};
    };
    return split(pieces, find, delimiter_, false);
  }

 private:
  bool (*isOne_)(std::uint32_t);
  Delimiter delimiter_;
};

// Runs of word characters and runs of neither word characters nor white space.
class Words : public PreTokenizer {
 public:
  Expected<void> apply(Pieces& pieces) const override {
    const Find find = [](std::string_view text, std::vector<Match>& matches) -> Expected<void> {
      int before = 0;
      for (std::size_t at = 0; at < text.size();) {
        const std::uint32_t character = utf8At(text, at);
        const int kind = isWordCharacter(character) ? 1 : isWhiteSpace(character) ? 0 : 2;
        const std::size_t end = at + utf8Length(text[at]);
        if (kind != 0 && kind == before) matches.back().end = end;
        else if (kind != 0) matches.push_back({at, end});
        before = kind;
        at = end;
      }
      return {};
    };
    return split(pieces, find, Delimiter::removed, true);
  }
};

// GPT-2's pattern (Radford et al. 2019), used when the file asks ByteLevel to split by itself.
constexpr const char* gpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool prefixSpace, std::optional<Pattern> pattern) : prefixSpace_(prefixSpace), pattern_(std::move(pattern)) {}
  bool isByteLevel() const override { return true; }
  Expected<void> apply(Pieces& pieces) const override {
    if (prefixSpace_)
      for (std::string_view& text : pieces.text)
        if (!text.starts_with(' ')) text = pieces.owned.emplace_back(std::string(1, ' ').append(text));
    if (!pattern_) return {};
    return split(pieces, [this](std::string_view text, std::vector<Match>& matches) { return pattern_->findAll(text, matches); },
                 Delimiter::isolated, false);
  }

 private:
  bool prefixSpace_;
  std::optional<Pattern> pattern_;
};

class Metaspace : public PreTokenizer {
 public:
  enum class Prepend { first, never, always };
  Metaspace(std::string replacement, Prepend prepend, bool splits) : replacement_(std::move(replacement)), prepend_(prepend), splits_(splits) {}
  Expected<void> apply(Pieces& pieces) const override {
    for (std::size_t index = 0; index < pieces.text.size(); ++index) {
      std::string_view& text = pieces.text[index];
      std::string spaced;
      for (char c : text) c == ' ' ? spaced += replacement_ : spaced += c;
      const bool wanted = prepend_ == Prepend::always || (prepend_ == Prepend::first && index == 0 && pieces.atStart);
      if (wanted && !spaced.starts_with(replacement_)) spaced.insert(0, replacement_);
      text = pieces.owned.emplace_back(std::move(spaced));
    }
    if (!splits_) return {};
    const Pattern at = Pattern::literal(replacement_);
    return split(pieces, [&](std::string_view text, std::vector<Match>& matches) { return at.findAll(text, matches); }, Delimiter::mergedWithNext,
                 false);
  }

 private:
  std::string replacement_;
  Prepend prepend_;
  bool splits_;
};

class Sequence : public PreTokenizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<PreTokenizer>> parts) : parts_(std::move(parts)) {}
  bool isByteLevel() const override { return !parts_.empty() && parts_.back()->isByteLevel(); }
  Expected<void> apply(Pieces& pieces) const override {
    for (const auto& part : parts_) TRY_DO(part->apply(pieces));
    return {};
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

using Made = std::unique_ptr<PreTokenizer>;

Expected<Delimiter> delimiterFrom(const std::string& name) {
  if (name == "Removed") return Delimiter::removed;
  if (name == "Isolated") return Delimiter::isolated;
  if (name == "Contiguous") return Delimiter::contiguous;
  if (name == "MergedWithPrevious") return Delimiter::mergedWithPrevious;
  if (name == "MergedWithNext") return Delimiter::mergedWithNext;
  return inputError("the tokenizer's split behaviour \"" + name + "\" is not known");
}

Expected<Made> makeSplit(const Json& json) {
  TRY(delimiter, delimiterFrom(json.at("behavior").get<std::string>()));
  const bool invert = json.value("invert", false);
  const Json& pattern = json.at("pattern");
  if (pattern.contains("String")) {
    std::string plain = pattern["String"].get<std::string>();
    if (plain.empty()) return inputError("the tokenizer splits at an empty string");
    return Made(std::make_unique<Split>(Pattern::literal(std::move(plain)), delimiter, invert));
  }
  TRY(compiled, Pattern::compile(pattern.at("Regex").get<std::string>()));
  return Made(std::make_unique<Split>(std::move(compiled), delimiter, invert));
}

Expected<Made> makeByteLevel(const Json& json) {
  std::optional<Pattern> pattern;
  if (json.value("use_regex", true)) {
    TRY(compiled, Pattern::compile(gpt2Pattern));
    pattern = std::move(compiled);
  }
  return Made(std::make_unique<ByteLevel>(json.value("add_prefix_space", true), std::move(pattern)));
}

Expected<Made> makeMetaspace(const Json& json) {
  // Older files say add_prefix_space, newer ones prepend_scheme.
  const bool addsPrefix = json.value("add_prefix_space", true);
  const std::string scheme = json.value("prepend_scheme", addsPrefix ? "always" : "never");
  using Prepend = Metaspace::Prepend;
  const Prepend prepend = scheme == "never" ? Prepend::never : scheme == "first" ? Prepend::first : Prepend::always;
  std::string replacement = json.value("replacement", "\xe2\x96\x81");
  if (replacement.empty()) return inputError("the tokenizer's Metaspace has an empty replacement");
  return Made(std::make_unique<Metaspace>(std::move(replacement), prepend, json.value("split", true)));
}

Expected<Made> makeSequence(const Json& json) {
  std::vector<Made> parts;
  for (const Json& part : json.at("pretokenizers")) {
    TRY(made, makePreTokenizer(part));
    if (!made) continue;
    if (!parts.empty() && parts.back()->isByteLevel())
      return inputError("the tokenizer goes on splitting after ByteLevel, which is not supported: import the corpus as ids");
    parts.push_back(std::move(made));
  }
  return Made(std::make_unique<Sequence>(std::move(parts)));
}

}  // namespace

Expected<Made> makePreTokenizer(const Json& json) {
  if (json.is_null()) return Made();
  try {
    const std::string type = json.at("type").get<std::string>();
    if (type == "Sequence") return makeSequence(json);
    if (type == "Split") return makeSplit(json);
    if (type == "ByteLevel") return makeByteLevel(json);
    if (type == "Metaspace") return makeMetaspace(json);
    if (type == "Digits")
      return Made(std::make_unique<SplitAtCharacters>(isNumeric, json.value("individual_digits", false) ? Delimiter::isolated : Delimiter::contiguous));
    if (type == "Punctuation") {
      TRY(delimiter, delimiterFrom(json.value("behavior", "Isolated")));
      return Made(std::make_unique<SplitAtCharacters>(isPunctuation, delimiter));
    }
    if (type == "WhitespaceSplit") return Made(std::make_unique<SplitAtCharacters>(isWhiteSpace, Delimiter::removed));
    if (type == "Whitespace") return Made(std::make_unique<Words>());
    return inputError("the tokenizer's pre_tokenizer \"" + type + "\" is not supported: import the corpus as ids");
  } catch (const Json::exception& error) {
    return inputError(std::string("the tokenizer's pre_tokenizer is malformed: ") + error.what());
  }
}

}  // namespace moescope
