// The yardstick of the benchmark: a good HTTP/1.1 server on libuv and llhttp that does nothing but
// HTTP.
//
// One thread. It parses every request with llhttp in full (method, target, headers, body), keeps
// connections alive, answers pipelined requests in order, and sends each turn's responses of a
// connection in one write, tried at once (uv_try_write) and queued for what the socket does not
// take. Date is formatted once a second. A large body is referenced, not copied. What it leaves out
// is what an application server adds: limits, timeouts, logs, an app.
//
//   bare_server PORT        GET /plain /1k /10k /100k, POST /echo
#include <llhttp.h>
#include <uv.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

constexpr size_t kReadBuffer = 64 * 1024;
constexpr size_t kCopyLimit = 16 * 1024;  // larger bodies are referenced

uv_loop_t* loop = nullptr;
std::array<char, kReadBuffer> read_buffer;  // one thread, parsed before the next read
std::array<char, 64> date_line;
const std::unordered_map<std::string_view, std::string> bodies = {
    {"/plain", "Hello, world!"},
    {"/1k", std::string(1024, 'x')},
    {"/10k", std::string(10 * 1024, 'x')},
    {"/100k", std::string(100 * 1024, 'x')},
};

void format_date(uv_timer_t*) {
  time_t now = time(nullptr);
  tm utc;
  gmtime_r(&now, &utc);
  strftime(date_line.data(), date_line.size(), "date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
}

struct Connection {
  Connection();
  void respond(std::string_view status, std::string_view body, bool body_is_static);
  void flush();

  uv_tcp_t tcp;
  llhttp_t parser;
  std::string target;
  std::string request_body;
  std::string output;            // heads and copied bodies of this turn
  std::string_view static_body;  // goes out after `output`, without a copy
  bool keep_alive = true;
};

// What uv_try_write left over.
struct PendingWrite {
  uv_write_t request;
  std::string data;
};

Connection* connection_of(void* parser) {
  return static_cast<Connection*>(static_cast<llhttp_t*>(parser)->data);
}

void close_connection(Connection* connection) {
  auto* handle = reinterpret_cast<uv_handle_t*>(&connection->tcp);
  if (uv_is_closing(handle) != 0) return;
  uv_close(handle, [](uv_handle_t* closed) { delete static_cast<Connection*>(closed->data); });
}

void Connection::respond(std::string_view status, std::string_view body, bool body_is_static) {
  std::array<char, 32> length;
  int digits = snprintf(length.data(), length.size(), "%zu\r\n", body.size());
  if (!static_body.empty()) flush();
  output.append("HTTP/1.1 ").append(status).append("\r\n");
  output.append("server: bare\r\n").append(date_line.data());
  output.append("content-type: text/plain\r\ncontent-length: ").append(length.data(), digits);
  if (!keep_alive) output.append("connection: close\r\n");
  output.append("\r\n");
  if (body_is_static && body.size() > kCopyLimit) {
    static_body = body;
  } else {
    output.append(body);
  }
}

void on_written(uv_write_t* request, int status) {
  auto* connection = static_cast<Connection*>(request->handle->data);
  delete reinterpret_cast<PendingWrite*>(request->data);
  bool all_written = uv_stream_get_write_queue_size(request->handle) == 0;
  if (status != 0 || (!connection->keep_alive && all_written)) close_connection(connection);
}

void Connection::flush() {
  if (output.empty() && static_body.empty()) return;
  auto* stream = reinterpret_cast<uv_stream_t*>(&tcp);
  std::array<uv_buf_t, 2> buffers = {
      uv_buf_init(output.data(), output.size()),
      uv_buf_init(const_cast<char*>(static_body.data()), static_body.size())};
  int count = static_body.empty() ? 1 : 2;
  int written = uv_try_write(stream, buffers.data(), count);
  if (written < 0 && written != UV_EAGAIN) return close_connection(this);
  size_t sent = written < 0 ? 0 : static_cast<size_t>(written);
  size_t total = output.size() + static_body.size();
  if (sent < total) {
    auto* pending = new PendingWrite;
    if (sent < output.size()) pending->data.assign(output, sent);
    size_t body_sent = sent > output.size() ? sent - output.size() : 0;
    pending->data.append(static_body.substr(body_sent));
    pending->request.data = pending;
    uv_buf_t rest = uv_buf_init(pending->data.data(), pending->data.size());
    uv_write(&pending->request, stream, &rest, 1, on_written);
  } else if (!keep_alive) {
    close_connection(this);
  }
  output.clear();
  static_body = {};
}

int on_message_begin(llhttp_t* parser) {
  Connection* connection = connection_of(parser);
  connection->target.clear();
  connection->request_body.clear();
  return 0;
}

int on_url(llhttp_t* parser, const char* at, size_t length) {
  connection_of(parser)->target.append(at, length);
  return 0;
}

int on_header(llhttp_t*, const char*, size_t) {
  return 0;
}  // parsed, as a server must; nothing needs them

int on_body(llhttp_t* parser, const char* at, size_t length) {
  connection_of(parser)->request_body.append(at, length);
  return 0;
}

int on_message_complete(llhttp_t* parser) {
  Connection* connection = connection_of(parser);
  connection->keep_alive = llhttp_should_keep_alive(parser) != 0;
  if (connection->target == "/echo") {
    connection->respond("200 OK", connection->request_body, false);
  } else if (auto found = bodies.find(connection->target); found != bodies.end()) {
    connection->respond("200 OK", found->second, true);
  } else {
    connection->respond("404 Not Found", "", true);
  }
  return 0;
}

const llhttp_settings_t& parser_settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_message_begin = on_message_begin;
    made.on_url = on_url;
    made.on_header_field = on_header;
    made.on_header_value = on_header;
    made.on_body = on_body;
    made.on_message_complete = on_message_complete;
    return made;
  }();
  return settings;
}

