// WebSocketSession: an open WebSocket on a connection, behind the border of websocket.h (RFC 6455).
//
// It takes a connection over after the handshake: Http1Session hands it every later call. Framing
// is websocket_reader's and websocket_frame's; here is what a socket does: messages up to the app
// and down to the output, pings, backpressure, and every way in which it ends.
//
//   websocket_session.cc   the client's side: bytes in, timeouts
//   websocket_output.cc    the app's side: frames out, close
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "worker/protocol/http1_session.h"
#include "worker/protocol/message_deflate.h"
#include "worker/protocol/session.h"
#include "worker/protocol/websocket.h"
#include "worker/protocol/websocket_deflate.h"
#include "worker/protocol/websocket_reader.h"

namespace tricorn {

class WebSocketSession final : public Session, public WebSocketWriter {
 public:
  // `context`, `output`, `waker` and `sink` outlive the session; `sink` until its on_close.
  // `deflate`: agreed on; only with codecs in the context.
  WebSocketSession(const Http1Context& context, OutputQueue& output, SessionWaker& waker,
                   WebSocketSink& sink, const std::optional<DeflateAgreement>& deflate);

  bool ended() const { return sink_ == nullptr; }          // on_close was called
  bool lost() const { return lost_; }                      // and told of kAbnormal
  uint64_t payload_sent() const { return payload_sent_; }  // of messages, before compression

  // Session
  void on_input(std::string_view bytes) override;
  void on_input_end() override;
  void on_disconnect() override;
  void on_output_sent() override;
  void on_timeout() override;
  void resume() override;
  // Sends 1012. When a drain was begun before, `close_idle` gives up on the client's answer.
  void begin_drain(bool close_idle) override;
  void report_unfinished() override {}  // the exchange is its owner's
  SessionPhase phase() const override;
  bool client_is_done() const override { return client_closed_ && !stray_input_; }
  bool wants_input() const override;
  bool output_ready() const override { return !output_.empty(); }
  OutputQueue& output() override { return output_; }

  // WebSocketWriter
  Result<> send(Chunk data, bool text) override;
  Result<> close(uint16_t code, std::string_view reason) override;
  bool congested() const override;
  void consumed(size_t bytes) override;

 private:
  enum class End : uint8_t { kOpen, kClosing, kAborted };
  class Turn;  // a call into the session: the connection asks for what has changed when it returns

  bool may_read() const;
  size_t read(std::string_view bytes);
  void read_held();
  void take_event();
  void take_message();
  void take_ping();
  void take_close();
  void end_input();

  void send_frame(Opcode opcode, std::string_view payload);
  bool send_compressed(std::string_view data, Opcode opcode);
  Deflater& deflater();
  void send_close(uint16_t code, std::string_view reason);
  void fail_socket(uint16_t code, std::string_view reason);
  void end(uint16_t code, std::string_view reason);
  void wake();

  const Http1Context& context_;
  OutputQueue& output_;
  SessionWaker& waker_;
  WebSocketSink* sink_;  // null once it was told of the end
  const std::optional<DeflateAgreement> deflate_;
  WebSocketReader reader_;
  std::unique_ptr<Deflater> own_deflater_;  // where our context is kept, from the first message on

  std::string held_;  // bytes not read yet, behind messages that the app has not taken
  size_t held_used_ = 0;
  size_t untaken_bytes_ = 0;
  size_t untaken_messages_ = 0;
  std::optional<std::string> pong_due_;  // the latest ping that came while the output was congested
  uint64_t payload_sent_ = 0;

  End end_ = End::kOpen;
  bool in_turn_ = false;
  bool draining_ = false;
  bool input_ended_ = false;
  bool lost_ = false;
  bool close_sent_ = false;
  bool client_closed_ = false;  // its Close has come: it will send nothing more
  bool stray_input_ = false;    // but it did
  bool ping_answered_ = true;   // nothing is owed for our last ping
  bool writable_due_ = false;   // the output has been above the high-water mark
};

}  // namespace tricorn
