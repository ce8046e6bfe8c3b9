// Tests of the byte cache: exact keys, bounded keys, replacement.
#include "worker/gateway/byte_cache.h"

#include <gtest/gtest.h>

#include <memory>

namespace tricorn {
namespace {

TEST(ByteCache, FindsWhatWasPut) {
  ByteCache<int> cache(64, 32);
  EXPECT_EQ(cache.find("a"), nullptr);
  cache.put("a", {}, 1);
  ASSERT_NE(cache.find("a"), nullptr);
  EXPECT_EQ(*cache.find("a"), 1);
}

TEST(ByteCache, KeepsTheTwoPartsApart) {
  ByteCache<int> cache(1, 32);  // one slot: every key collides
  cache.put("ab", "c", 1);
  EXPECT_EQ(cache.find("a", "bc"), nullptr);
  EXPECT_EQ(cache.find("abc"), nullptr);
  ASSERT_NE(cache.find("ab", "c"), nullptr);
}

TEST(ByteCache, ReplacesOnCollisionAndDestroysTheOldValue) {
  ByteCache<std::shared_ptr<int>> cache(1, 32);
  auto first = std::make_shared<int>(1);
  cache.put("first", {}, first);
  EXPECT_EQ(first.use_count(), 2);
  cache.put("second", {}, std::make_shared<int>(2));
  EXPECT_EQ(first.use_count(), 1);
  EXPECT_EQ(cache.find("first"), nullptr);
}

TEST(ByteCache, RefusesLongKeys) {
  ByteCache<int> cache(64, 4);
  cache.put("12345", {}, 1);
  EXPECT_EQ(cache.find("12345"), nullptr);
  cache.put("12", "34", 2);
  EXPECT_NE(cache.find("12", "34"), nullptr);
}

TEST(HashBytes, DependsOnEveryByte) {
  std::string text = "0123456789abcdef01234";
  uint64_t whole = hash_bytes(text);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] ^= 1;
    EXPECT_NE(hash_bytes(changed), whole) << "byte " << i;
  }
}

}  // namespace
}  // namespace tricorn
