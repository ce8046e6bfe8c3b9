// WebSocketHarness: a session with an open WebSocket and a recording app, for tests and the
// fuzzers.
//
// The client's frames are made here; what the app saw and what the client got is text, so that two
// runs can be compared.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "worker/protocol/http1_session.h"
#include "worker/protocol/message_deflate.h"
#include "worker/protocol/session_io.h"
#include "worker/protocol/websocket.h"
#include "worker/protocol/websocket_frame.h"

namespace tricorn {

// --- A client's frames

struct ClientFrame {
  uint8_t first = 0x81;  // FIN, RSV, opcode
  std::string payload;
  MaskKey key{'\x37', '\xfa', '\x21', '\x3d'};
};

inline std::string to_bytes(const ClientFrame& frame) {
  char header[kMaxFrameHeader];
  char* end = write_frame_header(header, Opcode::kText, false, frame.payload.size());
  header[0] = static_cast<char>(frame.first);
  header[1] = static_cast<char>(header[1] | 0x80);
  std::string bytes(header, static_cast<size_t>(end - header));
  bytes.append(frame.key.data(), frame.key.size());
  for (size_t i = 0; i < frame.payload.size(); ++i) {
    bytes += static_cast<char>(frame.payload[i] ^ frame.key[i % 4]);
  }
  return bytes;
}
inline std::string client_frame(uint8_t first, std::string_view payload) {
  return to_bytes({.first = first, .payload = std::string(payload)});
}
inline std::string text(std::string_view payload) { return client_frame(0x81, payload); }
inline std::string binary(std::string_view payload) { return client_frame(0x82, payload); }
inline std::string ping(std::string_view payload) { return client_frame(0x89, payload); }
inline std::string pong(std::string_view payload) { return client_frame(0x8A, payload); }
inline std::string close_frame(uint16_t code, std::string_view reason = {}) {
  const std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  return client_frame(0x88, payload + std::string(reason));
}

// --- A server's frames

// "text {hi}", "close 1000 {bye}", one a line; long payloads by their size. "?": no frame.
inline std::string shown_payload(std::string_view payload) {
  if (payload.size() <= 80) return "{" + std::string(payload) + "}";
  return "{" + std::to_string(payload.size()) + " bytes}";
}
inline std::string shown_close(std::string_view payload) {
  if (payload.empty()) return "close {}";
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(payload[i]); };
  const int code = payload.size() < 2 ? -1 : byte(0) << 8 | byte(1);
  return "close " + std::to_string(code) + " {" + std::string(payload.substr(2)) + "}";
}
inline std::string shown_frames(std::string_view bytes) {
  constexpr std::string_view kNames[] = {"continuation", "text", "binary", "", "", "", "", "",
                                         "close",        "ping", "pong"};
  std::string shown;
  while (bytes.size() >= 2) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
    const size_t opcode = byte(0) & 15;
    size_t length = byte(1);
    size_t header = 2;
    if (length >= 126) {
      header += length == 126 ? 2 : 8;
      length = 0;
      for (size_t i = 2; i < header; ++i) length = length << 8 | byte(i);
    }
    if ((byte(0) & 0x80) == 0 || opcode > 10 || bytes.size() < header + length) break;
    const std::string_view payload = bytes.substr(header, length);
    if (opcode == 8) {
      shown += shown_close(payload);
    } else {
      shown += std::string(kNames[opcode]) + ((byte(0) & 0x40) != 0 ? "+deflate " : " ") +
               shown_payload(payload);
    }
    shown += "\n";
    bytes.remove_prefix(header + length);
  }
  return bytes.empty() ? shown : shown + "?\n";
}

// --- The app

class WebSocketHarness final : public RequestHandler,
                               public RequestSink,
                               public WebSocketSink,
                               public SessionWaker,
                               public ExchangeObserver {
 public:
  static constexpr std::string_view kHandshake =
      "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

  explicit WebSocketHarness(HttpSettings http_settings = {}) : settings(std::move(http_settings)) {
    session = make_http1_session(context, *this, *this, this);
  }

  // The opening handshake, with `fields` ("Name: value\r\n") in the request; the answer is dropped.
  void open(std::string_view fields = {}) {
    input(std::string(kHandshake).append(fields).append("\r\n"));
    answer = sent();
  }

  // Feeds `bytes` in pieces of `piece` bytes (0: whole), as a connection would.
  void input(std::string_view bytes, size_t piece = 0) {
    in_pieces(bytes, piece, [this](std::string_view fed) {
      session->on_input(fed);
      end_turn();
    });
  }
  void end_turn() {
    while (std::exchange(needs_turn, false)) session->resume();
  }

  std::string sent() { return take_output(*session); }
  std::string frames() { return shown_frames(sent()); }

  HttpSettings settings;
  std::string date = "Sun, 22 Nov 2026 12:00:00 GMT";
  RecordNeeds needs;
  MessageCodecs codecs;
  Http1Context context{settings, date, needs, &codecs};

  // What the app does.
  std::function<void(WebSocketHarness&)> on_handshake = [](WebSocketHarness& app) { app.accept(); };
  std::function<void(WebSocketHarness&, std::string_view, bool)> on_data =
      [](WebSocketHarness& app, std::string_view data, bool is_text) {
        app.socket->consumed(data.size());
        if (app.echoes) static_cast<void>(app.socket->send(Chunk::borrowed(data), is_text));
      };
  bool echoes = true;
  Result<WebSocketWriter*> accept(std::string_view subprotocol = {},
                                  std::span<const Header> headers = {}) {
    auto accepted = writer->accept_websocket(subprotocol, headers, *this);
    if (accepted) socket = *accepted;
    return accepted;
  }

  std::string answer;  // to the handshake
  bool upgrade = false;
  std::string log;      // messages and the end, one a line
  std::string records;  // "101 12", "101 12 aborted": status, bytes
  int writable_calls = 0;
  int input_ends = 0;
  int disconnects = 0;
  bool needs_turn = false;
  ResponseWriter* writer = nullptr;
  WebSocketWriter* socket = nullptr;
  std::unique_ptr<Session> session;

 private:
  RequestSink* on_request(const RequestHead& head, std::string_view, bool,
                          ResponseWriter& response_writer) override {
    writer = &response_writer;
    upgrade = head.websocket_upgrade;
    on_handshake(*this);
    return this;
  }
  void on_body(std::string_view, bool) override {}
  void on_input_end() override { ++input_ends; }
  void on_disconnect() override { ++disconnects; }
  void on_message(const ReceivedMessage& message) override {
    const std::string data = message.copy();
    const bool has_other = std::ranges::any_of(data, [](char c) { return (c & 0x80) != 0; });
    if (message.kind() == MessageKind::kAscii && has_other) log += "wrongly called ASCII: ";
    log += (message.is_text() ? "text " : "binary ") + shown_payload(data) + "\n";
    on_data(*this, data, message.is_text());
  }
  void on_close(uint16_t code, std::string_view reason) override {
    log += "closed " + std::to_string(code) + " {" + std::string(reason) + "}\n";
    socket = nullptr;
  }
  void on_writable() override { ++writable_calls; }
  void session_needs_turn() override { needs_turn = true; }
  TimePoint on_exchange_begin() override { return {}; }
  void on_exchange_end(const ExchangeRecord& record) override {
    records += std::string(record.method) + std::string(record.target) + " " +
               std::to_string(record.status) + " " + std::to_string(record.response_bytes) +
               (record.aborted ? " aborted\n" : "\n");
  }
};

}  // namespace tricorn
