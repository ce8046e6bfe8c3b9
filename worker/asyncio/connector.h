// Connector: a TCP connection to a numeric address while it is being made: the short way of
// create_connection(). Python sees it as _tricorn.Connector and drops it to give up.
//
// It owns the descriptor until a transport takes it. GIL, one thread: the loop's.
#pragma once

#include "common/unique_fd.h"
#include "worker/asyncio/socket_address.h"
#include "worker/loop/event_loop.h"
#include "worker/python/native_subclass.h"

namespace tricorn {

class Connector final : public IoListener {
 public:
  Connector(PyObject* self, EventLoop& loop, const SockAddr& address)
      : self_(self), loop_(loop), loop_object_(PyRef::borrow(loop.object())), address_(address) {}
  ~Connector();

  // Calls connect(2). False with an error set.
  bool begin();
  // A Future that is done when the connection is made or has failed; null: it is made. Borrowed.
  PyObject* connected() const { return connected_.get(); }
  // A SocketTransport that takes the descriptor, once; null with an error set. `waiter` is
  // completed after connection_made().
  PyRef open(PyObject* protocol, PyObject* waiter);

  // Gives up; does nothing once a transport has the descriptor.
  void close();

  void on_io(int fd, uint32_t events) noexcept override;
  bool is_transport() const override { return true; }
  PyObject* object() const override { return self_; }
  int visit_kept(visitproc visit, void* arg) const override { return kept_.traverse(visit, arg); }
  void on_set_closed() noexcept override { const PyRef kept = std::move(kept_); }

  int traverse(visitproc visit, void* arg) const;
  void clear() { connected_.reset(); }
  void finalize() {}

 private:
  void set_failed(int error);

  PyObject* const self_;  // borrowed: it owns this
  EventLoop& loop_;
  const PyRef loop_object_;  // keeps loop_
  const SockAddr address_;
  UniqueFd fd_;
  PyRef connected_;
  PyRef kept_;  // the same, the loop's: nobody else may hold the task that waits for it
};

// False with an error set.
bool add_connector_type();

extern PyMethodDef connector_methods[];  // of the loop; ends with an empty entry

}  // namespace tricorn
