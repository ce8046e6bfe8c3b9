// TlsStream: TLS between a SocketTransport and an asyncio protocol: the C++ part of SSLTransport,
// which is the transport that the protocol sees. The states are those of asyncio.sslproto.
//
// Life: the socket transport's sink (TlsSink) keeps it until connection_lost. All callbacks run in
// the socket transport's context. GIL, one thread: the loop's.
#pragma once

#include <deque>
#include <memory>

#include "worker/asyncio/python_protocol.h"
#include "worker/asyncio/socket_transport.h"
#include "worker/asyncio/tls_session.h"
#include "worker/asyncio/write_limits.h"
#include "worker/loop/event_loop.h"
#include "worker/python/native_subclass.h"

namespace tricorn {

// What a TLS connection is made of.
struct TlsParts {
  EventLoop* loop = nullptr;
  PyObject* protocol = nullptr;     // the app's
  PyObject* ssl_context = nullptr;  // None: asyncio's default for clients
  bool server_side = false;
  PyObject* server_hostname = Py_None;
  PyObject* handshake_timeout = Py_None;  // seconds
  PyObject* shutdown_timeout = Py_None;
  PyObject* waiter = Py_None;         // completed after the handshake
  bool calls_connection_made = true;  // false: the protocol has had it (start_tls)
};

class TlsStream {
 public:
  TlsStream(PyObject* self, EventLoop& loop);
  ~TlsStream() = default;

  // A new SSLTransport; null with an error set.
  static PyRef make(const TlsParts& parts);
  // The sink for the socket transport below.
  static std::shared_ptr<StreamSink> sink_of(PyObject* ssl_transport);

  // The transport's methods; false (null) with an error set.
  bool write(PyObject* data);
  bool write_lines(PyObject* lines);
  bool append_to_backlog(PyObject* data);
  void close();
  void abort(PyRef exception);
  void pause_reading() { reading_paused_ = true; }
  bool resume_reading();
  bool set_protocol(PyObject* protocol);
  bool set_write_limits(PyObject* args, PyObject* keywords);
  bool set_read_limits(PyObject* args, PyObject* keywords);
  PyRef extra_info(PyObject* name, PyObject* missing);
  PyRef repr();

  bool is_closing() const { return closing_; }
  bool is_reading() const { return !closing_ && !reading_paused_; }
  PyObject* app_protocol() const { return app_ ? app_->protocol() : Py_None; }
  PyObject* loop_object() const { return loop_object_.get(); }
  PyObject* socket_transport() const { return socket_.get(); }  // null: not connected yet
  const WriteLimits& write_limits() const { return write_limits_; }
  const WriteLimits& read_limits() const { return read_limits_; }
  size_t write_buffer_size() const { return backlog_size_ + outgoing_size_; }
  size_t read_buffer_size() const { return session_.incoming_size(); }

  // What is below, before connected() tells of it.
  void attach(PyObject* socket_transport);

  // Ciphertext that others have received, bytes-like. False with an error set.
  bool feed(PyObject* ciphertext) { return session_.receive(ciphertext); }
  // Starts the handshake over a transport that is in use already.
  void begin();

  // The sink's calls.
  bool connected(PyObject* socket_transport);
  ssize_t read(int fd);
  int ended();
  bool lost(PyObject* exception);
  void pause_sending() { sending_paused_ = true; }
  void resume_sending();

  int traverse(visitproc visit, void* arg) const;
  void clear();
  void finalize();

 private:
  static constexpr size_t kReadHigh = 256 * 1024;   // FLOW_CONTROL_HIGH_WATER_SSL_READ
  static constexpr size_t kWriteHigh = 512 * 1024;  // FLOW_CONTROL_HIGH_WATER_SSL_WRITE
  // More than may be on its way while the peer does not know: Linux's largest receive window.
  static constexpr size_t kMostDiscarded = 8 * 1024 * 1024;
  enum class State { kUnwrapped, kHandshake, kWrapped, kFlushing, kShutdown };
  enum class AppState { kNew, kConnected, kEnded, kLost };

  bool configure(const TlsParts& parts);
  SocketTransport& below() const { return SocketTransportType::of(socket_.get()); }
  bool is_open() const { return loop_ != nullptr && socket_; }  // before connection_lost

  void start_timer(NativeCall due, double seconds);
  void stop_timer();
  static void handshake_due(PyObject* self) noexcept;
  static void shutdown_due(PyObject* self) noexcept;
  static void advance_due(PyObject* self) noexcept;

  void advance();  // by what has come
  void do_handshake();
  void handshake_done();
  void handshake_failed();
  void wake_waiter(PyObject* exception);
  void start_shutdown();
  void do_flush();
  TlsResult say_goodbye();
  void do_shutdown();
  void shutdown_done();
  // The error set goes to the exception handler, an OSError only to the debug log; aborts.
  void fatal(const char* message);
  void force_close(PyObject* exception);

  void do_read();
  bool hands_on() const;  // to the app, what comes
  TlsResult read_data();
  TlsResult read_into_buffer();
  TlsResult discard();
  void peer_ended();
  void call_eof_received();
  void control_reading();

  void write_view(PyObject* data, std::string_view bytes);
  TlsResult encrypt(PyObject* data, std::string_view bytes, size_t& written);
  void go_on_after_encrypting();
  bool keep(std::string_view bytes, bool in_front);
  void do_write();
  void send_output();
  void control_writing();
  void tell_flow(bool (StreamSink::*tell)());
  void warn_lost();

  PyObject* const self_;  // borrowed: it owns this
  EventLoop* loop_;       // null after connection_lost
  PyRef loop_object_;
  PyRef socket_;  // the SocketTransport
  std::shared_ptr<PythonProtocol> app_;
  TlsSession session_;
  PyRef ssl_context_;
  PyRef waiter_;
  PyRef timer_;  // of the handshake, later of the shutdown
  PyRef handshake_timeout_;
  double shutdown_timeout_s_ = 0;
  std::deque<PyRef> backlog_;  // bytes that TLS cannot take yet
  size_t backlog_size_ = 0;
  size_t outgoing_size_ = 0;  // ciphertext that the socket transport cannot take yet
  WriteLimits write_limits_;
  WriteLimits read_limits_;
  State state_ = State::kUnwrapped;
  AppState app_state_ = AppState::kNew;
  size_t discarded_ = 0;  // bytes that came after close()
  uint32_t lost_writes_ = 0;
  bool handshaken_ = false;
  bool closing_ = false;
  bool closed_by_app_ = false;  // what still comes is not wanted
  bool reading_paused_ = false;
  bool expects_much_ = false;  // from the next recv
  bool encrypting_ = false;
  bool flush_due_ = false;       // was asked for while we encrypted
  bool socket_paused_ = false;   // by us, since too much is waiting
  bool sending_paused_ = false;  // by the socket transport
  bool eof_received_ = false;
};

using SslTransportType = NativeSubclass<TlsStream>;

// Adds _tricorn.SSLTransport. False with an error set.
bool add_ssl_transport_type(PyObject* module);

}  // namespace tricorn
