// MessageDeflate: there and back, every window, bombs and rubbish.
#include "worker/protocol/message_deflate.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace tricorn {
namespace {

constexpr uint64_t kNoLimit = uint64_t{1} << 40;

std::string inflated(std::string_view packed, size_t piece = 0) {
  Inflater inflater;
  std::string out;
  const std::string whole = std::string(packed).append(kMessageTail);
  if (piece == 0) piece = whole.size();
  for (size_t at = 0; at < whole.size(); at += piece) {
    EXPECT_EQ(inflater.feed(std::string_view(whole).substr(at, piece), out, kNoLimit),
              Inflated::kOk);
  }
  return out;
}

std::string noise(size_t size) {
  std::mt19937 random(7);
  std::string bytes;
  while (bytes.size() < size) bytes += static_cast<char>(random());
  return bytes;
}

TEST(MessageDeflate, EveryWindowThereAndBack) {
  const std::string messages[] = {"", "a", std::string(100'000, 'x'), noise(100'000),
                                  noise(40'000) + noise(40'000)};
  for (int bits = 9; bits <= 15; ++bits) {
    Deflater deflater(bits);
    for (const std::string& message : messages) {
      const std::string packed = deflater.compress(message);
      EXPECT_EQ(inflated(packed), message) << bits;
      EXPECT_EQ(inflated(packed, 997), message) << bits;
      EXPECT_EQ(deflater.compress(message), packed) << "a context was kept";
    }
  }
}

// RFC 7692 7.2.3: its own examples of "Hello".
TEST(MessageDeflate, TakesTheExamplesOfTheRfc) {
  EXPECT_EQ(inflated(std::string("\xf2\x48\xcd\xc9\xc9\x07\x00", 7)), "Hello");
  EXPECT_EQ(inflated(std::string("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11)), "Hello");
  EXPECT_EQ(inflated(std::string("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8)), "Hello");  // BFINAL
  EXPECT_EQ(inflated(std::string("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13)),
            "Hello");
  EXPECT_EQ(inflated(std::string("\x00", 1)), "");
}

TEST(MessageDeflate, ABombIsFoundAfterOneStep) {
  const std::string bomb = Deflater(15).compress(std::string(100'000'000, 'x'));
  ASSERT_LT(bomb.size(), 1'000'000u);
  Inflater inflater;
  std::string out;
  EXPECT_EQ(inflater.feed(bomb, out, 1000), Inflated::kTooBig);
  EXPECT_EQ(out.size(), 1001u);
  EXPECT_LT(out.capacity(), 100'000u);
}

TEST(MessageDeflate, ExactlyTheLimitIsNotTooBig) {
  const std::string message = noise(5000);
  const std::string packed = Deflater(15).compress(message).append(kMessageTail);
  for (const uint64_t limit : {4999, 5000, 5001}) {
    Inflater inflater;
    std::string out;
    EXPECT_EQ(inflater.feed(packed, out, limit), limit < 5000 ? Inflated::kTooBig : Inflated::kOk);
  }
}

TEST(MessageDeflate, RubbishIsMalformedAndForgottenByReset) {
  Inflater inflater;
  std::string out;
  EXPECT_EQ(inflater.feed("\xff\xff\xff\xff", out, kNoLimit), Inflated::kMalformed);
  inflater.reset();
  out.clear();
  const std::string packed = Deflater(15).compress("hello").append(kMessageTail);
  EXPECT_EQ(inflater.feed(packed, out, kNoLimit), Inflated::kOk);
  EXPECT_EQ(out, "hello");
}

TEST(MessageDeflate, ThePoolGivesBackWhatItTook) {
  InflaterPool pool;
  auto first = pool.take();
  Inflater* const address = first.get();
  std::string out;
  EXPECT_EQ(first->feed("\xf2\x48\xcd", out, kNoLimit), Inflated::kOk);
  pool.give_back(std::move(first));
  auto again = pool.take();
  EXPECT_EQ(again.get(), address);
  out.clear();
  EXPECT_EQ(again->feed(std::string("\xf2\x48\xcd\xc9\xc9\x07\x00", 7).append(kMessageTail), out,
                        kNoLimit),
            Inflated::kOk);
  EXPECT_EQ(out, "Hello");
}

}  // namespace
}  // namespace tricorn
