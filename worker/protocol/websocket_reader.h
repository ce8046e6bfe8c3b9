// WebSocketReader: cuts a client's byte stream into messages and control frames (RFC 6455 5).
//
// Bytes in, one event at a time out; what comes out does not depend on how the bytes were cut. A
// message that may not be delivered, be it too long or no UTF-8, is a fault at the first byte that
// makes it so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "worker/protocol/message_deflate.h"
#include "worker/protocol/received_message.h"
#include "worker/protocol/utf8_validator.h"
#include "worker/protocol/websocket_frame.h"

namespace tricorn {

class WebSocketReader {
 public:
  enum class Event : uint8_t { kNone, kMessage, kPing, kPong, kClose, kFault };

  // `max_message_bytes`: of a message as the app gets it. `inflaters`: compressed messages are
  // taken; null: they are a fault. Outlives the reader. `kept_window_bits`: they may refer to those
  // before them, of which this reader keeps a window; 0: each stands for itself.
  WebSocketReader(uint64_t max_message_bytes, InflaterPool* inflaters, int kept_window_bits)
      : max_message_bytes_(max_message_bytes),
        inflaters_(inflaters),
        kept_window_bits_(kept_window_bits) {}
  ~WebSocketReader();
  WebSocketReader(const WebSocketReader&) = delete;
  WebSocketReader& operator=(const WebSocketReader&) = delete;

  // Takes bytes up to the end of one event at most and returns how many, at least one. Not to be
  // called after kFault.
  size_t feed(std::string_view bytes);

  // After kMessage, before the next feed: what the message took is given back.
  void release();

  // What the last feed completed; all that belongs to it is valid until the next one (of any reader
  // in the thread), or release, and as long as the bytes that were fed.
  Event event() const { return event_; }
  const ReceivedMessage& message() const { return received_; }  // kMessage
  std::string_view payload() const { return payload_; }         // kPing, kPong, kClose
  // kFault: how the socket is to be closed.
  uint16_t code() const { return code_; }
  const char* fault() const { return fault_; }

 private:
  size_t feed_header(std::string_view bytes);
  size_t feed_payload(std::string_view bytes);
  void begin_frame();
  void begin_message();
  void take_inflater();
  bool is_whole_message(size_t size) const;
  void take_whole_message(std::string_view bytes);
  void take_piece(std::string_view bytes);
  void inflate_piece(std::string_view bytes);
  void inflate(std::string_view bytes);
  void check_text(size_t from, bool ascii);
  void end_frame();
  void end_pieces();
  MessageKind kind() const;
  void end_message(const ReceivedMessage& message);
  void fail(uint16_t code, const char* fault);

  const uint64_t max_message_bytes_;
  InflaterPool* const inflaters_;
  const int kept_window_bits_;

  Event event_ = Event::kNone;
  ReceivedMessage received_;
  std::string_view payload_;
  uint16_t code_ = 0;
  const char* fault_ = nullptr;

  // The frame.
  std::array<char, kMaxFrameHeader> header_bytes_;  // of a header that came in pieces
  uint8_t header_size_ = 0;
  bool in_frame_ = false;  // its header is complete
  FrameHeader header_;
  uint64_t taken_ = 0;  // of its payload
  std::array<char, kMaxControlPayload> control_;

  // The message, while it is open or just delivered.
  bool in_message_ = false;
  bool text_ = false;
  bool ascii_ = false;  // so far
  Utf8Validator utf8_;
  std::string message_;
  bool compressed_ = false;
  std::unique_ptr<Inflater> inflater_;  // of a compressed message, or kept
};

}  // namespace tricorn
