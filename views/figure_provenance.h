// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/expected.h"

namespace moescope {

// Where a figure comes from. With `sheet` (views/sheet.h) whoever gets the file can go on from it.
struct Provenance {
  std::string operation, request, result;  // id, digest, artifact id
  Json sheet = {};                         // null: none
  bool stripped = false;                   // for double-blind work: nothing but the program
  std::string json() const;                // ASCII, with the program's version
};

// Bytes of a picture with the JSON inside: PNG as a tEXt chunk, SVG as <metadata>.
QByteArray withPngProvenance(const QByteArray& png, const std::string& json);
QByteArray withSvgProvenance(const QByteArray& svg, const std::string& json);

// What a PDF, PNG or SVG that we wrote carries. Foreign bytes: pixels are never decoded, sizes are bounded. Input error
// when there is nothing of ours inside.
Expected<Json> readProvenance(const std::filesystem::path& file);

}  // namespace moescope
