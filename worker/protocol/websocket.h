// One open WebSocket, as the gateway sees it (RFC 6455): whole messages in and out, and its end.
//
//   connection ──bytes──▶ Session ──on_message, on_close──▶ WebSocketSink   (gateway)
//   connection ◀──bytes── Session ◀──────send, close─────── WebSocketWriter (session)
//
// It begins as an exchange (exchange.h) whose RequestHead says websocket_upgrade. Until
// ResponseWriter::accept_websocket that is a request like any other, which `start` and `body` may
// deny. From then on its ResponseWriter and RequestSink are dead, and these two take their place.
//
// PURE, as exchange.h. The session calls the sink from Session calls only, never from inside a
// WebSocketWriter call; the sink may call the writer from inside of its own calls.
//
// The session alone answers pings, sends its own, echoes the client's Close, and ends a socket that
// breaks the protocol. The app sees none of it but the end: on_close, once. After that neither side
// calls the other again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/output_queue.h"
#include "common/result.h"
#include "worker/protocol/received_message.h"

namespace tricorn {

// Status codes of a Close (RFC 6455 7.4.1).
namespace close_code {
inline constexpr uint16_t kNormal = 1000;
inline constexpr uint16_t kProtocolError = 1002;
inline constexpr uint16_t kNoStatus = 1005;  // on_close only: the client's Close had no code
inline constexpr uint16_t kAbnormal = 1006;  // on_close only: the connection was lost
inline constexpr uint16_t kInvalidPayload = 1007;
inline constexpr uint16_t kTooBig = 1009;
inline constexpr uint16_t kInternalError = 1011;
inline constexpr uint16_t kServiceRestart = 1012;
}  // namespace close_code

class WebSocketSink {
 public:
  // `message` lives until the app runs, or the call ends. To be answered by
  // WebSocketWriter::consumed once the app has taken it. None comes after the gateway's own close.
  virtual void on_message(const ReceivedMessage& message) = 0;
  // The end, once. `code` and `reason` (valid UTF-8, at most 123 bytes, lives for the call) are the
  // client's (kNoStatus: it gave none); those that the session has sent when it ends the socket
  // itself: a breach of the protocol, no pong in time, the worker goes; or kAbnormal: the
  // connection is lost, or the client did not answer our Close in time.
  virtual void on_close(uint16_t code, std::string_view reason) = 0;
  // Unsent output fell below the low-water mark.
  virtual void on_writable() = 0;

 protected:
  ~WebSocketSink() = default;
};

class WebSocketWriter {
 public:
  // Queues one message; an owned chunk may be kept until it is sent. It may be sent although
  // congested(). `text`: that it is UTF-8 is the caller's promise. Error (nothing is queued): close
  // was called before.
  virtual Result<> send(Chunk data, bool text) = 0;

  // Begins the closing handshake: on_close follows with the client's answer, or after 10 s without
  // one. `code` (kNoStatus: the Close has none) is one that may be sent: 1000..1003, 1007..1014,
  // 3000..4999; `reason` is UTF-8. Errors (the app's fault, nothing is sent, the socket stays
  // open): another code, a reason of more than 123 bytes or without a code, close was called
  // before.
  virtual Result<> close(uint16_t code, std::string_view reason) = 0;

  // True while more than the high-water mark is unsent; WebSocketSink::on_writable follows once it
  // is drained.
  virtual bool congested() const = 0;

  // The app took one message, of this many bytes: to be called once for each that on_message has
  // brought. Reading pauses while too many bytes or messages (WebSocketSettings) were not taken.
  virtual void consumed(size_t bytes) = 0;

 protected:
  ~WebSocketWriter() = default;
};

}  // namespace tricorn
