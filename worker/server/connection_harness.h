// What the tests of a connection share: a scripted session, a host that notes what it is told, and
// a transport in memory.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "worker/server/connection.h"
#include "worker/transport/memory_transport.h"

namespace tricorn {

// Does what the test says, and notes what it was told.
struct FakeSession final : Session {
  void on_input(std::string_view bytes) override {
    input += bytes;
    if (react) react();
  }
  void on_input_end() override { input_ended = true; }
  void on_disconnect() override { ++disconnects; }
  void on_output_sent() override { ++output_sent; }
  void on_timeout() override {
    ++timeouts;
    if (react) react();
  }
  void resume() override {
    ++resumes;
    if (react) react();
  }
  void begin_drain(bool close_idle) override {
    drains.push_back(close_idle);
    if (close_idle && current == SessionPhase::kIdle) current = SessionPhase::kClosing;
  }
  void report_unfinished() override {}
  SessionPhase phase() const override { return current; }
  bool client_is_done() const override { return client_done; }
  bool wants_input() const override { return hungry; }
  bool output_ready() const override { return !queue.empty() && !head_open; }
  OutputQueue& output() override { return queue; }

  SessionPhase current = SessionPhase::kIdle;
  bool hungry = true;
  bool client_done = false;
  bool head_open = false;
  OutputQueue queue;
  std::function<void()> react;
  std::string input;
  bool input_ended = false;
  int disconnects = 0, output_sent = 0, timeouts = 0, resumes = 0;
  std::vector<bool> drains;
};

struct FakeHost final : ConnectionHost {
  void enter() override { ++entered; }
  void queue_turn(Connection&) override { ++turns_queued; }
  bool may_batch(Connection& connection, size_t bytes) override {
    offered = bytes;
    if (batches && bytes > 0) batch.push_back(connection);
    return batches && bytes > 0;
  }
  void leave_batch(Connection& connection) override { batch.remove(connection); }
  void arm_deadline(Connection& connection, DeadlineKind kind) override {
    armed.push_back(kind);
    queue.arm(connection, kind, TimePoint{});
  }
  void cancel_deadline(Connection& connection) override { queue.cancel(connection); }
  void count_sent(size_t bytes) override { sent += bytes; }
  TimePoint on_exchange_begin() override {
    ++begun;
    return {};
  }
  void on_exchange_end(const Connection&, const ExchangeRecord&) override { ++finished; }
  void on_connection_ended(Connection&) override { ++ended; }

  bool batches = false;  // what may_batch says
  size_t offered = 0;
  int entered = 0, turns_queued = 0, begun = 0, finished = 0, ended = 0;
  size_t sent = 0;
  std::vector<DeadlineKind> armed;
  DeadlineQueue queue{{}};
  IntrusiveList<Connection, &Connection::batch_link> batch;
};

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    auto transport = std::make_unique<MemoryTransport>(connection_);
    auto session = std::make_unique<FakeSession>();
    transport_ = transport.get();
    session_ = session.get();
    connection_.start(std::move(transport), std::move(session));
  }
  ~ConnectionTest() override { host_.queue.cancel(connection_); }

  // The session answers its input at once with `response` and ends in `phase`.
  void answer_with(std::string response, SessionPhase phase = SessionPhase::kIdle) {
    session_->react = [this, response, phase] {
      connection_.on_exchange_begin();
      session_->queue.append(response);
      session_->current = phase;
      connection_.on_exchange_end({});
    };
  }
  DeadlineKind deadline() const { return connection_.deadline_kind(); }
  size_t times_armed(DeadlineKind kind) const {
    return static_cast<size_t>(std::count(host_.armed.begin(), host_.armed.end(), kind));
  }

  FakeHost host_;
  Connection connection_{host_};
  MemoryTransport* transport_;
  FakeSession* session_;
};

}  // namespace tricorn
