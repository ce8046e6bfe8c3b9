// One request and its response, as the gateway sees them, whatever the protocol.
//
//   connection ──bytes──▶ Session ──on_request──▶ RequestHandler (gateway)
//                                 ──on_body…────▶ RequestSink    (gateway, one per exchange)
//   connection ◀──bytes── Session ◀──start, body── ResponseWriter (session, one per exchange)
//
// PURE: bytes in, bytes out; no syscall, no clock, no libuv, no Python. One thread.
//
// Life of an exchange: it begins with on_request and ends when the response is complete (its last
// part, with more = false, returned ok), when the gateway calls `abort`, or when the session calls
// `on_disconnect`. After its end neither side calls the other again: the writer is invalid for the
// gateway, the sink for the session. An exchange that becomes a WebSocket ends with its on_close:
// see websocket.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/output_queue.h"
#include "common/result.h"
#include "common/socket_address.h"
#include "worker/protocol/captured_fields.h"

namespace tricorn {

struct Header {
  std::string_view name;   // requests: as on the wire, any case; a non-empty token
  std::string_view value;  // without leading and trailing OWS
};

enum class HttpVersion : uint8_t { k10, k11, k2 };

// Who sent a request and how, as far as trusted proxies say so (forwarded.h).
struct RequestOrigin {
  SocketAddress client;       // not `known`: they do not say; port 0: they do not say the port
  std::optional<bool> https;  // nullopt: they do not say
};

// All views live for the call of on_request only.
struct RequestHead {
  std::string_view method;  // upper-case
  std::string_view target;  // origin form ("/p?q"), or "*"; absolute form is already reduced to it
  HttpVersion version = HttpVersion::k11;
  std::span<const Header> headers;  // in order, repeated fields repeated; Host first-class, as sent
  bool websocket_upgrade = false;   // a well-formed handshake: accept_websocket may be called
  const RequestOrigin* origin = nullptr;  // goes before ConnectionInfo; null: that is all
};

class WebSocketSink;    // websocket.h
class WebSocketWriter;  // likewise

class ResponseWriter {
 public:
  // An informational response before the final one (RFC 9110 15.2); a client of HTTP/1.0 is spared
  // it. Errors: already started, no 1xx or 101, CR/LF/NUL in a field.
  virtual Result<> inform(int status, std::span<const Header> headers) = 0;

  // `headers` and their bytes are used during the call only. Names as the app gave them; the
  // session drops transfer-encoding, honours content-length and connection: close, and adds date,
  // server and framing. `trailers`: `trailers` will be called after the body, and completes the
  // exchange in its stead. Errors (the app's fault, nothing was written): already started, not a
  // final status, CR/LF/NUL in a field, bad content-length.
  virtual Result<> start(int status, std::span<const Header> headers, bool trailers) = 0;

  // An owned chunk may be kept until it is sent. more = false ends the body, and with it the
  // exchange, unless trailers were announced. Errors, which do not end the exchange: not started or
  // ended already; longer than content-length (nothing of this chunk is written); with more =
  // false, shorter than content-length: the message cannot be completed any more, abort it.
  virtual Result<> body(Chunk chunk, bool more) = 0;

  // The same with a part of a file, which is not read before it is sent. It needs no descriptor
  // where body_room() has no value.
  virtual Result<> file(FileSlice file, bool more) = 0;

  // How much body may still come: none is sent at all (HEAD, 204, 304) when it has no value; what
  // the content-length leaves, or no limit. To be asked of a started response.
  virtual std::optional<uint64_t> body_room() const = 0;

  // Trailer fields (RFC 9110 6.5), sent if the client takes them and the framing allows, else
  // dropped. more = false completes the exchange. Errors (nothing was written): not announced,
  // before the body's end, CR/LF/NUL in a field, or one that may not be a trailer.
  virtual Result<> trailers(std::span<const Header> headers, bool more) = 0;

  // Takes back a started response of which nothing was sent: it is not started any more. False if
  // it is too late.
  virtual bool withdraw() = 0;

  // True while more than the high-water mark is unsent; RequestSink::on_writable follows once it is
  // drained.
  virtual bool congested() const = 0;

