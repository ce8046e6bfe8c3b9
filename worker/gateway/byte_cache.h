// ByteCache<Value>: a small direct-mapped cache from bytes to something derived from them, shared
// by all connections of a worker. Clients repeat themselves: the same paths, the same headers. A
// collision replaces the older entry.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "common/words.h"

namespace tricorn {

// Mixes eight bytes at a time; not for adversarial tables: a collision costs a miss, nothing more.
inline uint64_t hash_bytes(std::string_view bytes, uint64_t seed = 0) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15;
  uint64_t hash = seed ^ (bytes.size() * kMultiplier);
  for_each_word(bytes, [&hash](uint64_t word) {
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
    return true;
  });
  return hash ^ (hash >> 29);
}

template <class Value>
class ByteCache {
 public:
  // `slots` is a power of two; keys longer than `max_key_bytes` are never kept, which bounds the
  // cache's memory.
  ByteCache(size_t slots, size_t max_key_bytes) : entries_(slots), max_key_bytes_(max_key_bytes) {}

  // The entry of the two-part key, or null. The parts are compared exactly.
  Value* find(std::string_view first, std::string_view second = {}) {
    Entry& entry = slot(first, second);
    if (!entry.used || entry.first_size != first.size() ||
        entry.key.size() != first.size() + second.size()) {
      return nullptr;
    }
    const char* const key = entry.key.data();
    return is_same(key, first) && is_same(key + first.size(), second) ? &entry.value : nullptr;
  }

  // Keeps `value` if the key is short enough. The replaced value is destroyed.
  void put(std::string_view first, std::string_view second, Value value) {
    if (first.size() + second.size() > max_key_bytes_) return;
    Entry& entry = slot(first, second);
    entry.used = true;
    entry.first_size = first.size();
    entry.key.assign(first).append(second);
    entry.value = std::move(value);
  }

 private:
  struct Entry {
    bool used = false;
    size_t first_size = 0;
    std::string key;
    Value value;
  };

  static bool is_same(const char* key, std::string_view part) {
    return part.empty() || std::memcmp(key, part.data(), part.size()) == 0;
  }

  Entry& slot(std::string_view first, std::string_view second) {
    return entries_[hash_bytes(second, hash_bytes(first)) & (entries_.size() - 1)];
  }

  std::vector<Entry> entries_;
  size_t max_key_bytes_;
};

}  // namespace tricorn
