// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/archive.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "core/base/checked.h"
#include "core/base/digest.h"
#include "core/base/part_file.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t blockBytes = 512;
constexpr std::uint64_t longestName = 4096;

// One header block (POSIX.1-2001, ustar); every field is text.
struct Header {
  char name[100], mode[8], owner[8], group[8], size[12], changed[12], sum[8], type, link[100], magic[8], ownerName[32],
      groupName[32], major[8], minor[8], prefix[155], rest[12];
};
static_assert(sizeof(Header) == blockBytes);

std::uint64_t padded(std::uint64_t bytes) {
  return (bytes + blockBytes - 1) / blockBytes * blockBytes;
}

unsigned sumOf(Header header) {
  std::memset(header.sum, ' ', sizeof header.sum);
  std::array<unsigned char, blockBytes> bytes;
  std::memcpy(bytes.data(), &header, blockBytes);
  unsigned sum = 0;
  for (const unsigned char byte : bytes) sum += byte;
  return sum;
}

template <std::size_t N>
void octal(char (&field)[N], std::uint64_t value) {
  for (std::size_t digit = N - 1; digit-- > 0; value /= 8) field[digit] = static_cast<char>('0' + value % 8);
  field[N - 1] = '\0';
}

// 8 GiB and more do not fit twelve octal digits: GNU's form, eight bytes behind a mark.
void putSize(Header& header, std::uint64_t bytes) {
  if (bytes < 1ull << 33) return octal(header.size, bytes);
  header.size[0] = static_cast<char>(0x80);
  for (int at = 11; at > 3; --at, bytes /= 256) header.size[at] = static_cast<char>(bytes % 256);
}

template <std::size_t N>
std::optional<std::uint64_t> numberIn(const char (&field)[N]) {
  std::uint64_t value = 0;
  if (static_cast<unsigned char>(field[0]) == 0x80) {
    for (std::size_t at = 1; at < N; ++at) {
      if (value >> 55) return std::nullopt;
      value = value * 256 + static_cast<unsigned char>(field[at]);
    }
    return value;
  }
  std::size_t at = 0;
  while (at < N && field[at] == ' ') ++at;
  for (; at < N && field[at] != '\0' && field[at] != ' '; ++at) {
    if (field[at] < '0' || field[at] > '7' || value >> 60) return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(field[at] - '0');
  }
  return value;
}

Header headerOf(const std::string& name, std::uint64_t bytes, bool executable, char type) {
  Header header{};
  std::memcpy(header.name, name.data(), std::min(name.size(), sizeof header.name));
  octal(header.mode, executable ? 0755 : 0644);
  octal(header.owner, 0);
  octal(header.group, 0);
  putSize(header, bytes);
  octal(header.changed, 0);  // equal studies are equal archives
  header.type = type;
  std::memcpy(header.magic,
              "ustar\0"
              "00",
              8);
  octal(header.sum, sumOf(header));
  header.sum[7] = ' ';
  return header;
}

// A relative path that stays below the folder it is written to.
bool staysInside(const std::string& name) {
  if (name.empty() || name.size() > longestName || name.find('\0') != std::string::npos) return false;
  for (std::size_t from = 0; from <= name.size();) {
    const std::size_t to = std::min(name.find('/', from), name.size());
    const std::string part = name.substr(from, to - from);
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    from = to + 1;
  }
  return true;
}

std::span<const std::byte> bytesOf(const Header& header) {
  return std::as_bytes(std::span(&header, 1));
}

}  // namespace

// ---- Writing --------------------------------------------------------------------------------------------------------

struct ArchiveWriter::State {
  PartFile file;

  Expected<void> pad(std::uint64_t bytes) {
    static constexpr std::array<std::byte, blockBytes> zeros{};
    return file.write(std::span(zeros).first(static_cast<std::size_t>(padded(bytes) - bytes)));
  }
  // A name that does not fit its field goes before, as a pax record "LENGTH path=NAME\n" whose length counts itself.
  Expected<void> begin(const std::string& name, std::uint64_t bytes, bool executable) {
    if (name.size() > sizeof(Header::name)) {
      const std::string record = " path=" + name + "\n";
      std::size_t length = record.size() + 1;
      while (record.size() + std::to_string(length).size() != length) ++length;
      const std::string text = std::to_string(length) + record;
      TRY_DO(file.write(bytesOf(headerOf("././@PaxHeader", text.size(), false, 'x'))));
      TRY_DO(file.write(std::as_bytes(std::span(text))));
      TRY_DO(pad(text.size()));
    }
    return file.write(bytesOf(headerOf(name, bytes, executable, '0')));
  }
};

