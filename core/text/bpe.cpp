// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/bpe.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <queue>
#include <unordered_map>

#include "core/text/byte_level.h"
#include "core/base/utf8.h"

namespace moescope {

namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

struct Merge {
  std::int32_t rank;
  std::int32_t made;
};

constexpr std::int32_t none = -1;
constexpr std::size_t cachedWords = 1 << 16;
constexpr std::size_t longestCached = 64;  // bytes; longer words seldom come again

std::uint64_t pairKey(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
}

// Open addressing over pairs: a word asks for every neighbouring pair, so this is the hot loop.
class MergeTable {
 public:
  void reserve(std::size_t merges) {
    std::size_t slots = 16;
    while (slots < merges * 2) slots *= 2;
    slots_.assign(slots, {emptyKey, {}});
  }
  bool insert(std::uint64_t key, Merge merge) {  // the first rank of a pair counts
    Slot& slot = find(key);
    if (slot.key == key) return false;
    slot = {key, merge};
    return true;
  }
  const Merge* at(std::uint64_t key) const {
    const Slot& slot = const_cast<MergeTable*>(this)->find(key);
    return slot.key == key ? &slot.merge : nullptr;
  }

 private:
  static constexpr std::uint64_t emptyKey = ~0ull;
  struct Slot {
    std::uint64_t key;
    Merge merge;
  };
  Slot& find(std::uint64_t key) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = (key * 0x9e3779b97f4a7c15ull >> 20) & mask;
    while (slots_[at].key != key && slots_[at].key != emptyKey) at = (at + 1) & mask;
    return slots_[at];
  }
  std::vector<Slot> slots_;
};

// One place of a word being merged; a linked list by index, so that a merge is constant work.
struct Symbol {
  std::int32_t id;
  std::int32_t previous, next;
};

struct Candidate {
  std::int32_t rank, at, left, right, made;
  bool operator>(const Candidate& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
};

}  // namespace

struct Bpe::State {
  bool byteLevel = false, byteFallback = false, ignoreMerges = false, fuseUnknown = false;
  std::string prefix, suffix;
  TextMap<std::int32_t> vocabulary;
  std::vector<std::string> pieces;
  std::vector<bool> fallback;
  std::array<std::int32_t, 256> ofByte{};          // byte-level: the id of each byte
  std::array<std::int32_t, 256> fallbackOfByte{};  // "<0xNN>"
  std::optional<std::int32_t> unknown;
  MergeTable merges;
  mutable std::mutex cacheLock;
  mutable TextMap<std::vector<std::int32_t>> cache;

  std::int32_t idOf(std::string_view piece) const {
    const auto found = vocabulary.find(piece);
    return found == vocabulary.end() ? none : found->second;
  }
  void start(std::string_view word, std::vector<std::int32_t>& ids) const;
  void startBytes(std::string_view word, std::vector<std::int32_t>& ids) const;
  void startCharacters(std::string_view word, std::vector<std::int32_t>& ids) const;
  void mergeShort(std::vector<std::int32_t>& ids) const;
  void mergeLong(std::vector<std::int32_t>& ids) const;
  void encodeWord(std::string_view word, std::vector<std::int32_t>& ids) const;
};

Bpe::Bpe(std::unique_ptr<State> state) : state_(std::move(state)) {}
Bpe::Bpe(Bpe&&) noexcept = default;
Bpe& Bpe::operator=(Bpe&&) noexcept = default;
Bpe::~Bpe() = default;

void Bpe::State::start(std::string_view word, std::vector<std::int32_t>& ids) const {
  if (byteLevel && prefix.empty() && suffix.empty()) startBytes(word, ids);
  else startCharacters(word, ids);
}

void Bpe::State::startBytes(std::string_view word, std::vector<std::int32_t>& ids) const {
  std::int32_t pending = none;
  for (char c : word) {
    const std::int32_t id = ofByte[static_cast<unsigned char>(c)];
    if (id != none) {
      if (pending != none) ids.push_back(std::exchange(pending, none));
      ids.push_back(id);
    } else if (unknown) {
      if (pending != none && !fuseUnknown) ids.push_back(pending);
      pending = *unknown;
    }
  }
  if (pending != none) ids.push_back(pending);
}

// Characters of the word as they stand in the vocabulary; an unknown one is spelled in bytes, or is the unknown token, or nothing.
void Bpe::State::startCharacters(std::string_view word, std::vector<std::int32_t>& ids) const {
  std::int32_t pending = none;
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t length = byteLevel ? 1 : utf8Length(word[at]);
    std::string_view character = word.substr(at, length);
    std::string decorated;
    if ((!prefix.empty() && at > 0) || (!suffix.empty() && at + length == word.size())) {
      if (at > 0) decorated = prefix;
      decorated += character;
      if (at + length == word.size()) decorated += suffix;
      character = decorated;
    }
    at += length;
    const std::int32_t id = idOf(character);
    if (id != none) {
      if (pending != none) ids.push_back(std::exchange(pending, none));
      ids.push_back(id);
      continue;
    }
    const auto spelled = [&](char c) { return fallbackOfByte[static_cast<unsigned char>(c)] != none; };
    if (byteFallback && std::all_of(character.begin(), character.end(), spelled)) {
      for (char c : character) ids.push_back(fallbackOfByte[static_cast<unsigned char>(c)]);
      continue;
    }
    if (!unknown) continue;
    if (pending != none && !fuseUnknown) ids.push_back(pending);
    pending = *unknown;
  }
  if (pending != none) ids.push_back(pending);
}

