// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace moescope {

struct Pattern::State {
  std::string expression;
  std::string plain;  // not empty: a literal
  pcre2_code* code = nullptr;
  pcre2_match_context* context = nullptr;
  ~State() {
    pcre2_code_free(code);
    pcre2_match_context_free(context);
  }
};

namespace {

constexpr std::uint32_t stepLimit = 10'000'000;  // of one match; real tokenizers need a few thousand on the longest runs
constexpr std::size_t stackBytes = 1 << 20;

// PCRE2 counts U+180E as white space and Oniguruma does not: \s becomes the Unicode property White_Space, written out.
constexpr const char* whiteSpace = R"(\x{09}-\x{0D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

// ... and its \w leaves out marks and connectors, which UTS 18 counts as parts of words.
constexpr const char* wordCharacter = R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200C}\x{200D}\x{24B6}-\x{24E9})";

std::string withOwnClasses(std::string_view expression) {
  std::string rewritten;
  int classDepth = 0;
  for (std::size_t at = 0; at < expression.size(); ++at) {
    const char c = expression[at];
    if (c == '\\' && at + 1 < expression.size()) {
      const char next = expression[++at];
      if (next == 's' && classDepth > 0) rewritten += whiteSpace;
      else if (next == 's') rewritten += std::string("[") + whiteSpace + "]";
      else if (next == 'S' && classDepth == 0) rewritten += std::string("[^") + whiteSpace + "]";
      else if (next == 'w' && classDepth > 0) rewritten += wordCharacter;
      else if (next == 'w') rewritten += std::string("[") + wordCharacter + "]";
      else if (next == 'W' && classDepth == 0) rewritten += std::string("[^") + wordCharacter + "]";
      else rewritten += {c, next};
      continue;
    }
    if (c == '[' && classDepth == 0) ++classDepth;
    else if (c == ']' && classDepth > 0) --classDepth;
    rewritten += c;
  }
  return rewritten;
}

// Scratch of a thread: match data and the machine-code stack are reused from call to call.
struct Scratch {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(1 << 15, stackBytes, nullptr);
  ~Scratch() {
    pcre2_match_data_free(data);
    pcre2_jit_stack_free(stack);
  }
};

pcre2_jit_stack* stackOfThread(void*) {
  thread_local Scratch scratch;
  return scratch.stack;
}

std::string messageOf(int code) {
  unsigned char text[256] = {};
  pcre2_get_error_message(code, text, sizeof(text));
  return reinterpret_cast<const char*>(text);
}

void findLiteral(const std::string& plain, std::string_view text, std::vector<Match>& matches) {
  for (std::size_t at = text.find(plain); at != std::string_view::npos; at = text.find(plain, at + plain.size()))
    matches.push_back({at, at + plain.size()});
}

}  // namespace

Pattern::Pattern(std::unique_ptr<State> state) : state_(std::move(state)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Pattern Pattern::literal(std::string text) {
  auto state = std::make_unique<State>();
  state->plain = std::move(text);
  return Pattern(std::move(state));
}

Expected<Pattern> Pattern::compile(const std::string& expression) {
  auto state = std::make_unique<State>();
  state->expression = expression;
  if (expression.size() > 1u << 16) return inputError("a pattern of the tokenizer is longer than 64 KiB");
  const std::string rewritten = withOwnClasses(expression);
  int error = 0;
  std::size_t offset = 0;
  // Ruby's ^ and $ match at every line; its classes know Unicode.
  state->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(rewritten.data()), rewritten.size(), PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &error,
                              &offset, nullptr);
  if (state->code == nullptr)
    return inputError("the tokenizer's pattern \"" + expression + "\" is not understood near its character " + std::to_string(offset) + ": " +
                      messageOf(error));
  pcre2_jit_compile(state->code, PCRE2_JIT_COMPLETE);  // without machine code the interpreter matches, only slower
  state->context = pcre2_match_context_create(nullptr);
  pcre2_set_match_limit(state->context, stepLimit);
  pcre2_set_heap_limit(state->context, 64 * 1024);
  pcre2_jit_stack_assign(state->context, stackOfThread, nullptr);
  return Pattern(std::move(state));
}

Expected<void> Pattern::findAll(std::string_view text, std::vector<Match>& matches) const {
  if (state_->code == nullptr) {
    findLiteral(state_->plain, text, matches);
    return {};
  }
  thread_local Scratch scratch;
  const auto* bytes = reinterpret_cast<PCRE2_SPTR>(text.data());
  std::size_t start = 0;
  while (start < text.size()) {
    const int found = pcre2_match(state_->code, bytes, text.size(), start, PCRE2_NO_UTF_CHECK, scratch.data, state_->context);
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0)
      return inputError("the tokenizer's pattern \"" + state_->expression + "\" gave up at byte " + std::to_string(start) + " of a text: " +
                        messageOf(found));
    const std::size_t* range = pcre2_get_ovector_pointer(scratch.data);
    if (range[1] > range[0] && range[0] >= start) {
      matches.push_back({range[0], range[1]});
      start = range[1];
    } else {
      // An empty match: go on behind the next character.
      do ++start;
      while (start < text.size() && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80);
    }
  }
  return {};
}

}  // namespace moescope
