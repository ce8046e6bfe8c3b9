// MemoryTransport: a Transport for tests. The test is the network: it hands in bytes and faults,
// and sees what was sent.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "worker/transport/transport.h"

namespace tricorn {

class MemoryTransport final : public Transport {
 public:
  explicit MemoryTransport(TransportEvents& events) : events_(events) {}

  // The peer's side.
  void deliver(std::string_view bytes);  // held back while reading is stopped
  void deliver_end();
  void deliver_reset(int error);
  // How much the kernel takes from now on before a flush is left unfinished; unlimited at first.
  void set_write_capacity(size_t bytes) { write_capacity_ = bytes; }
  void make_writable(size_t bytes);  // adds capacity; calls on_writable if a flush waits
  void fail_writes(int error) { write_error_ = error; }

  const std::string& sent() const { return sent_; }
  std::string take_sent() { return std::exchange(sent_, {}); }
  bool reading() const { return reading_; }
  bool write_shut() const { return write_shut_; }
  bool closed() const { return closed_; }
  bool was_reset() const { return reset_; }

  void start_reading() override;
  void stop_reading() override { reading_ = false; }
  void read_now() override { pump(); }
  std::expected<size_t, int> flush(OutputQueue& queue) override;
  void shutdown_write() override { write_shut_ = true; }
  void close() override { closed_ = true; }
  void reset() override { reset_ = closed_ = true; }
  int fd() const override { return -1; }

 private:
  void pump();
  std::expected<size_t, int> take_front(const OutputQueue& queue);

  TransportEvents& events_;
  std::string unread_;
  bool end_unread_ = false;
  std::string sent_;
  size_t write_capacity_ = static_cast<size_t>(-1);
  int write_error_ = 0;
  bool reading_ = false;
  bool awaiting_writable_ = false;
  bool write_shut_ = false;
  bool closed_ = false;
  bool reset_ = false;
};

}  // namespace tricorn
