// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/text/pattern.h"
#include "core/base/utf8.h"

namespace moescope {

namespace {

class UnicodeForm : public Normalizer {
 public:
  // `stableBelow`: a text of characters below it is in this form already.
  UnicodeForm(int options, unsigned char stableBelow) : options_(options), stableBelow_(stableBelow) {}
  Expected<void> apply(std::string& text) const override {
    if (std::all_of(text.begin(), text.end(), [&](char c) { return static_cast<unsigned char>(c) < stableBelow_; })) return {};
    utf8proc_uint8_t* out = nullptr;
    const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()), &out,
                                     static_cast<utf8proc_option_t>(options_));
    if (length < 0) return inputError(std::string("a text cannot be normalised: ") + utf8proc_errmsg(length));
    text.assign(reinterpret_cast<char*>(out), static_cast<std::size_t>(length));
    std::free(out);
    return {};
  }

 private:
  int options_;
  unsigned char stableBelow_;
};

// Simple lower case of every character; a capital sharp or dotted I keeps to its simple mapping.
class Lowercase : public Normalizer {
 public:
  Expected<void> apply(std::string& text) const override {
    std::string lower;
    lower.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); at += utf8Length(text[at])) {
      utf8proc_uint8_t bytes[4];
      const auto count = utf8proc_encode_char(utf8proc_tolower(static_cast<utf8proc_int32_t>(utf8At(text, at))), bytes);
      lower.append(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(count));
    }
    text = std::move(lower);
    return {};
  }
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  Expected<void> apply(std::string& text) const override {
    if (!text.empty()) text.insert(0, prefix_);
    return {};
  }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  Replace(Pattern pattern, std::string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}
  Expected<void> apply(std::string& text) const override {
    std::vector<Match> matches;
    TRY_DO(pattern_.findAll(text, matches));
    if (matches.empty()) return {};
    std::string replaced;
    std::size_t from = 0;
    for (const Match& match : matches) {
      replaced.append(text, from, match.begin - from).append(content_);
      from = match.end;
    }
    text = std::move(replaced.append(text, from));
    return {};
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  Expected<void> apply(std::string& text) const override {
    std::size_t begin = 0, end = text.size();
    while (left_ && begin < end && isWhiteSpace(utf8At(text, begin))) begin += utf8Length(text[begin]);
    while (right_ && end > begin) {
      std::size_t last = end - 1;
      while (last > begin && (static_cast<unsigned char>(text[last]) & 0xc0) == 0x80) --last;
      if (!isWhiteSpace(utf8At(text, last))) break;
      end = last;
    }
    text = text.substr(begin, end - begin);
    return {};
  }

 private:
  bool left_, right_;
};

class Sequence : public Normalizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<Normalizer>> parts) : parts_(std::move(parts)) {}
  Expected<void> apply(std::string& text) const override {
    for (const auto& part : parts_) TRY_DO(part->apply(text));
    return {};
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> parts_;
};

Expected<std::unique_ptr<Normalizer>> makeReplace(const Json& json) {
  const Json& pattern = json.at("pattern");
  std::string content = json.at("content").get<std::string>();
  if (pattern.contains("String")) {
    std::string plain = pattern["String"].get<std::string>();
    if (plain.empty()) return inputError("the tokenizer's normalizer Replace looks for an empty string");
    return std::unique_ptr<Normalizer>(std::make_unique<Replace>(Pattern::literal(std::move(plain)), std::move(content)));
  }
  TRY(compiled, Pattern::compile(pattern.at("Regex").get<std::string>()));
  return std::unique_ptr<Normalizer>(std::make_unique<Replace>(std::move(compiled), std::move(content)));
}

Expected<std::unique_ptr<Normalizer>> makeSequence(const Json& json) {
  std::vector<std::unique_ptr<Normalizer>> parts;
  for (const Json& part : json.at("normalizers")) {
    TRY(made, makeNormalizer(part));
    if (made) parts.push_back(std::move(made));
  }
  return std::unique_ptr<Normalizer>(std::make_unique<Sequence>(std::move(parts)));
}

}  // namespace

Expected<std::unique_ptr<Normalizer>> makeNormalizer(const Json& json) {
  using Made = std::unique_ptr<Normalizer>;
  if (json.is_null()) return Made();
  try {
    const std::string type = json.at("type").get<std::string>();
    constexpr int stable = UTF8PROC_STABLE;
    // Characters below U+0300 (lead byte 0xcc) are stable under NFC; ASCII is under all forms.
    if (type == "NFC") return Made(std::make_unique<UnicodeForm>(stable | UTF8PROC_COMPOSE, 0xcc));
    if (type == "NFD") return Made(std::make_unique<UnicodeForm>(stable | UTF8PROC_DECOMPOSE, 0x80));
    if (type == "NFKC") return Made(std::make_unique<UnicodeForm>(stable | UTF8PROC_COMPOSE | UTF8PROC_COMPAT, 0x80));
    if (type == "NFKD") return Made(std::make_unique<UnicodeForm>(stable | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, 0x80));
    if (type == "Lowercase") return Made(std::make_unique<Lowercase>());
    if (type == "Prepend") return Made(std::make_unique<Prepend>(json.at("prepend").get<std::string>()));
    if (type == "Strip") return Made(std::make_unique<Strip>(json.value("strip_left", true), json.value("strip_right", true)));
    if (type == "Replace") return makeReplace(json);
    if (type == "Sequence") return makeSequence(json);
    return inputError("the tokenizer's normalizer \"" + type + "\" is not supported: import the corpus as ids");
  } catch (const Json::exception& error) {
    return inputError(std::string("the tokenizer's normalizer is malformed: ") + error.what());
  }
}

}  // namespace moescope