// Looks at all pairs for each merge: the fastest way for the dozen symbols of an ordinary word.
void Bpe::State::mergeShort(std::vector<std::int32_t>& ids) const {
  constexpr std::size_t longest = 32;
  std::array<Merge, longest> pair;  // of the symbol and its right neighbour
  std::size_t count = ids.size();
  const auto look = [&](std::size_t at) {
    const Merge* merge = at + 1 < count ? merges.at(pairKey(ids[at], ids[at + 1])) : nullptr;
    pair[at] = merge ? *merge : Merge{INT32_MAX, none};
  };
  for (std::size_t at = 0; at < count; ++at) look(at);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t at = 1; at + 1 < count; ++at)
      if (pair[at].rank < pair[best].rank) best = at;
    if (pair[best].rank == INT32_MAX) break;
    ids[best] = pair[best].made;
    std::copy(ids.begin() + static_cast<std::ptrdiff_t>(best) + 2, ids.begin() + static_cast<std::ptrdiff_t>(count),
              ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    std::copy(pair.begin() + best + 2, pair.begin() + count, pair.begin() + best + 1);
    --count;
    look(best);
    if (best > 0) look(best - 1);
  }
  ids.resize(count);
}

// A heap of candidates: a text without pre-tokens is one long word.
void Bpe::State::mergeLong(std::vector<std::int32_t>& ids) const {
  const auto count = static_cast<std::int32_t>(ids.size());
  std::vector<Symbol> symbols(ids.size());
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
  const auto look = [&](std::int32_t at) {
    const std::int32_t next = symbols[at].next;
    if (next < 0) return;
    if (const Merge* merge = merges.at(pairKey(symbols[at].id, symbols[next].id)))
      heap.push({merge->rank, at, symbols[at].id, symbols[next].id, merge->made});
  };
  for (std::int32_t at = 0; at < count; ++at) symbols[at] = {ids[at], at - 1, at + 1 < count ? at + 1 : -1};
  for (std::int32_t at = 0; at < count; ++at) look(at);
  while (!heap.empty()) {
    const Candidate best = heap.top();
    heap.pop();
    Symbol& left = symbols[best.at];
    if (left.id != best.left || left.next < 0 || symbols[left.next].id != best.right) continue;  // stale
    Symbol& right = symbols[left.next];
    right.id = none;  // gone
    left.id = best.made;
    left.next = right.next;
    if (left.next >= 0) symbols[left.next].previous = best.at;
    look(best.at);
    if (left.previous >= 0) look(left.previous);
  }
  ids.clear();
  for (std::int32_t at = 0; at >= 0 && at < count; at = symbols[at].next) ids.push_back(symbols[at].id);
}

