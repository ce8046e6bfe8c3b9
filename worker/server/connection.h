// Connection: one accepted stream, from the first byte to the last. Moves bytes between a Transport
// and a Session, and owns what is neither's business: when to read, when to write, when to give up.
//
//   socket readable ─▶ Transport ─▶ on_read ─▶ Session::on_input ─▶ RequestHandler
//   end of turn ─────▶ on_turn ──▶ Session::resume
//   end of batch ────▶ on_batch_end, after an on_read that could wait (write_batch.h)
//                         └─ each ─▶ settle: one write, deadline, backpressure
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "worker/protocol/exchange.h"
#include "worker/protocol/session.h"
#include "worker/server/deadline_queue.h"
#include "worker/server/intrusive_list.h"
#include "worker/transport/transport.h"

namespace tricorn {

class Connection;

// What a connection needs from its server.
class ConnectionHost {
 public:
  virtual void
  enter() = 0;  // first thing in every callback from the loop: takes the interpreter lock
  virtual void queue_turn(
      Connection& connection) = 0;  // on_turn at the end of this turn; idempotent
  // What was just read has been dealt with: whether on_batch_end, in this turn, is soon enough for
  // the `bytes` to send.
  virtual bool may_batch(Connection& connection, size_t bytes) = 0;
  virtual void leave_batch(Connection& connection) = 0;  // which it is in: nothing is left to send
  virtual void arm_deadline(Connection& connection, DeadlineKind kind) = 0;
  virtual void cancel_deadline(Connection& connection) = 0;
  virtual void count_sent(size_t bytes) = 0;
  virtual TimePoint on_exchange_begin() = 0;  // as ExchangeObserver's
  virtual void on_exchange_end(const Connection& connection, const ExchangeRecord& record) = 0;
  // Closed: to be destroyed later, from outside of its own calls. Called once.
  virtual void on_connection_ended(Connection& connection) = 0;

 protected:
  ~ConnectionHost() = default;
};

class Connection final : public Deadline,
                         public TransportEvents,
                         public SessionWaker,
                         public ExchangeObserver {
 public:
  explicit Connection(ConnectionHost& host) : host_(host) {}  // `host` outlives the connection
  ~Connection() = default;
  Connection(const Connection&) = delete;

  // Once, before handler() is asked for: who is there. `info` is for the logs.
  void adopt(const ConnectionInfo& info, std::unique_ptr<RequestHandler> handler);

  // Once: both were made with this connection as their peer. Begins to read.
  void start(std::unique_ptr<Transport> transport, std::unique_ptr<Session> session);

  void on_turn();
  void on_batch_end();
  void on_deadline(DeadlineKind kind);
  // The next response says connection: close. What `close_idle` is for, see Session::begin_drain; a
  // request that has just come is still taken.
  void begin_drain(bool close_idle);
  void report_unfinished() { session_->report_unfinished(); }  // as Session's
  void cut();  // closes now; an open exchange gets on_disconnect

  RequestHandler& handler() { return *handler_; }
  const SocketAddress& client() const { return client_; }
  bool tls() const { return tls_; }                // as the PROXY header says
  uint32_t requests() const { return requests_; }  // begun so far
  bool had_request() const { return requests_ != 0; }

  // TransportEvents, SessionWaker, ExchangeObserver
  void on_read(std::string_view bytes) override;
  void on_read_end() override;
  void on_writable() override;
  void on_lost(int error) override;
  void session_needs_turn() override { host_.queue_turn(*this); }
  TimePoint on_exchange_begin() override;
  void on_exchange_end(const ExchangeRecord& record) override;

  ListLink<Connection> table_link;  // the server's: live or ended connections
  ListLink<Connection> turn_link;   // the server's: waiting for on_turn
  ListLink<Connection> batch_link;  // the server's: waiting for on_batch_end

 private:
  enum class State : uint8_t { kOpen, kLingering, kClosed };

  bool has_begun_anew();  // an idle connection whose time is over
  void on_socket_deadline(SessionPhase phase);
  void settle();
  bool flush();  // false: the connection is gone
  void update_deadline(SessionPhase phase);
  void expect(DeadlineKind kind, bool anew);
  void start_linger();
  void close();

  ConnectionHost& host_;
  SocketAddress client_;
  bool tls_ = false;
  std::unique_ptr<RequestHandler> handler_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Session> session_;  // dies first: it refers to all of the above
  State state_ = State::kOpen;
  uint32_t requests_ = 0;
  bool exchange_ended_ = false;  // since the deadline was last looked at
  bool sent_some_ = false;       // likewise
  bool read_ended_ = false;
  size_t discarded_ = 0;  // bytes of input while lingering
};

}  // namespace tricorn
