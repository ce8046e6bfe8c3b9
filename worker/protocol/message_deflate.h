// MessageDeflate: permessage-deflate (RFC 7692) of single messages. zlib's only door.
//
// Where no context is kept between messages, what a compressor needs (about 260 KiB, a decompressor
// 40 KiB) belongs to the worker, and a connection costs nothing while none of its messages is under
// way. A connection that keeps its contexts has two of its own: 301 KiB together with windows of 15
// bits, 49 KiB with 12, 17 KiB with 9.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tricorn {

// What a sender leaves off the end of each message, and a receiver puts back (RFC 7692 7.2.2).
inline constexpr std::string_view kMessageTail{"\x00\x00\xff\xff", 4};

// Of a context, as both sides agree on them; RFC 7692 allows 8, of which zlib's deflate makes no
// raw stream.
inline constexpr int kMinWindowBits = 9;
inline constexpr int kMaxWindowBits = 15;

enum class Inflated : uint8_t { kOk, kTooBig, kMalformed };

class Inflater {
 public:
  explicit Inflater(int window_bits = 15);  // 9..15: the client's at most
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  void reset();  // for another message
  // Appends what `bytes` inflate to. Stops as soon as `out` has more than `max_bytes`: kTooBig. In
  // any case `out` holds what came before the fault.
  Inflated feed(std::string_view bytes, std::string& out, uint64_t max_bytes);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

// Those that no message uses; a worker's.
class InflaterPool {
 public:
  std::unique_ptr<Inflater> take();
  void give_back(std::unique_ptr<Inflater> inflater);

 private:
  std::vector<std::unique_ptr<Inflater>> idle_;
};

class Deflater {
 public:
  explicit Deflater(int window_bits);  // 9..15
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // The whole message, without kMessageTail. keep_context: the next one may refer to it.
  std::string compress(std::string_view message, bool keep_context = false);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

// A compressor for each size of window, made when first asked for; a worker's.
class DeflaterSet {
 public:
  Deflater& get(int window_bits);

 private:
  std::vector<std::unique_ptr<Deflater>> by_bits_;
};

// All that the connections of a worker share; outlives them.
struct MessageCodecs {
  InflaterPool inflaters;
  DeflaterSet deflaters;
};

}  // namespace tricorn
