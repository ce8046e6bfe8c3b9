// Sockets that do not block, and OpenSSL over them.
#include "channel.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

void fail(std::string_view what) {
  fprintf(stderr, "loop_load: %.*s\n", static_cast<int>(what.size()), what.data());
  exit(1);
}

namespace {

constexpr uint32_t kClients = 200;  // 127.0.0.1 to 127.0.0.200

int connect_unix(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) fail("the path of the socket is too long");
  memcpy(address.sun_path, path.c_str(), path.size());
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    fail(std::string("cannot connect to ") + path + ": " + strerror(errno));
  }
  return fd;
}

int connect_inet(uint16_t port, int type, unsigned client) {
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (client % kClients != 0) {
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + client % kClients);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("cannot bind");
  }
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    fail(std::string("cannot connect: ") + strerror(errno));
  }
  if (type == SOCK_STREAM) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

SSL_CTX* tls_context() {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = SSL_CTX_new(TLS_client_method());
    if (made == nullptr) fail("no TLS");
    SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(made, 1);
    SSL_CTX_set_default_read_buffer_len(made, 128 * 1024);
    return made;
  }();
  return context;
}

}  // namespace

Address Address::parse(std::string_view text) {
  const size_t colon = text.find(':');
  Address address;
  address.kind = text.substr(0, colon);
  const std::string rest(colon == text.npos ? "" : text.substr(colon + 1));
  if (address.kind == "unix") {
    address.path = rest;
  } else if (address.kind == "tcp" || address.kind == "tls" || address.kind == "udp") {
    address.port = static_cast<uint16_t>(atoi(rest.c_str()));
  } else {
    fail("an address is tcp:PORT, tls:PORT, udp:PORT or unix:PATH");
  }
  return address;
}

int connect_to(const Address& address, unsigned client) {
  const int fd = address.kind == "unix"  ? connect_unix(address.path)
                 : address.kind == "udp" ? connect_inet(address.port, SOCK_DGRAM, 0)
                                         : connect_inet(address.port, SOCK_STREAM, client);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

std::unique_ptr<Channel> Channel::open(const Address& address) {
  const int fd = connect_to(address);
  if (address.kind == "tls") return std::make_unique<TlsChannel>(fd);
  return std::make_unique<Channel>(fd);
}

Channel::~Channel() { close(fd_); }

size_t Channel::send(std::string_view bytes) {
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return static_cast<size_t>(sent);
  if (errno != EAGAIN) fail(std::string("cannot send: ") + strerror(errno));
  return 0;
}

size_t Channel::receive(char* into, size_t room) {
  const ssize_t got = recv(fd_, into, room, MSG_DONTWAIT);
  if (got > 0) return static_cast<size_t>(got);
  if (got == 0) fail("a connection was closed");
  if (errno != EAGAIN) fail(std::string("cannot receive: ") + strerror(errno));
  return 0;
}

uint64_t Channel::segments() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return info.tcpi_data_segs_in;
}

TlsChannel::TlsChannel(int fd) : Channel(fd), ssl_(SSL_new(tls_context()), SSL_free) {
  SSL_set_fd(ssl_.get(), fd);
  for (;;) {  // spins: no other connection is there yet
    const int done = SSL_connect(ssl_.get());
    if (done == 1) return;
    none_yet(done, "the handshake failed");
  }
}

size_t TlsChannel::none_yet(int result, std::string_view what) {
  const int error = SSL_get_error(ssl_.get(), result);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) fail(what);
  return 0;
}

size_t TlsChannel::send(std::string_view bytes) {
  const int sent = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  return sent > 0 ? static_cast<size_t>(sent) : none_yet(sent, "cannot send over TLS");
}

size_t TlsChannel::receive(char* into, size_t room) {
  const int got = SSL_read(ssl_.get(), into, static_cast<int>(room));
  return got > 0 ? static_cast<size_t>(got) : none_yet(got, "cannot receive over TLS");
}

std::string TlsChannel::description() const {
  return std::string(SSL_get_version(ssl_.get())) + " " + SSL_get_cipher_name(ssl_.get());
}
