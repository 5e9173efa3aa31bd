// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/expected.h"

namespace moescope {

// Strict JSON (RFC 8259, UTF-8) read front to back without a tree, for headers and indexes of many megabytes. Escapes
// are decoded in place, so the views it gives point into `text` and live as long. Every function gives false on
// failure; the first failure stays and error() says where. Not deeper than 127, as the reference reader of safetensors.
class JsonCursor {
 public:
  // Errors name `file` and the offset in it; `text` starts at byte `start` of the file.
  JsonCursor(std::span<char> text, std::string file, std::uint64_t start = 0);

  bool beginObject();                   // then nextKey until it is false
  bool nextKey(std::string_view& key);  // false at the object's end, or on failure
  bool beginArray();                    // then nextItem until it is false
  bool nextItem();
  bool string(std::string_view& into);
  bool size(std::uint64_t& into);  // a whole number of at least 0, written without fraction or exponent
  bool number(double& into);
  bool null();  // consumes a null, if there is one; not a failure otherwise
  bool skip();  // one value of any kind, checked all the same
  // Whether such a value is next; consumes blanks only.
  bool atObject();
  bool atNumber();
  bool end();  // nothing but blanks may follow

  bool failed() const { return error_.has_value(); }
  const Error& error() const { return *error_; }
  std::uint64_t offset() const { return start_ + static_cast<std::uint64_t>(at_ - text_.data()); }
  bool fail(std::string_view reason) { return fail(reason, offset()); }  // always false
  bool fail(std::string_view reason, std::uint64_t offset);

 private:
  void blanks();
  bool expect(char character, const char* what);
  bool next(char close);
  bool escape(char*& into);
  bool hex(std::uint32_t& into);
  bool numberText(std::string_view& into);
  bool literal(std::string_view word);
  bool enter();

  std::span<char> text_;
  char* at_;
  char* end_;
  std::string file_;
  std::uint64_t start_;
  int depth_ = 0;
  bool fresh_ = false;  // just after an opening bracket: no comma is due
  std::optional<Error> error_;
};

}  // namespace moescope