ArchiveWriter::ArchiveWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
ArchiveWriter::ArchiveWriter(ArchiveWriter&&) noexcept = default;
ArchiveWriter::~ArchiveWriter() = default;

Expected<ArchiveWriter> ArchiveWriter::create(const fs::path& path) {
  TRY(file, PartFile::create(path));
  return ArchiveWriter(std::make_unique<State>(State{std::move(file)}));
}

Expected<std::string> ArchiveWriter::addFile(const std::string& name, const fs::path& path, bool executable) {
  TRY(from, InputFile::open(path));
  TRY_DO(state_->begin(name, from.size(), executable));
  Digest digest;
  std::vector<std::byte> buffer(1u << 20);
  for (std::uint64_t done = 0; done < from.size(); done += buffer.size()) {
    const auto here = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), from.size() - done));
    TRY_DO(from.read(done, here));
    digest.update(std::span<const std::byte>(here));
    TRY_DO(state_->file.write(here));
  }
  TRY_DO(state_->pad(from.size()));
  return digest.hex();
}

Expected<void> ArchiveWriter::addText(const std::string& name, std::string_view text) {
  TRY_DO(state_->begin(name, text.size(), false));
  TRY_DO(state_->file.write(std::as_bytes(std::span(text))));
  return state_->pad(text.size());
}

Expected<void> ArchiveWriter::finish() {
  static constexpr std::array<std::byte, 2 * blockBytes> end{};
  TRY_DO(state_->file.write(end));
  return state_->file.finish();
}

// ---- Reading --------------------------------------------------------------------------------------------------------

Error ArchiveReader::wrong(std::uint64_t offset, const std::string& what) const {
  return inputError(file_.path().string() + " " + what, file_.path().string(), offset);
}

Expected<ArchiveReader> ArchiveReader::open(const fs::path& path) {
  TRY(file, InputFile::open(path));
  return ArchiveReader(std::move(file));
}

// The content of a pax header: only a path may be in it.
Expected<std::string> ArchiveReader::longName(std::uint64_t bytes) {
  const std::uint64_t start = at_;
  if (bytes > longestName + 64) return wrong(start, "has a file name that is too long");
  std::string text(static_cast<std::size_t>(bytes), '\0');
  TRY_DO(file_.read(at_, std::as_writable_bytes(std::span(text))));
  at_ += padded(bytes);
  const std::size_t path = text.find(" path=");
  if (path == std::string::npos || text.back() != '\n' || text.substr(0, path) != std::to_string(text.size()))
    return wrong(start, "has an extended header that is no file name; it was not packed by Moescope");
  return text.substr(path + 6, text.size() - path - 7);
}

Expected<std::optional<ArchiveReader::Entry>> ArchiveReader::next() {
  std::string name;
  for (;;) {
    const std::uint64_t start = at_;
    Header header;
    TRY_DO(file_.read(at_, std::as_writable_bytes(std::span(&header, 1))));
    at_ += blockBytes;
    const auto all = bytesOf(header);
    if (std::all_of(all.begin(), all.end(), [](std::byte byte) { return byte == std::byte{}; }))
      return std::optional<Entry>{};
    const auto sum = numberIn(header.sum), size = numberIn(header.size), mode = numberIn(header.mode);
    if (!sum || *sum != sumOf(header)) return wrong(start, "is no tar file, or is damaged: a header's sum is wrong");
    const auto end = size ? checkedAdd(at_, *size) : std::nullopt;
    if (!end || *end > file_.size() || padded(*size) < *size)
      return wrong(start, "is truncated: it names a file that goes beyond its end");
    if (header.type == 'x') {
      TRY_ASSIGN(name, longName(*size));
      continue;
    }
    if (header.type == '5') {  // a folder; files bring theirs
      if (*size != 0) return wrong(start, "has a folder with content");
      continue;
    }
    if (header.type != '0' && header.type != '\0')
      return wrong(start, "holds a link or a device; a packed study holds files only");
    if (name.empty()) {
      name.assign(header.name, ::strnlen(header.name, sizeof header.name));
      const std::string prefix(header.prefix, ::strnlen(header.prefix, sizeof header.prefix));
      if (!prefix.empty()) name = prefix + "/" + name;
    }
    if (!staysInside(name))
      return wrong(start, "holds the file name '" + name.substr(0, 200) + "', which leads elsewhere");
    const std::uint64_t content = at_;
    at_ += padded(*size);
    return std::optional(Entry{std::move(name), content, *size, mode && (*mode & 0100) != 0});
  }
}

}  // namespace moescope
