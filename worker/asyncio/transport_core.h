// TransportCore: what datagram and pipe transports have in common: a file of Python's, a protocol,
// and the way from connection_made() to connection_lost().
//
// Life: the loop keeps the object from start() to connection_lost(), which comes once and never
// from inside a call of the user's. A transport whose loop is closed before just closes its file.
// All callbacks run in the context of start(), also what a call of the user's brings about at once
// (pause_writing). GIL, one thread: the loop's.
#pragma once

#include <string>

#include "common/unique_fd.h"
#include "worker/loop/event_loop.h"
#include "worker/python/native_subclass.h"
#include "worker/python/py_error.h"

namespace tricorn {

// How the loop calls a transport back that it knows as an object only.
struct CoreCalls {
  NativeCall begin;
  NativeCall end;
};

// What a transport is made of.
struct CoreParts {
  EventLoop* loop = nullptr;
  PyRef file;          // of Python's: a socket.socket, or a file object
  int fd = -1;         // its descriptor, non-blocking
  UniqueFd duplicate;  // used in its place, if somebody else watches it already
  PyRef protocol;      // an asyncio protocol
  PyRef extra;         // a dict for get_extra_info, the transport's own; null: none
};

class TransportCore : public IoListener {
 public:
  TransportCore(const TransportCore&) = delete;
  TransportCore& operator=(const TransportCore&) = delete;

  // From the next turn on: connection_made, then I/O begins, then `waiter` (null: none) is
  // completed. False with an error set.
  bool start(PyRef waiter);

  // Python's methods; false (null) with an error set.
  void abort(PyRef exception);  // null: none
  PyRef extra_info(PyObject* name, PyObject* missing);
  void set_protocol(PyRef protocol) { protocol_ = std::move(protocol); }
  PyRef protocol() const { return protocol_ ? protocol_.clone() : PyRef::none(); }
  PyRef file() const { return file_ && fd_ >= 0 ? file_.clone() : PyRef::none(); }
  PyObject* loop_object() const { return loop_ == nullptr ? Py_None : loop_object_.get(); }
  bool is_closing() const { return closing_; }

  bool calls_back() const override { return true; }
  bool is_transport() const override { return true; }  // closing, it may have to write
  PyObject* object() const override { return self_; }
  int visit_kept(visitproc visit, void* arg) const override { return kept_.traverse(visit, arg); }
  void on_set_closed() noexcept override;

  int traverse(visitproc visit, void* arg) const;
  void clear();
  void finalize();

  void begin();
  void end();

 protected:
  TransportCore(PyObject* self, CoreParts parts, CoreCalls calls);
  ~TransportCore();

  // Tells the loop which readiness is of use now.
  virtual void update_interest() = 0;
  // What get_extra_info knows besides the given; it is kept. Null without an error: nothing.
  virtual PyRef make_info(PyObject* name) = 0;
  // All that waits to be written is dropped.
  virtual void drop_output() {}
  // What is due just before it; it may call the protocol.
  virtual void before_connection_lost() {}
  // Whether an error that ends the transport is to be told to the debug log only.
  virtual bool is_quiet(const PyError& error) const { return error.matches(PyExc_OSError); }

  // protocol.method(first, second); null with an error set.
  PyRef call(PyObject* method, PyObject* first = nullptr, PyObject* second = nullptr);
  // The error set goes to call_exception_handler with `message`, transport and protocol. False if
  // it is a KeyboardInterrupt or SystemExit: that leaves run_forever.
  bool report(const char* message);
  // The same, and the transport is aborted with it, unless it leaves run_forever.
  void fatal_error(const char* message);
  // connection_lost is due; None: as asked for.
  void lose(PyRef exception);
  // A write after the end: logs `text` from asyncio's threshold on.
  void count_lost_write(const char* text);
  bool alive() const { return loop_ != nullptr && !lost_; }
  std::string state_text() const;  // " closing fd=5", for repr

  PyObject* const self_;  // borrowed: it owns this
  EventLoop* loop_;       // null after connection_lost
  PyRef context_;
  PyRef file_;
  int fd_;
  bool lost_ = false;  // connection_lost is due
  bool begun_ = false;
  bool closing_ = false;

 private:
  void stop_watching();
  void close_file();

  const CoreCalls calls_;
  UniqueFd duplicate_;
  const int number_;  // of the file, for repr
  uint32_t lost_writes_ = 0;
  PyRef loop_object_;
  PyRef protocol_;
  PyRef extra_;
  PyRef waiter_;
  PyRef exception_;  // what connection_lost will be given
  PyRef kept_;       // this object, while the loop watches for it
};

// The CoreCalls of a transport type.
template <class T>
constexpr CoreCalls core_calls() {
  return {[](PyObject* self) noexcept { NativeSubclass<T>::of(self).begin(); },
          [](PyObject* self) noexcept { NativeSubclass<T>::of(self).end(); }};
}

// Whether `name`, any object, is the str `text`.
bool is_name(PyObject* name, const char* text);

}  // namespace tricorn
