// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/json_cursor.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "core/base/utf8.h"

namespace moescope {
namespace {

constexpr int deepest = 127;
constexpr std::uint64_t each = 0x0101010101010101, high = 0x8080808080808080;

std::uint64_t eightAt(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

bool isAscii(std::span<const char> text) {
  std::size_t at = 0;
  std::uint64_t seen = 0;
  for (; at + 8 <= text.size(); at += 8) seen |= eightAt(text.data() + at);
  for (; at < text.size(); ++at) seen |= static_cast<unsigned char>(text[at]) & 0x80u ? high : 0;
  return (seen & high) == 0;
}

// The first quote, backslash or control character from `at` on, or `end`.
char* plainEnd(char* at, const char* end) {
  static_assert(std::endian::native == std::endian::little);
  for (; end - at >= 8; at += 8) {
    const std::uint64_t word = eightAt(at);
    const auto zeroIn = [](std::uint64_t value) { return (value - each) & ~value & high; };
    const std::uint64_t special =
        zeroIn(word ^ each * '"') | zeroIn(word ^ each * '\\') | ((word - each * 0x20) & ~word & high);
    if (special != 0) return at + std::countr_zero(special) / 8;
  }
  while (at < end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
  return at;
}

bool isDigit(char character) {
  return character >= '0' && character <= '9';
}

char* putUtf8(char* into, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { *into++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6), put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12), put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18), put(0x80 | (code >> 12 & 0x3f)), put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
  }
  return into;
}

}  // namespace

JsonCursor::JsonCursor(std::span<char> text, std::string file, std::uint64_t start)
    : text_(text), at_(text.data()), end_(text.data() + text.size()), file_(std::move(file)), start_(start) {
  if (!isAscii(text_) && !isValidUtf8({text_.data(), text_.size()})) fail("the text is not valid UTF-8");
}

bool JsonCursor::fail(std::string_view reason, std::uint64_t offset) {
  if (!error_)
    error_ = inputError(file_ + ", byte " + std::to_string(offset) + ": " + std::string(reason), file_, offset);
  at_ = end_;
  return false;
}

void JsonCursor::blanks() {
  while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
}

bool JsonCursor::expect(char character, const char* what) {
  blanks();
  if (at_ >= end_ || *at_ != character) return fail(at_ >= end_ ? "the text ends in the middle" : what);
  ++at_;
  return true;
}

bool JsonCursor::enter() {
  fresh_ = true;
  return ++depth_ <= deepest || fail("brackets are nested too deeply");
}

bool JsonCursor::beginObject() {
  return expect('{', "an object is due here") && enter();
}
bool JsonCursor::beginArray() {
  return expect('[', "a list is due here") && enter();
}

bool JsonCursor::next(char close) {
  if (failed()) return false;
  blanks();
  if (at_ < end_ && *at_ == close) {
    ++at_;
    --depth_;
    fresh_ = false;
    return false;
  }
  if (!fresh_ && !expect(',', close == '}' ? "a comma or } is due here" : "a comma or ] is due here")) return false;
  fresh_ = false;
  return true;
}

bool JsonCursor::nextItem() {
  return next(']');
}
bool JsonCursor::nextKey(std::string_view& key) {
  return next('}') && string(key) && expect(':', "a colon is due here");
}

bool JsonCursor::string(std::string_view& into) {
  if (!expect('"', "a string is due here")) return false;
  char* const from = at_;
  char* stop = plainEnd(at_, end_);
  if (stop < end_ && *stop == '"') {
    at_ = stop + 1;
    into = {from, stop};
    return true;
  }
  char* written = at_ = stop;
  while (at_ < end_ && *at_ != '"') {
    if (*at_ == '\\') {
      if (!escape(written)) return false;
    } else if (static_cast<unsigned char>(*at_) < 0x20) {
      return fail("a control character in a string must be written as an escape");
    } else {
      *written++ = *at_++;
    }
  }
  if (at_ >= end_) return fail("the text ends in the middle of a string");
  ++at_;
  into = {from, written};
  return true;
}

bool JsonCursor::hex(std::uint32_t& into) {
  into = 0;
  if (end_ - at_ < 4) return fail("an escape ends too early");
  for (int digit = 0; digit < 4; ++digit, ++at_) {
    const auto character = static_cast<unsigned char>(*at_ | 0x20);
    const bool letter = character >= 'a' && character <= 'f';
    if (!letter && !isDigit(*at_)) return fail("an escape needs four hexadecimal digits");
    into = into << 4 | static_cast<std::uint32_t>(letter ? character - 'a' + 10 : *at_ - '0');
  }
  return true;
}

