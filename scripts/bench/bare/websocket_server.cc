// The yardstick of the WebSocket benchmark: a good echo on libuv that does nothing but WebSocket.
//
// One thread. It reads frames where they lie in the read buffer, unmasks them in place, eight bytes
// at a time, checks that a text is ASCII (all that the benchmark sends), and answers the small
// messages of a read in one write, large ones without a copy. What it leaves out is what an
// application server adds: fragments, limits, pings, timeouts, other UTF-8, an app.
//
//   bare_websocket PORT
#include <uv.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "worker/protocol/sha1.h"

namespace {

constexpr size_t kReadBuffer = 64 * 1024;
constexpr size_t kCopyLimit = 4 * 1024;  // larger messages are sent from where they were read
constexpr uint8_t kFinalText = 0x81;
constexpr uint8_t kFinalBinary = 0x82;

uv_loop_t* loop = nullptr;
std::array<char, kReadBuffer> read_buffer;  // one thread, used up before the next read

struct Connection {
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp); }
  char* read_at(size_t& room);
  void on_bytes(size_t size);
  bool take_handshake();
  bool take_frame(std::string_view& bytes);
  void echo(uint8_t first, std::string_view payload);
  void write(std::string_view payload);
  void close();

  uv_tcp_t tcp;
  std::string rest;  // of a frame that has not come in full; then reads go to its end
  size_t rest_used = 0;
  std::string output;  // frames of this read
  bool open = false;   // the handshake is over
};

// What uv_try_write left over.
struct PendingWrite {
  uv_write_t request;
  std::string data;
};

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0);
    }
    for (size_t j = 0; j < 4; ++j) {
      text.push_back(i + j > bytes.size() ? '=' : kDigits[group >> (18 - 6 * j) & 63]);
    }
  }
  return text;
}

// Unmasks in place; false if it is not all ASCII.
bool unmask(char* bytes, size_t size, const char* key) {
  std::array<char, 8> twice;
  std::memcpy(twice.data(), key, 4);
  std::memcpy(twice.data() + 4, key, 4);
  uint64_t mask, all = 0;
  std::memcpy(&mask, twice.data(), sizeof mask);
  size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes + at, sizeof word);
    word ^= mask;
    all |= word;
    std::memcpy(bytes + at, &word, sizeof word);
  }
  for (; at < size; ++at) {
    bytes[at] = static_cast<char>(bytes[at] ^ twice[at % 8]);
    all |= static_cast<uint8_t>(bytes[at]);
  }
  return (all & 0x8080808080808080) == 0;
}

void Connection::close() {
  auto* handle = reinterpret_cast<uv_handle_t*>(&tcp);
  if (uv_is_closing(handle) != 0) return;
  uv_close(handle, [](uv_handle_t* closed) { delete static_cast<Connection*>(closed->data); });
}

void on_written(uv_write_t* request, int status) {
  auto* connection = static_cast<Connection*>(request->handle->data);
  delete static_cast<PendingWrite*>(request->data);
  if (status != 0) connection->close();
}

// Sends `output`, and `payload` behind it.
void Connection::write(std::string_view payload) {
  if (output.empty() && payload.empty()) return;
  std::array<uv_buf_t, 2> buffers = {
      uv_buf_init(output.data(), output.size()),
      uv_buf_init(const_cast<char*>(payload.data()), payload.size())};
  int written = uv_try_write(stream(), buffers.data(), payload.empty() ? 1 : 2);
  if (written < 0 && written != UV_EAGAIN) return close();
  size_t sent = written < 0 ? 0 : static_cast<size_t>(written);
  if (sent < output.size() + payload.size()) {
    auto* pending = new PendingWrite;
    if (sent < output.size()) pending->data.assign(output, sent);
    pending->data.append(payload.substr(sent > output.size() ? sent - output.size() : 0));
    pending->request.data = pending;
    uv_buf_t left = uv_buf_init(pending->data.data(), pending->data.size());
    uv_write(&pending->request, stream(), &left, 1, on_written);
  }
  output.clear();
}

