// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// The only door to QCustomPlot. Its header needs Qt's lower-case keywords, which the rest of the program does without
// (they clash with names of other libraries).
#include <QtCore/qforeach.h>
#include <QtCore/qobjectdefs.h>

#define signals Q_SIGNALS
#define slots Q_SLOTS
#ifndef foreach
#define foreach Q_FOREACH
#define MOESCOPE_DEFINED_FOREACH
#endif
#include <qcustomplot.h>
#undef signals
#undef slots
#ifdef MOESCOPE_DEFINED_FOREACH
#undef foreach
#undef MOESCOPE_DEFINED_FOREACH
#endif