// One escape at the backslash that `at_` stands on; what it means is never longer than itself.
bool JsonCursor::escape(char*& into) {
  constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
  if (end_ - at_ < 2) return fail("the text ends in the middle of an escape");
  const char kind = at_[1];
  if (const std::size_t known = names.find(kind); known != std::string_view::npos) {
    *into++ = meanings[known];
    at_ += 2;
    return true;
  }
  if (kind != 'u') return fail("there is no such escape");
  at_ += 2;
  std::uint32_t code = 0, second = 0;
  if (!hex(code)) return false;
  if (code >= 0xdc00 && code < 0xe000) return fail("the second half of a surrogate pair stands alone");
  if (code >= 0xd800 && code < 0xdc00) {
    if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u')
      return fail("the first half of a surrogate pair stands alone");
    at_ += 2;
    if (!hex(second)) return false;
    if (second < 0xdc00 || second >= 0xe000) return fail("the first half of a surrogate pair stands alone");
    code = 0x10000 + ((code - 0xd800) << 10 | (second - 0xdc00));
  }
  into = putUtf8(into, code);
  return true;
}

bool JsonCursor::size(std::uint64_t& into) {
  blanks();
  const char* const from = at_;
  std::uint64_t value = 0;
  for (; at_ < end_ && isDigit(*at_); ++at_) {
    const auto digit = static_cast<std::uint64_t>(*at_ - '0');
    if (__builtin_mul_overflow(value, std::uint64_t{10}, &value) || __builtin_add_overflow(value, digit, &value))
      return fail("this number does not fit 64 bits");
  }
  const bool fraction = at_ < end_ && (*at_ == '.' || *at_ == 'e' || *at_ == 'E');
  if (at_ == from || fraction || (*from == '0' && at_ - from > 1))
    return fail("a whole number of at least 0 is due here");
  into = value;
  return true;
}

// The extent of a number, checked against the grammar.
bool JsonCursor::numberText(std::string_view& into) {
  blanks();
  const char* const from = at_;
  const auto digits = [&] {
    const char* const first = at_;
    while (at_ < end_ && isDigit(*at_)) ++at_;
    return at_ - first;
  };
  if (at_ < end_ && *at_ == '-') ++at_;
  const bool zero = at_ < end_ && *at_ == '0';
  const auto whole = digits();
  bool sound = whole > 0 && (!zero || whole == 1);
  if (at_ < end_ && *at_ == '.') ++at_, sound = sound && digits() > 0;
  if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    sound = sound && digits() > 0;
  }
  if (!sound) return fail("a number is due here");
  into = {from, static_cast<std::size_t>(at_ - from)};
  return true;
}

bool JsonCursor::number(double& into) {
  std::string_view text;
  if (!numberText(text)) return false;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), into);
  if (failure == std::errc::result_out_of_range) into = std::strtod(std::string(text).c_str(), nullptr);
  return std::isfinite(into) || fail("this number is out of range");
}

bool JsonCursor::literal(std::string_view word) {
  if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) {
    at_ += word.size();
    return true;
  }
  return fail("a value is due here");
}

bool JsonCursor::null() {
  blanks();
  return at_ < end_ && *at_ == 'n' && literal("null");
}

bool JsonCursor::skip() {
  const int outside = depth_;
  std::string kinds;  // of the open brackets below
  std::string_view text;
  double ignored;
  do {
    blanks();
    if (at_ >= end_) return fail("the text ends in the middle");
    bool done = false;
    if (*at_ == '{')
      done = beginObject(), kinds.push_back('{');
    else if (*at_ == '[')
      done = beginArray(), kinds.push_back('[');
    else
      done = *at_ == '"'   ? string(text)
             : *at_ == 't' ? literal("true")
             : *at_ == 'f' ? literal("false")
             : *at_ == 'n' ? literal("null")
                           : number(ignored);
    if (!done) return false;
    // Close what ends here, and step to the next value of what does not.
    while (!kinds.empty() && !(kinds.back() == '{' ? nextKey(text) : nextItem())) {
      if (failed()) return false;
      kinds.pop_back();
    }
  } while (depth_ > outside);
  return true;
}

bool JsonCursor::atObject() {
  blanks();
  return at_ < end_ && *at_ == '{';
}

bool JsonCursor::atNumber() {
  blanks();
  return at_ < end_ && (*at_ == '-' || isDigit(*at_));
}

bool JsonCursor::end() {
  blanks();
  return !failed() && (at_ == end_ || fail("there is more text after the end"));
}

}  // namespace moescope
