// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QSize>
#include <QString>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/expected.h"

class QPainter;

namespace moescope {

// A picture for paper before it has a format: what paints it (in points), and what travels inside the file.
struct FigureFile {
  QString title;
  QSize size;  // points
  std::function<void(QPainter&)> paint;
  std::string provenance;  // JSON
  std::string values;      // CSV; may be empty
  std::string request;     // digest, or empty
};

// The bytes of a .pdf (vector, fonts embedded, provenance.json and values.csv attached), .svg (provenance in
// <metadata>) or .png (600 dpi, provenance in a tEXt chunk named Moescope). Needs a QGuiApplication. `file` is for
// errors only.
Expected<QByteArray> painted(const FigureFile& figure, std::string_view ending, const std::filesystem::path& file);

}  // namespace moescope
