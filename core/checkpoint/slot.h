// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace moescope {

// A tensor on disk, or some of its rows, and the place of it in a parameter of the decoder. Every layout of checkpoints
// is such data: one expert a tensor; all experts of a layer in one, gate above up or their rows in turn, plain or
// transposed; queries, keys and values in one. Several slots may name one tensor, each another part.
//
// What is read is always one matrix (or vector) for one expert, or the whole of what has no experts. It lies in one
// piece on disk, and fills whole rows [firstRow, firstRow + rows()) of the parameter, or of that expert's matrix in it.
struct Slot {
  std::string name;                 // on disk
  std::vector<std::int64_t> shape;  // on disk, of the whole tensor
  std::string parameter;            // role in the decoder: "layers.3.query"
  std::int64_t expert = -1;         // the one expert of a stacked parameter [E,...] that the tensor holds; else -1
  std::int64_t firstRow = 0;
  std::int64_t experts = 0;  // > 0: the tensor holds this many experts of a stacked parameter, one after another
  // One expert's shape on disk; by default `shape`, without its first extent where there are experts.
  std::vector<std::int64_t> matrix = {};
  bool transposed = false;   // columns on disk are rows of the parameter
  bool interleaved = false;  // rows (after turning) alternate between gate and up, which the parameter keeps apart
  std::int64_t storedRow = 0, storedRows = 0;  // the rows on disk that are meant; 0 = all. Not with transposed.

  std::int64_t storedColumns() const;
  std::int64_t rows() const;     // of the parameter
  std::int64_t columns() const;  // of the parameter; 1 for a vector
  std::int64_t size() const { return rows() * columns(); }
  // The first number of what is meant, counted from the tensor's start. `expert` counts only where there are experts.
  std::int64_t first(std::int64_t expert) const;
  bool holds(std::int64_t other) const { return expert == other || other < experts; }
  // Row of the parameter, counted from firstRow, for a row on disk after turning.
  std::int64_t rowOf(std::int64_t stored) const;

 private:
  std::span<const std::int64_t> piece() const;
  std::int64_t pieceRows() const;
};

}  // namespace moescope