  // The app took `bytes` of request body; reading resumes when little is left. Call also for the
  // initial body.
  virtual void body_consumed(size_t bytes) = 0;

  // The app waits for body of which none has come: a client that sent Expect: 100-continue is told
  // to go on, and must send some in time.
  virtual void body_wanted() = 0;
  // It does not wait any more, without having got any.
  virtual void body_unwanted() = 0;

  // Turns the exchange into a WebSocket: answers 101. Only where RequestHead::websocket_upgrade is
  // true and the response is not started. From its success on this writer and the RequestSink are
  // not called again, nor is on_request's result used: `sink`, which lives until its on_close, and
  // the writer that is returned, valid as long, take their place. The sink is not called before
  // this returns and on_request has returned.
  // `subprotocol`: one of those that the client offered (sec-websocket-protocol, comma lists), ""
  // for none. `headers`: as start's. Errors (the app's fault, nothing was written): already
  // started, CR/LF/NUL in a field, a field that is the handshake's own (connection, upgrade,
  // content-length, transfer-encoding, sec-websocket-*), a subprotocol that is no token.
  virtual Result<WebSocketWriter*> accept_websocket(std::string_view subprotocol,
                                                    std::span<const Header> headers,
                                                    WebSocketSink& sink) = 0;

  // Ends the exchange badly: before start nothing was sent and the connection is closed; after
  // start the message is cut off without a terminator, so that the client sees it as incomplete.
  virtual void abort() = 0;

 protected:
  ~ResponseWriter() = default;
};

class RequestSink {
 public:
  // More of the request body; copy what you keep. `complete` with the last piece (which may be
  // empty).
  virtual void on_body(std::string_view bytes, bool complete) = 0;
  // The client half-closed after its whole request: it may still read, so the response goes on
  // (writer and sink stay).
  virtual void on_input_end() = 0;
  // Unsent output fell below the low-water mark.
  virtual void on_writable() = 0;
  // The client is gone (or the session gave up on it) before the response was complete.
  virtual void on_disconnect() = 0;

 protected:
  ~RequestSink() = default;
};

// Called from Session::on_input, on_input_end and resume only, never from inside a ResponseWriter
// call: the handler may run the app's first step at once.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  // `initial_body`: what has come of the body so far; `complete`: that is all of it. The response
  // may be finished when this returns; then the result is ignored. Never null otherwise: the sink
  // lives until the exchange ends.
  virtual RequestSink* on_request(const RequestHead& head, std::string_view initial_body,
                                  bool complete, ResponseWriter& writer) = 0;
};

// What a connection's requests have in common.
struct ConnectionInfo {
  SocketAddress client;
  SocketAddress server;  // our end, as the client addressed it
  bool tls = false;
};

class HandlerFactory {
 public:
  // Called once per accepted connection, which owns the handler; requests that still run when the
  // connection is gone do not need it.
  virtual std::unique_ptr<RequestHandler> make_handler(const ConnectionInfo& connection) = 0;

 protected:
  ~HandlerFactory() = default;
};

// Told once per exchange, when it ends; for the access log and the counters. Views live for the
// call.
struct ExchangeRecord {
  std::string_view method;  // "" if the request could not be read so far, or if nobody needs it
  std::string_view target;
  HttpVersion version = HttpVersion::k11;
  int status = 0;               // 0: nothing was sent; 101: a WebSocket, when it ends
  uint64_t response_bytes = 0;  // body bytes, or payload of messages, without framing
  bool aborted = false;
  const RequestOrigin* origin = nullptr;  // as in RequestHead
  bool refused = false;  // by the session: a wrong request, one too large or one that took too long
  TimePoint begun{};     // what on_exchange_begin returned
  const CapturedFields* fields = nullptr;  // null: RecordNeeds names none
};

class ExchangeObserver {
 public:
  // Returns the time that is to be in the record; TimePoint{} if nobody asks for it.
  virtual TimePoint on_exchange_begin() = 0;
  virtual void on_exchange_end(const ExchangeRecord& record) = 0;

 protected:
  ~ExchangeObserver() = default;
};

}  // namespace tricorn
