// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/text_source.h"

#include <zlib.h>

#include <array>
#include <optional>
#include <vector>

#include "core/base/file.h"

namespace moescope {

struct TextSource::State {
  std::optional<InputFile> file = {};  // else `text`
  std::string text = {};
  bool compressed = false;
  std::uint64_t offset = 0;  // of the file, read so far
  z_stream stream{};
  bool streaming = false, memberEnded = false;
  std::vector<unsigned char> input = {};

  State() = default;
  ~State() {
    if (streaming) inflateEnd(&stream);
  }
  Error damaged() const {
    const std::uint64_t at = offset - stream.avail_in;
    return inputError(file->path().string() + " is damaged gzip at byte " + std::to_string(at) +
                          ": fetch it again or take it out of the folder",
                      file->path().string(), at);
  }
  Expected<bool> refill() {
    TRY(count, file->readSome(offset, std::as_writable_bytes(std::span(input))));
    offset += count;
    stream.next_in = input.data();
    stream.avail_in = static_cast<uInt>(count);
    return count > 0;
  }
  Expected<std::size_t> inflateInto(std::span<char> into);
};

TextSource::TextSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
TextSource::TextSource(TextSource&&) noexcept = default;
TextSource& TextSource::operator=(TextSource&&) noexcept = default;
TextSource::~TextSource() = default;

Expected<TextSource> TextSource::open(const std::filesystem::path& path) {
  TRY(file, InputFile::open(path));
  std::array<std::byte, 3> start{};
  TRY(count, file.readSome(0, start));
  auto state = std::make_unique<State>();
  state->file = std::move(file);
  // 1f 8b 08: gzip, deflate, the only method there is.
  state->compressed =
      count == 3 && start[0] == std::byte{0x1f} && start[1] == std::byte{0x8b} && start[2] == std::byte{8};
  if (state->compressed) state->input.resize(1u << 16);
  TextSource source(std::move(state));
  source.rewind();
  return source;
}

TextSource TextSource::ofText(std::string text) {
  auto state = std::make_unique<State>();
  state->text = std::move(text);
  return TextSource(std::move(state));
}

bool TextSource::compressed() const {
  return state_->compressed;
}

void TextSource::rewind() {
  State& state = *state_;
  state.offset = 0;
  if (!state.compressed) return;
  if (state.streaming) inflateEnd(&state.stream);
  state.stream = {};
  state.memberEnded = false;
  state.streaming = inflateInit2(&state.stream, 16 + MAX_WBITS) == Z_OK;
}

Expected<std::size_t> TextSource::State::inflateInto(std::span<char> into) {
  if (!streaming)
    return environmentError("not enough memory to decompress " + file->path().string(), file->path().string());
  stream.next_out = reinterpret_cast<unsigned char*>(into.data());
  stream.avail_out = static_cast<uInt>(into.size());
  while (stream.avail_out > 0) {
    if (stream.avail_in == 0) {
      TRY(more, refill());
      if (!more && memberEnded) break;
      if (!more) return damaged();
    }
    if (memberEnded) {  // another member may follow; zeros after the last are padding
      if (*stream.next_in == 0) {
        ++stream.next_in, --stream.avail_in;
        continue;
      }
      if (inflateReset(&stream) != Z_OK) return damaged();
      memberEnded = false;
    }
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (status == Z_STREAM_END)
      memberEnded = true;
    else if (status != Z_OK)
      return damaged();
  }
  return into.size() - stream.avail_out;
}

Expected<std::size_t> TextSource::read(std::span<char> into) {
  if (state_->compressed) return state_->inflateInto(into);
  if (!state_->file) {
    const std::size_t count = state_->text.copy(into.data(), into.size(), state_->offset);
    state_->offset += count;
    return count;
  }
  TRY(count, state_->file->readSome(state_->offset, std::as_writable_bytes(into)));
  state_->offset += count;
  return count;
}

}  // namespace moescope
