// DatagramTransport: sending.
#include <sys/socket.h>

#include <cerrno>

#include "worker/asyncio/bytes_view.h"
#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/datagram_transport.h"
#include "worker/loop/monotonic.h"
#include "worker/python/interned.h"

namespace tricorn {
namespace {

#if PY_VERSION_HEX >= 0x030D0000
constexpr bool kSendsEmpty = true;
constexpr size_t kHeaderBytes = 8;  // what asyncio counts for each datagram
#else
constexpr bool kSendsEmpty = false;
constexpr size_t kHeaderBytes = 0;
#endif

constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
constexpr double kRetryAfterS = 0.005;

size_t cost(PyObject* data) { return static_cast<size_t>(PyBytes_GET_SIZE(data)) + kHeaderBytes; }

}  // namespace

bool DatagramTransport::sendto(PyObject* data, PyObject* address) {
  BytesView view;
  if (!view.open(data)) return false;
  if (!kSendsEmpty && view.bytes().empty()) return true;
  if (remote_.get() != Py_None) {
    if (!is_right_target(address)) return false;
    address = remote_.get();
  }
  // As with asyncio: who has no peer may send between close() and connection_lost(), and hears of
  // errors.
  const bool sends_last = !alive() && loop_ != nullptr && remote_.get() == Py_None;
  if (!alive() && !sends_last) {
    count_lost_write("socket.send() raised exception.");
    return true;
  }
  if (queue_.empty()) {
    const Outcome outcome = send(data, view.bytes(), address);
    if (outcome == Outcome::kSent) return true;
    if (outcome == Outcome::kFailed) return send_failed();
    if (sends_last) return true;  // nobody would wait until there is room
    awaits_writable_ = true;
    update_interest();
  }
  return enqueue(data, view.bytes(), address);
}

bool DatagramTransport::is_right_target(PyObject* address) {
  if (address == Py_None || address == remote_.get()) return true;
  const int same = PyObject_RichCompareBool(address, remote_.get(), Py_EQ);
  if (same == 0) {
    PyErr_Format(PyExc_ValueError, "Invalid address: must be None or %S", remote_.get());
  }
  return same == 1;
}

DatagramTransport::Outcome DatagramTransport::send(PyObject* data, std::string_view bytes,
                                                   PyObject* address) {
  loop_->io().note_output();
  const SockAddr* target = connected_ ? nullptr : known_target(address);
  if (target == nullptr && !connected_) return send_by_socket(data, address);
  ssize_t sent;
  do {
    sent = target == nullptr
               ? ::send(fd_, bytes.data(), bytes.size(), kFlags)
               : ::sendto(fd_, bytes.data(), bytes.size(), kFlags, &target->base, target->length);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return Outcome::kSent;
  if (errno == EAGAIN) return Outcome::kFull;
  set_os_error(errno);
  return Outcome::kFailed;
}

// Whoever answers uses the object that came with the datagram; who sends on his own, his own.
// Null: not known, and not numeric.
const SockAddr* DatagramTransport::known_target(PyObject* address) {
  if (address == last_sender_.object.get()) return &last_sender_.address;
  if (address == last_target_.object.get()) return &last_target_.address;
  SockAddr read;
  if (!read_address(family_, address, read)) return nullptr;
  last_target_.address = read;
  last_target_.object = PyRef::borrow(address);
  return &last_target_.address;
}

// Resolves a name, and blocks meanwhile, as asyncio does.
DatagramTransport::Outcome DatagramTransport::send_by_socket(PyObject* data, PyObject* address) {
  PyRef sent = PyRef::steal(PyObject_CallMethod(file_.get(), "sendto", "OO", data, address));
  if (sent) return Outcome::kSent;
  if (!PyErr_ExceptionMatches(PyExc_BlockingIOError)) return Outcome::kFailed;
  static_cast<void>(PyError::take());
  return Outcome::kFull;
}

bool DatagramTransport::send_failed() {
  if (PyErr_ExceptionMatches(PyExc_OSError)) {
    const PyError error = PyError::take();
    return static_cast<bool>(call(interned.error_received, error.exception()));
  }
  if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) || PyErr_ExceptionMatches(PyExc_SystemExit)) {
    return false;
  }
  fatal_error("Fatal write error on datagram transport");
  return true;
}

// What may still change is copied.
bool DatagramTransport::enqueue(PyObject* data, std::string_view bytes, PyObject* address) {
  PyRef kept = PyBytes_CheckExact(data)
                   ? PyRef::borrow(data)
                   : PyRef::steal(PyBytes_FromStringAndSize(bytes.data(), std::ssize(bytes)));
  if (!kept) return false;
  queued_bytes_ += cost(kept.get());
  queue_.push_back({std::move(kept), PyRef::borrow(address)});
  buffer_grew();
  return true;
}

void DatagramTransport::flush() {
  bool sent_any = false;
  Outcome outcome = Outcome::kSent;
  while (!queue_.empty()) {
    Queued front = std::move(queue_.front());
    queue_.pop_front();
    const std::string_view bytes(PyBytes_AS_STRING(front.data.get()),
                                 static_cast<size_t>(PyBytes_GET_SIZE(front.data.get())));
    outcome = send(front.data.get(), bytes, front.address.get());
    if (outcome == Outcome::kFull) {
      queue_.push_front(std::move(front));
      break;
    }
    sent_any = true;
    queued_bytes_ -= cost(front.data.get());
    if (outcome == Outcome::kFailed && !send_failed()) {
      report("Error in protocol.error_received()");
    }
    if (!alive()) return;  // the queue was dropped
  }
  after_flush(sent_any, outcome == Outcome::kFull);
}

void DatagramTransport::after_flush(bool sent_any, bool full) {
  awaits_writable_ = full;
  // A unix socket that is not connected counts as writable whatever the receiver's queue does.
  if (full && !sent_any && family_ == AF_UNIX && !connected_) try_again_later();
  buffer_shrank();  // may send more, or close
  if (!alive()) return;
  if (closing_ && queue_.empty()) return lose(PyRef::none());
  update_interest();
}

void DatagramTransport::try_again_later() {
  awaits_writable_ = false;
  const double when = seconds_of(monotonic_ns()) + kRetryAfterS;
  if (loop_->call_at_native(try_again, self_, context_.get(), when)) return;
  PyError::take().unraisable(self_);
  awaits_writable_ = true;
}

void DatagramTransport::try_again(PyObject* self) noexcept {
  DatagramTransport& transport = DatagramTransportType::of(self);
  if (transport.alive()) transport.flush();
}

void DatagramTransport::drop_output() {
  awaits_writable_ = false;
  queued_bytes_ = 0;
  const std::deque<Queued> dropped = std::exchange(queue_, {});
}

}  // namespace tricorn
