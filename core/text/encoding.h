// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace moescope {

enum class Encoding { binary, utf8, utf16LittleEndian, utf16BigEndian, latin1, windows1252 };
std::string_view name(Encoding encoding);  // "UTF-8", "UTF-16LE", "ISO-8859-1", ...

// Follows UTF-8 byte by byte (Unicode 15, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
class Utf8Reader {
 public:
  enum class Step {
    complete,
    inside,
    invalid
  };  // invalid: the byte itself may begin a character, unless none was open
  Step step(unsigned char byte);
  bool open() const { return left_ > 0; }

 private:
  int left_ = 0;
  unsigned char low_ = 0x80, high_ = 0xbf;
};

// Tells what a file is from all of its bytes, fed in pieces. A byte-order mark decides; else UTF-8 where it is valid,
// or where damage is rare beside valid characters; else one byte a character. NUL or more than 1 % control characters:
// binary.
class EncodingDetector {
 public:
  void feed(std::string_view bytes);
  Encoding finish() const;

 private:
  bool marked16() const { return start_ == "\xff\xfe" || start_ == "\xfe\xff"; }
  void takeByte(unsigned char byte);
  void takeHalf(unsigned char byte);
  std::string start_;  // the first two bytes
  Utf8Reader utf8_;
  std::uint64_t bytes_ = 0, controls_ = 0, wide_ = 0, invalid_ = 0, c1_ = 0, undefined1252_ = 0;
  std::uint64_t units_ = 0, unitControls_ = 0;
  bool nul_ = false, unitNul_ = false;
  unsigned char half_ = 0;
};

// Bytes of one encoding to UTF-8 without a byte-order mark, in pieces that end at characters. What cannot be read
// becomes U+FFFD.
class Utf8Converter {
 public:
  explicit Utf8Converter(Encoding encoding) : encoding_(encoding) {}
  std::string convert(std::string_view bytes);
  std::string finish();  // what an open character at the end becomes
  std::uint64_t replaced() const { return replaced_; }

 private:
  void takeUtf8(unsigned char byte, std::string& out);
  void takeUtf16(std::uint16_t unit, std::string& out);
  void replace(std::string& out);
  Encoding encoding_;
  Utf8Reader utf8_;
  std::string pending_;          // bytes of the open character
  std::uint16_t surrogate_ = 0;  // first half of a pair
  bool first_ = true;            // nothing was written yet: a byte-order mark is dropped
  std::uint64_t replaced_ = 0;
};

// All of a short text at once: names of files.
std::string toUtf8(std::string_view bytes, Encoding encoding = Encoding::utf8);
// The largest size up to `limit` at which UTF-8 can be cut without parting a character.
std::size_t cutUtf8(std::string_view text, std::size_t limit);

}  // namespace moescope
