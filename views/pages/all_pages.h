// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace moescope {

class PageTabs;
class Workbench;

// The pages of the window in the order of their tabs: one line a page. An operation (of a plugin) that names a page
// which is not among them gets one when it is listed.
void addPages(PageTabs& tabs, Workbench& workbench);

}  // namespace moescope
