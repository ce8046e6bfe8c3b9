// WebSocketOutput: the app's side of WebSocketSession.
#include <cassert>
#include <utility>

#include "worker/protocol/websocket_close.h"
#include "worker/protocol/websocket_session.h"

namespace tricorn {
namespace {

// zlib counts no further in one go.
constexpr size_t kCompressUpTo = size_t{1} << 30;

constexpr const char* kClosed = "the websocket is closing: its close has been sent";

}  // namespace

Result<> WebSocketSession::send(Chunk data, bool text) {
  assert(sink_ != nullptr);
  if (close_sent_) return fail(kClosed);
  const size_t size = data.bytes().size();
  const Opcode opcode = text ? Opcode::kText : Opcode::kBinary;
  payload_sent_ += size;
  if (!send_compressed(data.bytes(), opcode)) {
    char header[kMaxFrameHeader];
    const char* const end = write_frame_header(header, opcode, false, size);
    output_.append(std::string_view(header, static_cast<size_t>(end - header)));
    output_.append(std::move(data));
  }
  writable_due_ |= congested();
  wake();
  return {};
}

bool WebSocketSession::send_compressed(std::string_view data, Opcode opcode) {
  if (!deflate_ || data.size() < context_.settings.websocket.deflate.threshold_bytes ||
      data.size() > kCompressUpTo) {
    return false;
  }
  const bool keeps = deflate_->server_keeps_context;
  const std::string packed = deflater().compress(data, keeps);
  if (!keeps && packed.size() >= data.size()) return false;  // kept: the client has to know it, too
  char header[kMaxFrameHeader];
  const char* const end = write_frame_header(header, opcode, true, packed.size());
  output_.append(std::string_view(header, static_cast<size_t>(end - header)));
  output_.append(packed);
  return true;
}

Deflater& WebSocketSession::deflater() {
  const int bits = deflate_->server_window_bits;
  if (!deflate_->server_keeps_context) return context_.codecs->deflaters.get(bits);
  if (!own_deflater_) own_deflater_ = std::make_unique<Deflater>(bits);
  return *own_deflater_;
}

Result<> WebSocketSession::close(uint16_t code, std::string_view reason) {
  assert(sink_ != nullptr);
  if (close_sent_) return fail(kClosed);
  const bool empty = code == close_code::kNoStatus;
  if (!empty && !may_be_sent(code)) {
    return fail("close code " + std::to_string(code) + " may not be sent");
  }
  if (reason.size() > kMaxCloseReason) return fail("close reason of more than 123 bytes");
  if (empty && !reason.empty()) return fail("close reason without a code");
  send_close(code, reason);
  wake();
  return {};
}

bool WebSocketSession::congested() const {
  return output_.size() > context_.settings.write_high_water_bytes;
}

void WebSocketSession::consumed(size_t bytes) {
  assert(untaken_messages_ > 0 && untaken_bytes_ >= bytes);
  const bool could_read = may_read();
  untaken_bytes_ -= bytes;
  --untaken_messages_;
  if (!could_read && may_read()) wake();
}

void WebSocketSession::send_frame(Opcode opcode, std::string_view payload) {
  char header[kMaxFrameHeader];
  const char* const end = write_frame_header(header, opcode, false, payload.size());
  output_.append(std::string_view(header, static_cast<size_t>(end - header)));
  output_.append(payload);
}

void WebSocketSession::send_close(uint16_t code, std::string_view reason) {
  send_frame(Opcode::kClose, make_close(code, reason));
  close_sent_ = true;
}

// Fails the connection (RFC 6455 7.1.7): what the client sends from here on is not looked at. After
// our own Close there is nothing more to say.
void WebSocketSession::fail_socket(uint16_t code, std::string_view reason) {
  end_ = End::kClosing;
  if (close_sent_) return end(close_code::kAbnormal, {});
  send_close(code, reason);
  end(code, reason);
}

void WebSocketSession::end(uint16_t code, std::string_view reason) {
  if (sink_ == nullptr) return;
  lost_ = code == close_code::kAbnormal;
  std::exchange(sink_, nullptr)->on_close(code, reason);
}

// Inside of a turn the connection looks after what has changed by itself.
void WebSocketSession::wake() {
  if (!in_turn_) waker_.session_needs_turn();
}

}  // namespace tricorn
