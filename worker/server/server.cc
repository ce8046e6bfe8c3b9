// Server: the parts of one worker's network side, and the order of things at the end of a turn.
#include "worker/server/server.h"

#include <optional>
#include <utility>

#include "common/logging.h"
#include "worker/observe/heartbeat.h"
#include "worker/protocol/message_deflate.h"
#include "worker/server/acceptor.h"
#include "worker/server/connection.h"
#include "worker/server/deadline_timer.h"
#include "worker/server/drain.h"
#include "worker/server/exchange_log.h"
#include "worker/server/proxies.h"
#include "worker/server/readiness.h"
#include "worker/server/wall_clock.h"
#include "worker/server/write_batch.h"
#include "worker/transport/socket_name.h"
#include "worker/transport/stream_transport.h"

namespace tricorn {
namespace {

constexpr size_t kReadBufferBytes = 64 * 1024;
constexpr Duration kStalledWriteTimeout = std::chrono::seconds(60);  // as nginx's send_timeout
constexpr Duration kLingerTime = std::chrono::seconds(2);
constexpr Duration kCloseEchoTime = std::chrono::seconds(10);
constexpr Duration kFirstRequestTime = std::chrono::seconds(2);

std::array<Duration, kDeadlineKinds> durations(const HttpSettings& http) {
  std::array<Duration, kDeadlineKinds> all{};
  auto set = [&](DeadlineKind kind, Duration duration) {
    all[static_cast<size_t>(kind)] = duration;
  };
  set(DeadlineKind::kHeader, milliseconds(http.header_timeout_ms));
  set(DeadlineKind::kKeepAlive, milliseconds(http.keep_alive_timeout_ms));
  set(DeadlineKind::kBody, milliseconds(http.body_timeout_ms));
  set(DeadlineKind::kStalledWrite, kStalledWriteTimeout);
  set(DeadlineKind::kLinger, kLingerTime);
  set(DeadlineKind::kPing, milliseconds(http.websocket.ping_interval_ms));
  set(DeadlineKind::kPong, milliseconds(http.websocket.ping_timeout_ms));
  set(DeadlineKind::kCloseEcho, kCloseEchoTime);
  set(DeadlineKind::kFirstRequest, kFirstRequestTime);
  return all;
}

// The block has one writer, so no locked instruction is needed.
template <class T>
void add(std::atomic<T>& counter, T amount) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

std::optional<ReadinessFactory> readiness_before(HandlerFactory& handlers,
                                                 const ServerOptions& options) {
  const std::string& path = options.settings.readiness_path;
  if (path.empty()) return std::nullopt;
  return std::optional<ReadinessFactory>(std::in_place, handlers, path,
                                         options.scoreboard.layout().stopping);
}

bool is_wildcard(const SocketAddress& address) {
  return address.host == "0.0.0.0" || address.host == "::";
}

}  // namespace

class Server::Impl final : public ConnectionHost,
                           public AcceptSink,
                           public DeadlineSink,
                           public TurnHook {
 public:
  Impl(LoopApi& loop, HandlerFactory& handlers, ServerOptions options);
  ~Impl();

  Result<> start();
  void drain(DrainMode mode, Duration deadline, std::function<void()> on_drained);
  void close_all();
  void log_unfinished();
  uint32_t connections() const { return static_cast<uint32_t>(live_.size()); }
  void reopen_logs();

 private:
  using Table = IntrusiveList<Connection, &Connection::table_link>;
  using TurnQueue = IntrusiveList<Connection, &Connection::turn_link>;
  using Batch = IntrusiveList<Connection, &Connection::batch_link>;

  // ConnectionHost
  void enter() override;
  void queue_turn(Connection& connection) override;
  bool may_batch(Connection& connection, size_t bytes) override;
  void leave_batch(Connection& connection) override { batch_.remove(connection); }
  void arm_deadline(Connection& connection, DeadlineKind kind) override;
  void cancel_deadline(Connection& connection) override { deadlines_.cancel(connection); }
  void count_sent(size_t bytes) override { add(block_.bytes_sent, uint64_t{bytes}); }
  TimePoint on_exchange_begin() override {
    add(block_.requests_active, 1u);
    return log_.begin();
  }
  void on_exchange_end(const Connection& connection, const ExchangeRecord& record) override;
  void on_connection_ended(Connection& connection) override;

  void on_accepted(UniqueFd socket, const sockaddr* peer, socklen_t length,
                   size_t listener) override;
  void on_deadline(Deadline& deadline, DeadlineKind kind) override;
  void on_turn() noexcept override;

  std::unique_ptr<Session> open_session(Connection& connection, const ConnectionInfo& info,
                                        const ForwardedRules* forwarded);
  std::unique_ptr<Session> greet(Connection& connection, const ConnectionInfo& info);

  void farewell(Connection& connection);
  void say_farewell();
  void arm_drain_deadline(Duration deadline);
  void end_batch();
  void reap();
  void publish_connections();

  LoopApi& loop_;
  ServerOptions options_;
  std::optional<ReadinessFactory> readiness_;
  HandlerFactory& handlers_;
  WorkerBlock& block_;
  WallClock clock_;
  ExchangeLog log_{options_.settings, clock_};
  MessageCodecs codecs_;
  const Http1Context http1_{options_.settings.http, clock_.http(), log_.needs(), &codecs_};
  Proxies proxies_{options_.settings.proxy};
  DeadlineTimer deadlines_;
  Acceptor acceptor_;
  Heartbeat heartbeat_;
  UvHandle<uv_timer_t> drain_timer_;
  std::vector<SocketAddress> listener_names_;
  std::vector<char> read_buffer_;

  Table live_;
  Table ended_;  // closed, to be destroyed at the end of the turn: they may be on the call stack
  TurnQueue turn_queue_;
  Batch batch_;
  WriteBatch batching_;
  UvHandle<uv_check_t> after_poll_;  // before anything else runs, what waits in batch_ is sent
  Drain drain_;
  bool farewell_due_ = false;
  std::function<void()> on_drained_;
};

Server::Impl::Impl(LoopApi& loop, HandlerFactory& handlers, ServerOptions options)
    : loop_(loop),
      options_(std::move(options)),
      readiness_(readiness_before(handlers, options_)),
      handlers_(readiness_ ? *readiness_ : handlers),
      block_(options_.scoreboard.block(options_.board)),
      deadlines_(loop.uv(), durations(options_.settings.http), *this),
      acceptor_(loop.uv(), *this, options_.scoreboard, options_.board),
      heartbeat_(loop.uv(), block_),
      read_buffer_(kReadBufferBytes) {
  loop_.set_turn_hook(this);
}

Server::Impl::~Impl() {
  loop_.set_outer_poll(nullptr);
  loop_.set_turn_hook(nullptr);
  close_all();
  reap();
}

Result<> Server::Impl::start() {
  for (const UniqueFd& listener : options_.listeners) {
    listener_names_.push_back(local_address(listener.get()));
  }
  auto started = acceptor_.start(std::move(options_.listeners), options_.settings.listeners);
  if (!started) return started;
  loop_.set_outer_poll(&log_.before(acceptor_));
  // Cannot fail: nothing is asked of the system.
  after_poll_.open(this, [&](uv_check_t* check) { return uv_check_init(loop_.uv(), check); });
  uv_check_start(after_poll_.get(), [](uv_check_t* check) {
    if (check->data != nullptr) static_cast<Impl*>(check->data)->end_batch();
  });
  return {};
}

void Server::Impl::enter() {
  loop_.ensure_gil();
  clock_.refresh(deadlines_.now());
  if (!batching_.open()) batching_.open(monotonic_now());
}

void Server::Impl::on_accepted(UniqueFd socket, const sockaddr* peer, socklen_t length,
                               size_t listener) {
  ConnectionInfo info;
  info.client = socket_address(peer, length);
  info.server = listener_names_[listener];
  if (is_wildcard(info.server)) info.server = local_address(socket.get());
  auto connection = std::make_unique<Connection>(*this);
  auto transport = std::make_unique<StreamTransport>(std::move(socket), *connection, read_buffer_);
  if (int error = transport->open(loop_.uv()); error < 0) {
    return log_error("connection dropped: {}", uv_strerror(error));
  }
  auto session = proxies_.greet()
                     ? greet(*connection, info)
                     : open_session(*connection, info, proxies_.forwarded_rules(info.client));
  Connection& accepted = *connection.release();  // the table's from here on; see reap
  live_.push_back(accepted);
  publish_connections();
  accepted.start(std::move(transport), std::move(session));
  if (drain_.active()) farewell(accepted);
}

std::unique_ptr<Session> Server::Impl::open_session(Connection& connection,
                                                    const ConnectionInfo& info,
                                                    const ForwardedRules* forwarded) {
  connection.adopt(info, handlers_.make_handler(info));
  return options_.make_session(http1_, connection.handler(), connection, &connection, forwarded);
}

std::unique_ptr<Session> Server::Impl::greet(Connection& connection, const ConnectionInfo& info) {
  return make_proxy_protocol_session(
      {.accepted = options_.settings.proxy.protocol,
       .expected = proxies_.greets_with_header(info.client),
       .open =
           [this, &connection, info](const ProxyHeader& header) {
             const ConnectionInfo told = as_told(info, header);
             return open_session(connection, told, proxies_.forwarded_rules(told.client, header));
           },
       .refuse = [this, peer = to_string(info.client)](
                     const char* fault) { proxies_.log_refusal(deadlines_.now(), peer, fault); }});
}

void Server::Impl::queue_turn(Connection& connection) {
  if (!TurnQueue::is_linked(connection)) turn_queue_.push_back(connection);
}

bool Server::Impl::may_batch(Connection& connection, size_t bytes) {
  const bool may = batching_.may_wait(monotonic_now(), bytes);
  if (may && !Batch::is_linked(connection)) batch_.push_back(connection);
  if (batching_.is_due()) end_batch();
  return may;
}

void Server::Impl::end_batch() {
  batching_.close();
  if (batch_.empty()) return;
  loop_.ensure_gil();
  while (Connection* connection = batch_.pop_front()) connection->on_batch_end();
}

void Server::Impl::arm_deadline(Connection& connection, DeadlineKind kind) {
  deadlines_.arm(connection, kind);
}

void Server::Impl::on_deadline(Deadline& deadline, DeadlineKind kind) {
  enter();
  static_cast<Connection&>(deadline).on_deadline(kind);
}

void Server::Impl::on_exchange_end(const Connection& connection, const ExchangeRecord& record) {
  add(block_.requests_active, ~0u);
  add(block_.requests, uint64_t{1});
  log_.end(connection, record, deadlines_.now());
}

void Server::Impl::on_connection_ended(Connection& connection) {
  live_.remove(connection);
  ended_.push_back(connection);
  publish_connections();
}

void Server::Impl::publish_connections() {
  block_.connections.store(connections(), std::memory_order_relaxed);
}

void Server::Impl::drain(DrainMode mode, Duration deadline, std::function<void()> on_drained) {
  drain_.begin(mode);
  block_.state.store(WorkerState::kDraining,
                     std::memory_order_relaxed);  // siblings leave us nothing
  on_drained_ = std::move(on_drained);
  farewell_due_ = true;  // on_turn: this may be called by an app, inside a session
  arm_drain_deadline(deadline);
}

void Server::Impl::arm_drain_deadline(Duration deadline) {
  drain_timer_.open(this, [&](uv_timer_t* timer) { return uv_timer_init(loop_.uv(), timer); });
  auto on_timer = [](uv_timer_t* timer) noexcept {
    auto* self = static_cast<Impl*>(timer->data);
    if (self == nullptr) return;
    self->drain_.pass_deadline();
    self->farewell_due_ = true;
  };
  auto delay = std::chrono::ceil<std::chrono::milliseconds>(deadline);
  uv_timer_start(drain_timer_.get(), on_timer, static_cast<uint64_t>(delay.count()), 0);
}

void Server::Impl::say_farewell() {
  acceptor_.sweep_and_stop();
  live_.for_each([this](Connection& connection) { farewell(connection); });
}

void Server::Impl::farewell(Connection& connection) {
  switch (drain_.farewell(connection.had_request())) {
    case Farewell::kLastResponse:
      return connection.begin_drain(false);
    case Farewell::kCloseIdle:
      return connection.begin_drain(true);
    case Farewell::kAwaitFirstRequest:
      connection.begin_drain(false);
      if (!connection.had_request()) arm_deadline(connection, DeadlineKind::kFirstRequest);
  }
}

void Server::Impl::on_turn() noexcept {
  end_batch();  // libuv 1.45 and later run timers after the poll: they may have begun one
  if (!turn_queue_.empty() || farewell_due_) clock_.refresh(deadlines_.now());
  if (std::exchange(farewell_due_, false)) say_farewell();
  while (Connection* connection = turn_queue_.pop_front()) connection->on_turn();
  log_.on_turn(deadlines_.now());
  reap();
  if (drain_.active() && live_.empty() && on_drained_) std::exchange(on_drained_, nullptr)();
}

void Server::Impl::reap() {
  while (Connection* connection = ended_.pop_front()) {
    if (TurnQueue::is_linked(*connection)) turn_queue_.remove(*connection);
    if (Batch::is_linked(*connection)) batch_.remove(*connection);
    delete connection;
  }
}

void Server::Impl::close_all() {
  live_.for_each([](Connection& connection) { connection.cut(); });
}

void Server::Impl::log_unfinished() {
  live_.for_each([](Connection& connection) { connection.report_unfinished(); });
  log_.flush();
}

void Server::Impl::reopen_logs() { log_.reopen(); }

Server::Server(LoopApi& loop, HandlerFactory& handlers, ServerOptions options)
    : impl_(std::make_unique<Impl>(loop, handlers, std::move(options))) {}
Server::~Server() = default;
Result<> Server::start() { return impl_->start(); }
void Server::drain(DrainMode mode, Duration deadline, std::function<void()> on_drained) {
  impl_->drain(mode, deadline, std::move(on_drained));
}
void Server::close_all() { impl_->close_all(); }
void Server::log_unfinished() { impl_->log_unfinished(); }
uint32_t Server::connections() const { return impl_->connections(); }
void Server::reopen_logs() { impl_->reopen_logs(); }

}  // namespace tricorn
