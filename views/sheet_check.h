// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>

#include "views/sheet_layout.h"

namespace moescope {

// What a reader, a printer or a venue would object to: text below 6 points, lines below 0.25, rainbow maps, red beside
// green, more than eight colours of categories, pictures in a vector format, a figure higher than a page. One sentence
// each, with the panel's letter.
QStringList sheetWarnings(const SheetLayout& layout);

// \caption{...} with what each panel shows: quantity, definition, baseline, N tokens and documents; and a \label.
QString captionStub(const SheetLayout& layout, const std::vector<QString>& definitions);

}  // namespace moescope
