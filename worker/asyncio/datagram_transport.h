// DatagramTransport: an asyncio.DatagramTransport over a datagram socket of AF_INET, AF_INET6 or
// AF_UNIX.
//
// Sending: each datagram is tried at once, and queued when the socket's buffer is full. Receiving:
// a bounded number of datagrams for each readiness. Errors of single datagrams, as ICMP's, go to
// error_received(); what else goes wrong in sendto(), as an address of the wrong kind, ends the
// transport, as in asyncio.
#pragma once

#include <deque>
#include <string_view>

#include "worker/asyncio/socket_address.h"
#include "worker/asyncio/writing_transport.h"

namespace tricorn {

// Whether more than one datagram is looked for at each readiness: only when they come in bursts,
// for a look that finds nothing costs a system call. Pure.
class BurstHabit {
 public:
  static constexpr int kMost = 16;

  // How many to receive now.
  int limit() { return bursts_ || ++singles_ % kProbeEvery == 0 ? kMost : 1; }
  // `limit` was more than one, and so many were there.
  void note(int received) { bursts_ = received > 1; }

 private:
  static constexpr unsigned kProbeEvery = 8;
  bool bursts_ = false;
  unsigned singles_ = 0;
};

class DatagramTransport final : public WritingTransport {
 public:
  struct Parts {
    CoreParts core;
    int family = AF_UNSPEC;
    PyRef remote;  // where all datagrams go to; None: as sendto() says
  };

  DatagramTransport(PyObject* self, Parts parts);

  // Python's methods; false with an error set.
  bool sendto(PyObject* data, PyObject* address);
  void close();
  void pause_reading();
  void resume_reading();
  bool is_reading() const { return !closing_ && !paused_; }
  size_t write_buffer_size() const override { return queued_bytes_; }
  PyRef repr() const;

  void on_io(int fd, uint32_t events) noexcept override;

  int traverse(visitproc visit, void* arg) const;
  void clear();

 private:
  struct Queued {
    PyRef data;     // bytes
    PyRef address;  // null: the peer
  };
  // An address in both forms; the object never changes.
  struct Known {
    SockAddr address;
    PyRef object;  // null: none yet
  };
  enum class Outcome : uint8_t { kSent, kFull, kFailed /* with an error set */ };

  void update_interest() override;
  PyRef make_info(PyObject* name) override;
  void drop_output() override;

  void read_ready();
  // One datagram to the protocol. False: there is none, or the protocol failed.
  bool receive();
  PyRef sender(const SockAddr& address);
  bool is_right_target(PyObject* address);  // false with ValueError set
  Outcome send(PyObject* data, std::string_view bytes, PyObject* address);
  Outcome send_by_socket(PyObject* data, PyObject* address);
  const SockAddr* known_target(PyObject* address);
  bool enqueue(PyObject* data, std::string_view bytes, PyObject* address);
  // Acts on the error set. False with an error set: the protocol's, or one that nobody handles.
  bool send_failed();
  void flush();
  void after_flush(bool sent_any, bool full);
  void try_again_later();
  static void try_again(PyObject* self) noexcept;

  const int family_;
  SockAddr peer_;  // if connected
  const bool connected_;
  SockAddr first_name_;  // its own when it was made; length 0: not known
  PyRef remote_;
  Known last_sender_;
  Known last_target_;
  std::deque<Queued> queue_;
  size_t queued_bytes_ = 0;
  BurstHabit bursts_;
  bool paused_ = false;
  bool awaits_writable_ = false;
};

using DatagramTransportType = NativeSubclass<DatagramTransport>;

// Adds _tricorn.DatagramTransport. False with an error set.
bool add_datagram_transport_type(PyObject* module);

// Methods of the loop: _make_native_datagram_transport.
extern PyMethodDef datagram_methods[];

}  // namespace tricorn