void Bpe::State::encodeWord(std::string_view word, std::vector<std::int32_t>& ids) const {
  if (ignoreMerges) {
    const std::int32_t whole = idOf(word);
    if (whole != none) {
      ids.push_back(whole);
      return;
    }
  }
  std::vector<std::int32_t> symbols;
  start(word, symbols);
  if (symbols.size() <= 32) mergeShort(symbols);
  else mergeLong(symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

void Bpe::encode(std::string_view word, std::vector<std::int32_t>& ids) const {
  if (word.empty()) return;
  std::unique_lock lock(state_->cacheLock, std::defer_lock);
  if (word.size() > longestCached || !lock.try_lock()) return state_->encodeWord(word, ids);
  if (const auto found = state_->cache.find(word); found != state_->cache.end()) {
    ids.insert(ids.end(), found->second.begin(), found->second.end());
    return;
  }
  const std::size_t before = ids.size();
  state_->encodeWord(word, ids);
  if (state_->cache.size() >= cachedWords) state_->cache.clear();
  state_->cache.emplace(std::string(word), std::vector<std::int32_t>(ids.begin() + static_cast<std::ptrdiff_t>(before), ids.end()));
}

std::int64_t Bpe::size() const { return static_cast<std::int64_t>(state_->pieces.size()); }
std::string Bpe::bytes(std::int32_t id) const {
  return id >= 0 && id < size() ? state_->pieces[static_cast<std::size_t>(id)] : std::string();
}
bool Bpe::isByteFallback(std::int32_t id) const { return id >= 0 && id < size() && state_->fallback[static_cast<std::size_t>(id)]; }

namespace {

constexpr std::int64_t largestId = 1 << 24;

std::string fallbackPiece(int byte) {
  constexpr char digits[] = "0123456789ABCDEF";
  return std::string("<0x") + digits[byte >> 4] + digits[byte & 15] + ">";
}

// "a b" of older files, ["a","b"] of newer ones.
Expected<std::pair<std::string, std::string>> mergeParts(const Json& merge, std::size_t index) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
    return std::pair{merge[0].get<std::string>(), merge[1].get<std::string>()};
  if (merge.is_string()) {
    const std::string& line = merge.get_ref<const std::string&>();
    const std::size_t space = line.find(' ');
    if (space != std::string::npos && line.find(' ', space + 1) == std::string::npos)
      return std::pair{line.substr(0, space), line.substr(space + 1)};
  }
  return inputError("merge " + std::to_string(index) + " of the tokenizer is not a pair of pieces");
}

}  // namespace

Expected<Bpe> Bpe::load(const Json& model, bool byteLevel) {
  auto state = std::make_unique<State>();
  try {
    const auto textOf = [&](const char* key) { return model.value(key, Json()).is_string() ? model[key].get<std::string>() : std::string(); };
    state->byteLevel = byteLevel;
    state->byteFallback = model.value("byte_fallback", false);
    state->ignoreMerges = model.value("ignore_merges", false);
    state->fuseUnknown = model.value("fuse_unk", false);
    state->prefix = textOf("continuing_subword_prefix");
    state->suffix = textOf("end_of_word_suffix");
    if (model.value("dropout", Json()).is_number() && model["dropout"].get<double>() > 0)
      return inputError("the tokenizer's BPE has dropout, so its ids are random: set dropout to null");

    if (!model.at("vocab").is_object() || !model.at("merges").is_array())
      return inputError("the tokenizer's BPE model has no vocabulary or no list of merges");
    // The vocabulary as written, to find merges by; words are looked up in raw bytes.
    TextMap<std::int32_t> written;
    for (const auto& [piece, id] : model.at("vocab").items()) {
      if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() >= largestId)
        return inputError("the tokenizer's piece \"" + piece + "\" has an id that is no whole number from 0 to " + std::to_string(largestId));
      // A table of all ids is kept, and a single large one must not make it large.
      if (id.get<std::int64_t>() > 65536 + 4 * static_cast<std::int64_t>(model.at("vocab").size()))
        return inputError("the tokenizer's piece \"" + piece + "\" has an id far beyond the number of its pieces");
      const auto number = id.get<std::int32_t>();
      written.emplace(piece, number);
      if (static_cast<std::size_t>(number) >= state->pieces.size()) state->pieces.resize(static_cast<std::size_t>(number) + 1);
      const std::optional<std::string> raw = byteLevel ? bytesOfByteLevel(piece) : std::optional(piece);
      state->pieces[static_cast<std::size_t>(number)] = raw.value_or(piece);
      if (raw) state->vocabulary.emplace(*raw, number);
    }
    state->fallback.assign(state->pieces.size(), false);
    for (int byte = 0; byte < 256; ++byte) {
      const auto single = written.find(byteLevel ? byteLevelAlphabet()[static_cast<std::size_t>(byte)] : std::string());
      state->ofByte[static_cast<std::size_t>(byte)] = single == written.end() ? none : single->second;
      const auto spelled = written.find(fallbackPiece(byte));
      state->fallbackOfByte[static_cast<std::size_t>(byte)] = spelled == written.end() ? none : spelled->second;
      if (spelled != written.end() && state->byteFallback) {
        state->fallback[static_cast<std::size_t>(spelled->second)] = true;
        state->pieces[static_cast<std::size_t>(spelled->second)] = std::string(1, static_cast<char>(byte));
      }
    }
    if (const std::string unknown = textOf("unk_token"); !unknown.empty()) {
      const auto found = written.find(unknown);
      if (found != written.end()) state->unknown = found->second;
    }
    const Json& merges = model.at("merges");
    state->merges.reserve(merges.size());
    for (std::size_t index = 0; index < merges.size(); ++index) {
      TRY(parts, mergeParts(merges[index], index));
      const std::string& right = parts.second;
      const std::string tail = !state->prefix.empty() && right.starts_with(state->prefix) ? right.substr(state->prefix.size()) : right;
      const auto leftId = written.find(parts.first), rightId = written.find(right), made = written.find(parts.first + tail);
      if (leftId == written.end() || rightId == written.end() || made == written.end())
        return inputError("merge " + std::to_string(index) + " of the tokenizer (\"" + parts.first + "\" + \"" + right + "\") names a piece that its vocabulary lacks");
      state->merges.insert(pairKey(leftId->second, rightId->second), {static_cast<std::int32_t>(index), made->second});
    }
  } catch (const Json::exception& error) {
    return inputError(std::string("the tokenizer's BPE model is malformed: ") + error.what());
  }
  return Bpe(std::move(state));
}

}  // namespace moescope
