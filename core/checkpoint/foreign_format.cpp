// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/foreign_format.h"

#include <array>

namespace moescope {
namespace {

struct Format {
  std::string_view start;
  std::string_view about;
};

using namespace std::string_view_literals;

constexpr std::array formats{
    Format{"version https://git-lfs"sv,
           "it is a Git LFS pointer and not the weights: fetch them with `git lfs pull`, or download the file again"sv},
    Format{"GGUF"sv,
           "it is a GGUF file, which is not read: open the safetensors release of the model, or convert it with "
           "transformers (from_pretrained with gguf_file, then save_pretrained)"sv},
    Format{"PK\3\4"sv,
           "it is a zip archive, most likely of PyTorch, which is not read: load it in transformers and save it with "
           "save_pretrained, which writes safetensors"sv},
    Format{"\x80\2"sv,
           "it is a Python pickle, which is never read because it can run code: load it in transformers and save it "
           "with save_pretrained, which writes safetensors"sv},
    Format{"\x89HDF\r\n\x1a\n"sv,
           "it is an HDF5 file, most likely of Keras or TensorFlow: save it as safetensors with transformers"sv},
    Format{"\x1f\x8b"sv, "it is compressed with gzip: unpack it first"sv},
    Format{"\x28\xb5\x2f\xfd"sv, "it is compressed with zstd: unpack it first"sv},
    Format{"<!DOCTYPE"sv, "it is a web page, most likely an error page saved as a file: download it again"sv},
    Format{"<!doctype"sv, "it is a web page, most likely an error page saved as a file: download it again"sv},
    Format{"<html"sv, "it is a web page, most likely an error page saved as a file: download it again"sv},
    Format{"Entry not found"sv, "it is an error message saved as a file: download it again"sv},
    Format{"\x93NUMPY"sv, "it is a NumPy array: save the tensors as safetensors"sv},
};

}  // namespace

std::string_view foreignFormat(std::span<const std::byte> start) {
  const std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  for (const Format& format : formats)
    if (text.starts_with(format.start)) return format.about;
  return {};
}

}  // namespace moescope
