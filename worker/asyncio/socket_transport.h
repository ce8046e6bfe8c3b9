// SocketTransport: an asyncio.Transport over a connected TCP or unix stream socket.
//
// Reading: one recv per readiness, straight to the sink. Writing: the first write of a callback is
// sent at once, what follows in the same callback is gathered and leaves in one call when it
// returns; a writer that is known to write in pieces has the first piece wait for the others, so
// that head and body are one packet.
//
// Life: the loop keeps the object from start() to connection_lost(), which always comes, once, and
// never from inside a call of the user's. GIL, one thread: the loop's.
#pragma once

#include <memory>

#include "common/output_queue.h"
#include "worker/asyncio/socket_address.h"
#include "worker/asyncio/stream_sink.h"
#include "worker/asyncio/write_limits.h"
#include "worker/loop/event_loop.h"
#include "worker/python/native_subclass.h"

namespace tricorn {

// What a socket transport is made of.
struct SocketParts {
  EventLoop* loop = nullptr;
  int fd = -1;                        // non-blocking
  PyRef socket;                       // the socket.socket that owns `fd`; null: the transport does
  std::unique_ptr<SockAddr> peer;     // null: not known
  PyRef extra;                        // a dict for get_extra_info; null: none
  PyRef server;                       // asyncio's Server that counts its connections; null: none
  std::shared_ptr<WriteHabit> habit;  // null: its own
  PyRef context;                      // of every callback; null: a copy of the caller's
};

class SocketTransport final : public IoListener, public Flushable {
 public:
  SocketTransport(PyObject* self, SocketParts parts);
  ~SocketTransport();

  // Calls connection_made, begins to read and completes `waiter` (null: none), in this order, from
  // the next turn on. False with an error set.
  bool start(std::shared_ptr<StreamSink> sink, PyRef waiter);

  // Python's methods; false (null) with an error set.
  bool write(PyObject* data);
  bool write_lines(PyObject* lines);
  bool write_eof();
  void close();
  void abort(PyRef exception);  // null: none
  void pause_reading();
  void resume_reading();
  bool set_limits(size_t high, size_t low);
  size_t write_buffer_size();  // after sending what can be sent
  PyRef extra_info(PyObject* name, PyObject* missing);
  PyRef make_empty_waiter();
  void reset_empty_waiter();
  PyRef socket();  // the socket.socket, made when it is asked for
  PyRef repr();

  void set_sink(std::shared_ptr<StreamSink> sink) { sink_ = std::move(sink); }
  StreamSink* sink() const { return sink_.get(); }
  EventLoop* loop() const { return loop_; }  // null after connection_lost
  PyObject* loop_object() const { return loop_object_.get(); }
  PyObject* context() const { return context_.get(); }  // borrowed
  const WriteLimits& limits() const { return limits_; }
  int fd() const { return fd_; }
  bool is_closing() const { return closing_; }
  bool is_paused() const { return paused_; }
  bool is_reading() const { return !closing_ && !paused_; }
  // The error set goes to call_exception_handler (an OSError: to the debug log), and the transport
  // is aborted with it. KeyboardInterrupt and SystemExit only leave run_forever.
  void fatal_error(const char* message);

  void on_io(int fd, uint32_t events) noexcept override;
  bool calls_back() const override { return true; }
  bool is_transport() const override { return !empty_waiter_; }  // closing, it may have to write
  PyObject* object() const override { return self_; }
  int visit_kept(visitproc visit, void* arg) const override { return kept_.traverse(visit, arg); }
  void on_set_closed() noexcept override;
  void flush_writes() noexcept override;

  int traverse(visitproc visit, void* arg) const;
  void clear();
  void finalize();

 private:
  static void begin(PyObject* self) noexcept;
  static void end(PyObject* self) noexcept;

  bool may_write(const char* method);  // false with an error set
  bool append(PyObject* data);
  void write_bytes(PyObject* data, std::string_view bytes);
  std::string_view send_now(std::string_view bytes);  // what is left
  void keep(PyObject* data, std::string_view bytes);
  void after_append();
  void flush();
  void drained();
  void read_ready();
  void read_ended();
  void update_interest();
  void tell_flow(bool (StreamSink::*tell)());
  void tell_to_pause();
  void lose(PyRef exception);
  void connection_lost();
  void close_socket();
  void use_socket();
  void warn_lost();
  PyRef own_name();

  PyObject* const self_;  // borrowed: it owns this
  EventLoop* loop_;
  PyRef loop_object_;
  PyRef context_;  // of every callback
  PyRef socket_;
  PyRef transport_socket_;
  PyRef extra_;
  PyRef server_;
  PyRef waiter_;
  PyRef empty_waiter_;  // of sendfile, while it waits for the queue
  PyRef exception_;     // what connection_lost will be given
  PyRef kept_;          // this object, while the loop keeps it
  std::shared_ptr<StreamSink> sink_;
  std::shared_ptr<WriteHabit> habit_;
  std::unique_ptr<SockAddr> peer_;
  std::unique_ptr<SockAddr> own_;  // after connection_lost, if somebody may ask
  OutputQueue queue_;
  WriteLimits limits_;
  int fd_;
  uint32_t lost_ = 0;  // connection_lost is due; then counts the writes that came after
  uint64_t last_write_callback_ = 0;
  uint32_t writes_in_callback_ = 0;
  bool begun_ = false;
  bool paused_ = false;
  bool closing_ = false;
  bool eof_written_ = false;
  bool read_ended_ = false;  // eof_received() wanted to stay open
  bool awaits_writable_ = false;
  bool flush_due_ = false;
  bool uses_socket_ = false;  // use_socket() was called
};

// The address of the peer, and of our end; null if there is none.
std::unique_ptr<SockAddr> peer_address_of(int fd);
std::unique_ptr<SockAddr> own_address_of(int fd);

using SocketTransportType = NativeSubclass<SocketTransport>;

// Adds _tricorn.SocketTransport. False with an error set.
bool add_socket_transport_type(PyObject* module);

}  // namespace tricorn
