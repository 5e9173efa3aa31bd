// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <cstdint>
#include <vector>

#include "core/result/drawing.h"

namespace moescope {

// Ways through a text that is drawn token by token. Positions are those of its runs.
// The loss of each run in nats (NaN where it is not known), from the drawing's data.
std::vector<double> lossesOf(const Drawing& drawing);
// The next run after `from` (around the end) where the words begin, in any case, across tokens; -1 for none.
std::int64_t nextWords(const DrawnText& text, const QString& words, std::int64_t from);
// The next run after `from` (around the end) whose loss is among the highest twentieth; -1 when no loss is known.
std::int64_t nextSurprise(const std::vector<double>& losses, std::int64_t from);

}  // namespace moescope
