// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace moescope {

// Every moment between two steps of writing something down: where a kill would leave the one done and the other not.
// Tests stop a process at each of them (tests/faults/test_kills.py); nothing else knows them.
enum class CommitPoint : std::size_t {
  catalogueDrafted,
  catalogueLinked,
  catalogueCopied,
  changeMade,
  changeCommitted,
  fileWritten,
  fileRenamed,
  segmentWritten,
  segmentRenamed,
  segmentsMerged,
  outputSynced,
  outputPlaced,
  outputFiled,
  outputCommitted,
  garbageEvicted,
  garbageTaken,
  garbageCounted,
  previewMoved,
  repairRebuilt,
  repairPutAside,
  repairReplaced,
  repairAdopted,
  unpackWritten,
  unpackChecked,
};

inline constexpr std::array<std::string_view, 24> commitPointNames{
    "catalogue.drafted",  // built beside its place and synced
    "catalogue.linked",   // at its place, the draft is still there
    "catalogue.copied",   // an older schema was copied, nothing is migrated yet
    "change.made",        // rows are changed, the transaction is open
    "change.committed",   // nobody was told yet
    "file.written",       // a small file: synced under its temporary name
    "file.renamed",       // at its place, the folder is not synced
    "segment.written",    // of a run or a trace: synced under its temporary name
    "segment.renamed",    // at its place, the folder is not synced
    "segments.merged",    // into one file, the old ones are still there
    "output.synced",      // what a job wrote is on the disk and has its id
    "output.placed",      // one file or folder was moved into the study
    "output.filed",       // all of them, folders synced, rows inserted, the transaction is open
    "output.committed",   // the job's folder is still there
    "garbage.evicted",    // rows of what was removed are evicted, the files are still there
    "garbage.taken",      // one file or folder was moved out of sight
    "garbage.counted",    // one pile of them is about to be deleted
    "preview.moved",      // into scratch, not described yet
    "repair.rebuilt",     // a new catalogue lies beside the damaged one
    "repair.putaside",    // the damaged one was moved away, the new one is not in place
    "repair.replaced",    // it is, and its files are not checked yet
    "repair.adopted",     // one file without a row has one in the open transaction
    "unpack.written",     // all files are there, unchecked, under a temporary name
    "unpack.checked",     // and checked
};

// Ends the process with SIGKILL at the n-th passing of a point when the environment says MOESCOPE_STOP_AT=NAME:n, after
// the line "stopped at NAME" on standard error. Otherwise it does nothing. Any thread.
void pass(CommitPoint point);

}  // namespace moescope
