// One connection of the event loops' load: bytes go out and come in without blocking, over TCP,
// unix sockets, UDP or TLS.
//
// Single thread. A connection that breaks ends the program: nothing is measured over less than what
// was asked for.
#pragma once

#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

[[noreturn]] void fail(std::string_view what);

// "tcp:PORT", "tls:PORT", "udp:PORT", "unix:PATH"; ports are of 127.0.0.1.
struct Address {
  static Address parse(std::string_view text);

  std::string kind;
  std::string path;
  uint16_t port = 0;
};

// Connected, not blocking, TCP_NODELAY where that exists. `client` picks the address that a TCP
// connection comes from, so that thousands a second do not run out of ports.
int connect_to(const Address& address, unsigned client = 0);

class Channel {
 public:
  static std::unique_ptr<Channel> open(const Address& address);

  explicit Channel(int fd) : fd_(fd) {}
  virtual ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int fd() const { return fd_; }
  // How many bytes the other side takes now; 0: none.
  virtual size_t send(std::string_view bytes);
  // How many bytes came, at most `room`; 0: none.
  virtual size_t receive(char* into, size_t room);
  // What the connection is, for those who check: "TLSv1.3 TLS_AES_256_GCM_SHA384".
  virtual std::string description() const { return "plain"; }
  // Segments with data that TCP has received so far; 0 for other sockets.
  uint64_t segments() const;

 private:
  int fd_;
};

class TlsChannel : public Channel {
 public:
  explicit TlsChannel(int fd);

  size_t send(std::string_view bytes) override;
  size_t receive(char* into, size_t room) override;
  std::string description() const override;

 private:
  // 0 if the connection has to wait for the other side; ends the program if it is broken.
  size_t none_yet(int result, std::string_view what);

  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};