Connection::Connection() {
  uv_tcp_init(loop, &tcp);
  tcp.data = this;
  llhttp_init(&parser, HTTP_REQUEST, &parser_settings());
  parser.data = this;
}

void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
  auto* connection = static_cast<Connection*>(stream->data);
  if (size == 0) return;
  if (size < 0) return close_connection(connection);
  if (llhttp_execute(&connection->parser, buffer->base, static_cast<size_t>(size)) != HPE_OK) {
    connection->keep_alive = false;
    connection->respond("400 Bad Request", "", true);
  }
  connection->flush();
}

void on_connection(uv_stream_t* listener, int status) {
  if (status != 0) return;
  auto* connection = new Connection;
  auto* stream = reinterpret_cast<uv_stream_t*>(&connection->tcp);
  if (uv_accept(listener, stream) != 0) return close_connection(connection);
  uv_tcp_nodelay(&connection->tcp, 1);
  uv_read_start(
      stream,
      [](uv_handle_t*, size_t, uv_buf_t* buffer) {
        *buffer = uv_buf_init(read_buffer.data(), read_buffer.size());
      },
      on_read);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: bare_server PORT\n");
    return 2;
  }
  loop = uv_default_loop();
  format_date(nullptr);
  uv_timer_t clock;
  uv_timer_init(loop, &clock);
  uv_timer_start(&clock, format_date, 1000, 1000);
  sockaddr_in address;
  uv_ip4_addr("127.0.0.1", atoi(argv[1]), &address);
  uv_tcp_t listener;
  uv_tcp_init(loop, &listener);
  uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0);
  int status = uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 2048, on_connection);
  if (status != 0) {
    fprintf(stderr, "bare_server: cannot listen on port %s: %s\n", argv[1], uv_strerror(status));
    return 1;
  }
  return uv_run(loop, UV_RUN_DEFAULT);
}