void Connection::echo(uint8_t first, std::string_view payload) {
  const size_t size = payload.size();
  output.push_back(static_cast<char>(first));
  if (size < 126) {
    output.push_back(static_cast<char>(size));
  } else {
    const bool is_long = size > UINT16_MAX;
    output.push_back(is_long ? 127 : 126);
    for (int shift = is_long ? 56 : 8; shift >= 0; shift -= 8) {
      output.push_back(static_cast<char>(size >> shift));
    }
  }
  if (size > kCopyLimit) return write(payload);
  output.append(payload);
}

// Takes one whole frame off `bytes`; false when there is none.
bool Connection::take_frame(std::string_view& bytes) {
  if (bytes.size() < 6) return false;
  uint64_t size = bytes[1] & 0x7f;
  const size_t length_bytes = size < 126 ? 0 : size == 126 ? 2 : 8;
  const size_t head = 2 + length_bytes + 4;
  if (bytes.size() < head) return false;
  if (length_bytes != 0) {
    size = 0;
    for (size_t i = 0; i < length_bytes; ++i) size = size << 8 | static_cast<uint8_t>(bytes[2 + i]);
  }
  if (bytes.size() - head < size) return false;
  char* const payload = const_cast<char*>(bytes.data()) + head;
  const auto first = static_cast<uint8_t>(bytes[0]);
  const bool masked = (bytes[1] & 0x80) != 0;
  const bool ascii = unmask(payload, size, bytes.data() + head - 4);
  if (!masked || (first != kFinalBinary && (first != kFinalText || !ascii))) {
    close();
    return false;
  }
  bytes.remove_prefix(head + size);
  echo(first, {payload, size});
  return true;
}

// `rest` holds the request.
bool Connection::take_handshake() {
  constexpr std::string_view kName = "Sec-WebSocket-Key: ";
  const size_t end = rest.find("\r\n\r\n", 0);
  if (end == std::string::npos) return false;
  const size_t key = rest.find(kName);
  if (key == std::string::npos || key > end) {
    close();
    return false;
  }
  const size_t value = key + kName.size();
  const auto digest = tricorn::sha1(rest.substr(value, rest.find('\r', value) - value) +
                                    "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  output =
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
      "sec-websocket-accept: " +
      base64({reinterpret_cast<const char*>(digest.data()), digest.size()}) + "\r\n\r\n";
  write({});
  rest.erase(0, end + 4);
  return open = true;
}

char* Connection::read_at(size_t& room) {
  if (open && rest.empty()) {
    room = read_buffer.size();
    return read_buffer.data();
  }
  rest_used = rest.size();
  rest.resize_and_overwrite(rest_used + kReadBuffer, [](char*, size_t size) { return size; });
  room = kReadBuffer;
  return rest.data() + rest_used;
}

void Connection::on_bytes(size_t size) {
  const bool in_rest = !rest.empty();
  if (in_rest) rest.resize(rest_used + size);
  if (!open && !take_handshake()) return;
  std::string_view bytes = in_rest ? rest : std::string_view(read_buffer.data(), size);
  while (take_frame(bytes)) {
  }
  write({});
  if (in_rest) {
    rest.erase(0, rest.size() - bytes.size());
  } else {
    rest.assign(bytes);
  }
}

void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t*) {
  auto* connection = static_cast<Connection*>(stream->data);
  if (size < 0) return connection->close();
  connection->on_bytes(static_cast<size_t>(size));
}

void on_connection(uv_stream_t* listener, int status) {
  if (status != 0) return;
  auto* connection = new Connection;
  uv_tcp_init(loop, &connection->tcp);
  connection->tcp.data = connection;
  if (uv_accept(listener, connection->stream()) != 0) return connection->close();
  uv_tcp_nodelay(&connection->tcp, 1);
  uv_read_start(
      connection->stream(),
      [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
        size_t room = 0;
        char* const at = static_cast<Connection*>(handle->data)->read_at(room);
        *buffer = uv_buf_init(at, room);
      },
      on_read);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: bare_websocket PORT\n");
    return 2;
  }
  loop = uv_default_loop();
  sockaddr_in address;
  uv_ip4_addr("127.0.0.1", atoi(argv[1]), &address);
  uv_tcp_t listener;
  uv_tcp_init(loop, &listener);
  uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&address), 0);
  int status = uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 2048, on_connection);
  if (status != 0) {
    fprintf(stderr, "bare_websocket: cannot listen on port %s: %s\n", argv[1], uv_strerror(status));
    return 1;
  }
  return uv_run(loop, UV_RUN_DEFAULT);
}
