// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/encoding.h"

#include <array>

namespace moescope {

namespace {

// Windows-1252 in 0x80-0x9f (the WHATWG index); 0 where the code page has no character.
constexpr std::array<std::uint16_t, 32> windows1252High{0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                                        0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017d, 0,
                                                        0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                        0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

// Control characters that text does not use: all but backspace, tab, line feed, vertical tab, form feed, return and
// escape.
bool isControl(unsigned code) {
  return (code < 0x20 && !(code >= 0x08 && code <= 0x0d) && code != 0x1b) || code == 0x7f;
}

void appendUtf8(std::uint32_t code, std::string& out) {
  auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    tail(12), tail(6), tail(0);
  }
}

constexpr std::uint32_t replacement = 0xfffd, byteOrderMark = 0xfeff;

}  // namespace

std::string_view name(Encoding encoding) {
  constexpr std::array<std::string_view, 6> names{"binary",   "UTF-8",      "UTF-16LE",
                                                  "UTF-16BE", "ISO-8859-1", "Windows-1252"};
  return names[static_cast<std::size_t>(encoding)];
}

Utf8Reader::Step Utf8Reader::step(unsigned char byte) {
  if (left_ > 0) {
    const bool fits = byte >= low_ && byte <= high_;
    left_ = fits ? left_ - 1 : 0;
    low_ = 0x80, high_ = 0xbf;
    if (!fits) return Step::invalid;
    return left_ == 0 ? Step::complete : Step::inside;
  }
  if (byte < 0x80) return Step::complete;
  if (byte < 0xc2 || byte > 0xf4) return Step::invalid;
  left_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
  if (byte == 0xe0) low_ = 0xa0;
  if (byte == 0xed) high_ = 0x9f;
  if (byte == 0xf0) low_ = 0x90;
  if (byte == 0xf4) high_ = 0x8f;
  return Step::inside;
}

void EncodingDetector::feed(std::string_view bytes) {
  for (const char signedByte : bytes) {
    const auto byte = static_cast<unsigned char>(signedByte);
    if (start_.size() < 2) start_ += signedByte;
    ++bytes_;
    takeHalf(byte);
    // Most of most texts: nothing to learn from it.
    if ((byte >= 0x20 && byte < 0x7f) && !utf8_.open()) continue;
    takeByte(byte);
  }
}

void EncodingDetector::takeByte(unsigned char byte) {
  if (byte == 0) nul_ = true;
  if (isControl(byte)) ++controls_;
  if (byte >= 0x80 && byte < 0xa0) {
    ++c1_;
    if (windows1252High[byte - 0x80u] == 0) ++undefined1252_;
  }
  const bool wasOpen = utf8_.open();
  auto step = utf8_.step(byte);
  if (step == Utf8Reader::Step::invalid) {
    ++invalid_;
    if (wasOpen) step = utf8_.step(byte);
    if (wasOpen && step == Utf8Reader::Step::invalid) ++invalid_;
  } else if (wasOpen && step == Utf8Reader::Step::complete) {
    ++wide_;
  }
}

// Counts units of UTF-16, as the byte-order mark says.
void EncodingDetector::takeHalf(unsigned char byte) {
  if (bytes_ % 2 == 1) {
    half_ = byte;
    return;
  }
  if (!marked16()) return;
  const unsigned unit = start_[0] == '\xff' ? byte << 8 | half_ : half_ << 8 | byte;
  ++units_;
  if (unit == 0) unitNul_ = true;
  if (isControl(unit)) ++unitControls_;
}

Encoding EncodingDetector::finish() const {
  if (marked16()) {
    if (unitNul_ || unitControls_ * 100 > units_) return Encoding::binary;
    return start_[0] == '\xff' ? Encoding::utf16LittleEndian : Encoding::utf16BigEndian;
  }
  if (nul_ || controls_ * 100 > bytes_) return Encoding::binary;
  const std::uint64_t invalid = invalid_ + (utf8_.open() ? 1 : 0);
  if (invalid == 0 || wide_ > 10 * invalid) return Encoding::utf8;
  // Bytes that neither code page gives a meaning count as control characters.
  if (undefined1252_ == 0) return c1_ > 0 ? Encoding::windows1252 : Encoding::latin1;
  return (controls_ + c1_) * 100 > bytes_ ? Encoding::binary : Encoding::latin1;
}

void Utf8Converter::replace(std::string& out) {
  ++replaced_;
  appendUtf8(replacement, out);
  first_ = false;
}

void Utf8Converter::takeUtf8(unsigned char byte, std::string& out) {
  switch (utf8_.step(byte)) {
    case Utf8Reader::Step::inside:
      pending_ += static_cast<char>(byte);
      return;
    case Utf8Reader::Step::complete:
      pending_ += static_cast<char>(byte);
      if (!first_ || pending_ != "\xef\xbb\xbf") out += pending_;
      first_ = false;
      pending_.clear();
      return;
    case Utf8Reader::Step::invalid:
      replace(out);
      const bool wasOpen = !pending_.empty();
      pending_.clear();
      if (wasOpen) takeUtf8(byte, out);
  }
}

void Utf8Converter::takeUtf16(std::uint16_t unit, std::string& out) {
  const bool low = unit >= 0xdc00 && unit < 0xe000;
  if (surrogate_ != 0 && low) {
    appendUtf8(0x10000u + ((surrogate_ - 0xd800u) << 10) + (unit - 0xdc00u), out);
    surrogate_ = 0;
    return;
  }
  if (surrogate_ != 0) replace(out);
  surrogate_ = 0;
  if (unit >= 0xd800 && unit < 0xdc00)
    surrogate_ = unit;
  else if (low)
    replace(out);
  else if (!first_ || unit != byteOrderMark)
    appendUtf8(unit, out);
  first_ = false;
}

std::string Utf8Converter::convert(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + 4);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const auto byte = static_cast<unsigned char>(bytes[at]);
    switch (encoding_) {
      case Encoding::binary:
      case Encoding::utf8:
        if (pending_.empty() && byte < 0x80) {
          out += bytes[at];
          first_ = false;
        } else {
          takeUtf8(byte, out);
        }
        break;
      case Encoding::utf16LittleEndian:
      case Encoding::utf16BigEndian:
        if (pending_.empty()) {
          pending_ = bytes[at];
        } else {
          const auto other = static_cast<unsigned char>(pending_[0]);
          pending_.clear();
          const bool little = encoding_ == Encoding::utf16LittleEndian;
          takeUtf16(static_cast<std::uint16_t>(little ? byte << 8 | other : other << 8 | byte), out);
        }
        break;
      case Encoding::latin1:
        appendUtf8(byte, out);
        break;
      case Encoding::windows1252:
        appendUtf8(byte >= 0x80 && byte < 0xa0 ? windows1252High[byte - 0x80u] : byte, out);
        break;
    }
  }
  return out;
}

std::string Utf8Converter::finish() {
  std::string out;
  if (!pending_.empty() || surrogate_ != 0) replace(out);
  pending_.clear();
  surrogate_ = 0;
  return out;
}

std::string toUtf8(std::string_view bytes, Encoding encoding) {
  Utf8Converter converter(encoding);
  std::string text = converter.convert(bytes);
  return text + converter.finish();
}

std::size_t cutUtf8(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text.size();
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
  return limit;
}

}  // namespace moescope
