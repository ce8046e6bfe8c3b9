// SocketOperation: what sock_recv() and its kin return: an awaitable that asyncio takes for a
// coroutine. Its first step makes the system call and ends at once if it can; else it yields a
// Future and waits in the FdWatcher, which has the call made again when the socket is ready.
//
// What takes something (data, a connection) does so in a step of its task: one that was cancelled
// in the same turn takes nothing that would be lost with it.
//
// Operations of one socket and direction are served in the order in which they began. One that
// follows upon another that had to wait, and then took all there was, waits without trying first.
//
// While it waits, close() of the socket is put off, as with uvloop: else it would wait for ever, or
// for what is opened next under the same number.
//
// Belongs to its loop's thread; GIL held.
#pragma once

#include "worker/asyncio/socket_call.h"
#include "worker/loop/event_loop.h"

namespace tricorn {

// One of sock_*.
struct SocketMethod {
  const char* name;  // "sock_recv"
  const char* qualified_name;
  Direction direction;
  Attempt attempt;
  bool has_habits;  // what FdWatcher keeps of a socket is about operations of this kind
};

// The body of the Python object.
class SocketOperation final : public FdWaiter {
 public:
  SocketOperation() = default;
  ~SocketOperation() { stop_waiting(); }
  SocketOperation(const SocketOperation&) = delete;
  SocketOperation& operator=(const SocketOperation&) = delete;

  // Before anything else. `self`, the object that this is the body of, is borrowed.
  void set_up(PyObject* self, PyObject* loop, const SocketMethod& method);
  SocketCall& call() { return call_; }
  const SocketMethod& method() const { return *method_; }
  bool was_never_awaited() const { return stage_ == Stage::kNew; }

  // As AwaitableSlots wants them.
  PySendResult resume(PyObject** result);
  PySendResult raise(PyObject* exception, PyObject** result);
  void close();

  int traverse(visitproc visit, void* arg) const;

  bool on_ready() noexcept override;
  bool lost_file() const noexcept override;
  void on_loop_closed() noexcept override;
  int visit_kept(visitproc visit, void* arg) const override { return kept_.traverse(visit, arg); }

 private:
  enum class Stage : uint8_t { kNew, kRuns, kFinished };

  EventLoop& loop() const;
  bool may_begin() const;
  bool check_finished() const;
  PySendResult step(PyObject** result);
  bool should_wait_first() const;
  Progress attempt(bool waited);
  PySendResult take(PyObject** result);
  PySendResult wait(PyObject** result);
  bool make_future();
  PySendResult yield_future(PyObject** result);
  PySendResult end(Progress progress, PyObject** result);
  void stop_waiting();
  void let_go();
  bool keep_exception();
  void wake();

  PyObject* self_ = nullptr;
  const SocketMethod* method_ = nullptr;
  PyRef loop_;
  SocketCall call_;
  PyRef future_;        // what its task waits for
  PyRef kept_;          // the same, the loop's: nobody else may hold the task
  PyRef exception_;     // what a call that on_ready made has raised
  int waits_for_ = -1;  // the descriptor, while it is with the FdWatcher
  Stage stage_ = Stage::kNew;
  bool uses_socket_ = false;  // end_use() is due
  bool may_take_ = false;     // the socket is ready, and its task woken
  bool served_ = false;       // by on_ready: call_.result or exception_ is there
};

// A new reference; null with an error set. The caller fills in the call.
PyRef make_socket_operation(PyObject* loop, const SocketMethod& method);
SocketCall& socket_call_of(const PyRef& operation);

// False with an error set.
bool add_socket_operation_type();

}  // namespace tricorn
