// Session: the protocol state of one connection. Bytes in, bytes out; HTTP/1 and what it upgrades
// to now, HTTP/2 behind it later.
//
// PURE, as exchange.h. The connection calls it from I/O callbacks and from the loop's end-of-turn
// hook, never from inside a ResponseWriter call; output gathers in `output()` until the connection
// writes it.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/output_queue.h"

namespace tricorn {

// What the session wants from its connection; asked after every call.
enum class SessionPhase : uint8_t {
  kIdle,  // between requests: keep-alive timeout applies (header timeout before the first request)
  kReadingHead,        // a head has begun: header timeout, not re-armed by further bytes
  kServing,            // an exchange is open: no timeout of ours
  kAwaitingBody,       // likewise, and the app waits for more of the body: body timeout
  kSocketOpen,         // a WebSocket: ping interval
  kAwaitingPong,       // likewise, and our ping is not answered: ping timeout
  kAwaitingCloseEcho,  // our Close was sent, the client's has not come: a fixed time
  kClosing,  // write output(), then half-close, discard input for a while (lingering close), close
  kAborted,  // reset now: what was sent must not look whole; what is unsent is lost
};

// Wakes the connection when an app acted on an exchange outside of a Session call. May be called
// any number of times; the connection then calls `resume` and writes `output()` at the end of the
// loop's turn. Also called at the end of a Session call that leaves a response head open or input
// held back.
class SessionWaker {
 public:
  virtual void session_needs_turn() = 0;

 protected:
  ~SessionWaker() = default;
};

class Session {
 public:
  virtual ~Session() = default;

  virtual void on_input(std::string_view bytes) = 0;
  virtual void on_input_end() = 0;   // the client half-closed: an open exchange is still answered
  virtual void on_disconnect() = 0;  // reset or write error: the open exchange gets on_disconnect
  virtual void
  on_output_sent() = 0;  // output() shrank: releases a waiting sender below the low-water mark
  // The timeout that the phase asked for has passed: 408 for a begun head or a body that stopped
  // coming, silent close when idle; a ping, or the end, of a WebSocket.
  virtual void on_timeout() = 0;
  // End-of-turn: parse input that was held back behind a response, close an open response head.
  virtual void resume() = 0;
  // From now on every response says connection: close. `close_idle`: with no exchange open and no
  // request begun, close now. A WebSocket gets its Close (1012) at once.
  virtual void begin_drain(bool close_idle) = 0;
  // The process is about to die, in the middle of whatever it does: tells the observer of an open
  // exchange, as of one that the server has failed (500, unless its response has begun). The app is
  // told nothing, and nothing is called after it.
  virtual void report_unfinished() = 0;

  virtual SessionPhase phase() const = 0;
  // kClosing at the client's own wish: it has sent all that it will, as far as bytes have come.
  virtual bool client_is_done() const = 0;
  virtual bool wants_input()
      const = 0;  // false: stop reading (body backpressure, pipelined requests held back)
  virtual bool output_ready()
      const = 0;  // output() holds something worth a write now (not only an open head)
  virtual OutputQueue& output() = 0;
};

}  // namespace tricorn
