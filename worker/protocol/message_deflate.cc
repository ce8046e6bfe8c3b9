// MessageDeflate: zlib's raw streams.
#include "worker/protocol/message_deflate.h"

#include <zlib.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>

namespace tricorn {
namespace {

constexpr int kLevel = 1;  // speed: what 6 saves in bytes it costs several times in time
// Grown by as much: a bomb is seen before it takes more memory than that.
constexpr size_t kInflateStep = 16 * 1024;
constexpr size_t kIdleInflaters = 16;

// zlib promises not to write through next_in.
Bytef* input_of(std::string_view bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

void must(int result) {
  if (result != Z_OK) std::abort();  // out of memory, the only reason left: as operator new ends
}

}  // namespace

struct Inflater::Stream : z_stream {};

Inflater::Inflater(int window_bits) : stream_(std::make_unique<Stream>()) {
  assert(window_bits >= kMinWindowBits && window_bits <= kMaxWindowBits);
  must(inflateInit2(stream_.get(), -window_bits));
}

Inflater::~Inflater() { inflateEnd(stream_.get()); }

void Inflater::reset() { inflateReset(stream_.get()); }

Inflated Inflater::feed(std::string_view bytes, std::string& out, uint64_t max_bytes) {
  Stream& stream = *stream_;
  stream.next_in = input_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  for (;;) {
    const size_t before = out.size();
    const uint64_t room = max_bytes + 1 - before;  // one more: to see that it is too big
    const auto step = static_cast<size_t>(std::min<uint64_t>(room, kInflateStep));
    int result = Z_OK;
    out.resize_and_overwrite(before + step, [&](char* buffer, size_t) {
      stream.next_out = reinterpret_cast<Bytef*>(buffer + before);
      stream.avail_out = static_cast<uInt>(step);
      result = ::inflate(&stream, Z_SYNC_FLUSH);
      return before + step - stream.avail_out;
    });
    if (out.size() > max_bytes) return Inflated::kTooBig;
    if (result == Z_STREAM_END) {  // a block that says it is the last: others may follow all the
      inflateReset(&stream);       // same (RFC 7692 7.2.3.4)
      if (stream.avail_in == 0) return Inflated::kOk;
      continue;
    }
    if (result == Z_BUF_ERROR) return Inflated::kOk;  // nothing more can be made of the input
    if (result != Z_OK) return Inflated::kMalformed;
    if (stream.avail_in == 0 && stream.avail_out != 0) return Inflated::kOk;
  }
}

std::unique_ptr<Inflater> InflaterPool::take() {
  if (idle_.empty()) return std::make_unique<Inflater>();
  auto inflater = std::move(idle_.back());
  idle_.pop_back();
  return inflater;
}

void InflaterPool::give_back(std::unique_ptr<Inflater> inflater) {
  if (idle_.size() == kIdleInflaters) return;
  inflater->reset();
  idle_.push_back(std::move(inflater));
}

struct Deflater::Stream : z_stream {};

Deflater::Deflater(int window_bits) : stream_(std::make_unique<Stream>()) {
  assert(window_bits >= kMinWindowBits && window_bits <= kMaxWindowBits);
  const int memory_level = window_bits - 7;  // its hash table is as large as its window then
  must(deflateInit2(stream_.get(), kLevel, Z_DEFLATED, -window_bits, memory_level,
                    Z_DEFAULT_STRATEGY));
}

Deflater::~Deflater() { deflateEnd(stream_.get()); }

std::string Deflater::compress(std::string_view message, bool keep_context) {
  Stream& stream = *stream_;
  std::string out;
  // Sized for the worst case and an empty block at the end: one call does it.
  const size_t bound = deflateBound(&stream, message.size()) + 16;
  out.resize_and_overwrite(bound, [&](char* buffer, size_t) {
    stream.next_in = input_of(message);
    stream.avail_in = static_cast<uInt>(message.size());
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = static_cast<uInt>(bound);
    const int result = ::deflate(&stream, Z_SYNC_FLUSH);
    assert(result == Z_OK && stream.avail_in == 0 && stream.avail_out != 0);
    static_cast<void>(result);
    return bound - stream.avail_out;
  });
  if (!keep_context) deflateReset(&stream);
  assert(std::string_view(out).ends_with(kMessageTail));
  out.resize(out.size() - kMessageTail.size());
  return out;
}

Deflater& DeflaterSet::get(int window_bits) {
  by_bits_.resize(kMaxWindowBits + 1);
  auto& deflater = by_bits_[static_cast<size_t>(window_bits)];
  if (!deflater) deflater = std::make_unique<Deflater>(window_bits);
  return *deflater;
}

}  // namespace tricorn
