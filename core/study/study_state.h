// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "core/base/commit_point.h"
#include "core/study/catalogue.h"
#include "core/study/lock.h"
#include "core/study/study.h"

namespace moescope {

// What an open Study holds; only the files of Study's own members include this.
struct Study::State {
  std::filesystem::path folder;
  Access access;
  std::optional<Lock> lock;  // while open for writing; given back after the connection is closed
  sqlite::Connection connection;

  Expected<void> requireWriting() const;
  // Raises the revision inside a write transaction and gives the new one.
  Expected<std::int64_t> raiseRevision() const;
  // Runs `work(revision)` inside one immediate transaction and commits it.
  template <class Work>
  Expected<void> write(Work&& work) const {
    TRY_DO(requireWriting());
    TRY(transaction, sqlite::Transaction::begin(connection, sqlite::Transaction::Mode::immediate));
    TRY(revision, raiseRevision());
    TRY_DO(work(revision));
    pass(CommitPoint::changeMade);
    TRY_DO(transaction.commit());
    pass(CommitPoint::changeCommitted);
    return {};
  }
  // Marks an artifact's row as changed; a usage error when there is no such artifact.
  Expected<void> touch(const std::string& id, std::int64_t revision) const;
  // Rows that fulfil `where` (SQL over `artifact`), with names and makers.
  Expected<std::vector<Artifact>> artifacts(const std::string& where, sqlite::Arguments arguments = {}) const;
};

std::string utcNow();  // "2026-11-24T21:54:41Z"

}  // namespace moescope
