// SPDX-License-Identifier: GPL-3.0-or-later
// The same verdict on 20,000 files as the reference reader of safetensors, or a reason that is listed here.
// tests/reference/safetensors_verdicts.py makes the same files and wrote the verdicts down.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>

#include "core/base/json_reading.h"
#include "core/base/utf8.h"
#include "core/checkpoint/safetensors.h"

namespace moescope {
namespace {

// Where this reader refuses what the reference takes.
constexpr std::array stricter{
    "twice",                           // a name twice: the reference keeps the last
    "is not a JSON object",            // blanks before the object: the format forbids them, the reference does not look
    "an extent does not fit 63 bits",  // with an extent of 0 beside it
    "an object is due here",           // a tensor written as a list of its three members
    "a string is due here",            // a type written as {"F32":null}
};

struct Draw {
  std::uint64_t state;
  std::uint64_t below(std::uint64_t limit) {
    state += 0x9E3779B97F4A7C15;
    std::uint64_t value = state;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
    return (value ^ (value >> 31)) % limit;
  }
};

// Characters of the lists stand for bytes.
std::string bytesOfText(const std::string& text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); at += utf8Length(text[at])) bytes += static_cast<char>(utf8At(text, at));
  return bytes;
}

std::vector<std::string> listOf(const Json& json) {
  std::vector<std::string> list;
  for (const Json& one : json) list.push_back(bytesOfText(one.get<std::string>()));
  return list;
}

bool isDigit(char character) {
  return character >= '0' && character <= '9';
}

std::pair<std::size_t, std::size_t> runOfDigits(const std::string& text, std::size_t at) {
  while (at < text.size() && !isDigit(text[at])) ++at;
  std::size_t end = at;
  while (end < text.size() && isDigit(text[end])) ++end;
  return {at, end};
}

std::pair<std::size_t, std::size_t> quoted(const std::string& text, std::size_t at) {
  const std::size_t first = text.find('"', at);
  const std::size_t last = first == std::string::npos ? first : text.find('"', first + 1);
  return last == std::string::npos ? std::pair(text.size(), text.size()) : std::pair(first + 1, last);
}

class Generator {
 public:
  explicit Generator(const Json& json)
      : characters_(bytesOfText(json["characters"].get<std::string>())),
        pieces_(listOf(json["pieces"])),
        numbers_(listOf(json["numbers"])),
        words_(listOf(json["words"])) {
    for (const Json& base : json["bases"])
      bases_.emplace_back(bytesOfText(base[0].get<std::string>()), base[1].get<std::int64_t>());
  }

  std::pair<std::string, std::int64_t> made(std::uint64_t number) const {
    Draw draw{number};
    auto [text, data] = bases_[draw.below(bases_.size())];
    for (std::uint64_t changes = draw.below(4); changes > 0; --changes) change(text, draw);
    const std::uint64_t last = draw.below(16);
    data += last == 0 ? 1 : last == 1 ? -1 : last == 2 ? 8 : 0;
    return {text, std::max<std::int64_t>(data, 0)};
  }

 private:
  void change(std::string& text, Draw& draw) const {
    const std::uint64_t kind = draw.below(7);
    std::size_t at = draw.below(text.size() + 1), end = at;
    const auto replace = [&](std::size_t stop, const std::string& by) {
      text = text.substr(0, at) + by + (stop < text.size() ? text.substr(stop) : "");
    };
    if (kind == 0) {
      replace(at + 1, std::string(1, characters_[draw.below(characters_.size())]));
    } else if (kind == 1) {
      replace(at, pieces_[draw.below(pieces_.size())]);
    } else if (kind == 2) {
      replace(at + 1 + draw.below(8), "");
    } else if (kind == 3) {
      const std::size_t length = draw.below(64), to = draw.below(text.size() + 1);
      text.insert(to, std::string(text.substr(at, length)));
    } else if (kind == 4 || kind == 5) {
      std::tie(at, end) = runOfDigits(text, at);
      replace(end, numbers_[draw.below(numbers_.size())]);
    } else {
      std::tie(at, end) = quoted(text, at);
      replace(end, words_[draw.below(words_.size())]);
    }
  }

  std::string characters_;
  std::vector<std::string> pieces_, numbers_, words_;
  std::vector<std::pair<std::string, std::int64_t>> bases_;
};

// A file without a place on a disk.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("verdict", MFD_CLOEXEC)) {}
  ~MemoryFile() { ::close(descriptor_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  void hold(const std::string& header, std::int64_t data) const {
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xff);
    bytes += header;
    ASSERT_EQ(::ftruncate(descriptor_, 0), 0);
    ASSERT_EQ(::pwrite(descriptor_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    ASSERT_EQ(::ftruncate(descriptor_, static_cast<off_t>(bytes.size()) + data), 0);
  }

 private:
  int descriptor_;
};

TEST(Verdicts, AreThoseOfTheReferenceReader) {
  const Json json = *readJson(std::filesystem::path(MOESCOPE_SOURCE_DIR) / "tests/reference/safetensors_verdicts.json");
  const Generator generator(json);
  const std::string bits = json["verdicts"];
  const auto files = json["files"].get<std::uint64_t>();
  ASSERT_GE(files, 10000u);
  std::uint64_t accepted = 0, taken = 0;
  std::map<std::string, int> reasons;
  const MemoryFile file;
  for (std::uint64_t number = 0; number < files; ++number) {
    const bool verdict = std::stoi(bits.substr(number / 8 * 2, 2), nullptr, 16) >> (number % 8) & 1;
    taken += verdict;
    const auto [header, data] = generator.made(number);
    file.hold(header, data);
    const auto opened = SafetensorsFile::open(file.path());
    accepted += opened.has_value();
    if (opened.has_value() == verdict) continue;
    ASSERT_TRUE(verdict) << number << " is taken but the reference refuses it: " << header;
    const std::string& message = opened.error().message;
    const auto listed = std::find_if(stricter.begin(), stricter.end(),
                                     [&](const char* reason) { return message.find(reason) != std::string::npos; });
    ASSERT_NE(listed, stricter.end()) << number << " is refused but the reference takes it: " << message << "\n"
                                      << header;
    ++reasons[*listed];
  }
  EXPECT_EQ(taken, json["accepted"].get<std::uint64_t>()) << "the verdicts belong to other files";
  for (const auto& [reason, count] : reasons) {
    RecordProperty(reason, count);
    std::printf("%5d files refused beyond the reference: %s\n", count, reason.c_str());
  }
  std::printf("%5llu of %llu accepted by both\n", static_cast<unsigned long long>(accepted),
              static_cast<unsigned long long>(files));
  EXPECT_GT(accepted, files / 10);
}

}  // namespace
}  // namespace moescope
