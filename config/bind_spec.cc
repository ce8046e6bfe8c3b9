// Bind specs: parsing and spelling.
#include "config/bind_spec.h"

#include <fmt/core.h>
#include <sys/un.h>

#include <charconv>
#include <optional>

namespace tricorn {
namespace {

constexpr std::string_view kForms = "host:port, [v6-address]:port, port, unix:path or fd://N";

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::unexpected<Error> malformed(std::string_view text, std::string_view why) {
  return fail(fmt::format("'{}' {}", text, why));
}

Result<BindSpec> fd_bind_spec(std::string_view text, std::string_view digits) {
  auto fd = number<int>(digits);
  if (!fd || *fd < 0) return malformed(text, "names no descriptor: write fd://N");
  return BindSpec{.kind = BindSpec::Kind::kFd, .fd = *fd};
}

Result<BindSpec> tcp_bind_spec(std::string_view text, std::string_view host,
                               std::string_view port_text) {
  auto port = number<uint16_t>(port_text);
  if (!port)
    return malformed(text, fmt::format("has no port from 0 to 65535 (allowed: {})", kForms));
  return BindSpec{.host = std::string(host), .port = *port};
}

}  // namespace

Result<BindSpec> unix_bind_spec(std::string_view path) {
  if (path.empty() || path == "@") return malformed(path, "is no path of a unix socket");
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return malformed(path, fmt::format("is too long for a unix socket: {} bytes, at most {}",
                                       path.size(), sizeof(sockaddr_un::sun_path) - 1));
  }
  return BindSpec{.kind = BindSpec::Kind::kUnix, .path = std::string(path)};
}

Result<BindSpec> parse_bind_spec(std::string_view text) {
  if (text.starts_with("fd://")) return fd_bind_spec(text, text.substr(5));
  if (text.starts_with("unix:")) {
    std::string_view path = text.substr(5);
    if (path.starts_with("//")) path.remove_prefix(2);  // unix:///run/app.sock
    return unix_bind_spec(path);
  }
  if (text.starts_with('/') || text.starts_with("./")) {
    return malformed(text, fmt::format("looks like a path: write unix:{}", text));
  }
  if (text.find("://") != text.npos) {
    return malformed(text, fmt::format("is not an address (allowed: {})", kForms));
  }
  if (text.starts_with('[')) {
    size_t bracket = text.find("]:");
    if (bracket == text.npos) return malformed(text, "has no port: write [address]:port");
    if (bracket == 1) return malformed(text, "has no address: write [::]:port for all of them");
    return tcp_bind_spec(text, text.substr(1, bracket - 1), text.substr(bracket + 2));
  }
  size_t colon = text.rfind(':');
  if (colon == text.npos) {
    if (number<uint16_t>(text)) return tcp_bind_spec(text, "127.0.0.1", text);
    return malformed(text, fmt::format("has no port (allowed: {})", kForms));
  }
  std::string_view host = text.substr(0, colon);
  if (host.find(':') != host.npos) {
    return malformed(text, fmt::format("has too many colons: write [{}]:port", text));
  }
  return tcp_bind_spec(text, host.empty() ? "0.0.0.0" : host, text.substr(colon + 1));
}

std::string to_string(const BindSpec& bind) {
  switch (bind.kind) {
    case BindSpec::Kind::kUnix:
      return fmt::format("unix:{}", bind.path);
    case BindSpec::Kind::kFd:
      return fmt::format("fd://{}", bind.fd);
    case BindSpec::Kind::kTcp:
      break;
  }
  bool v6 = bind.host.find(':') != bind.host.npos;
  return v6 ? fmt::format("[{}]:{}", bind.host, bind.port)
            : fmt::format("{}:{}", bind.host, bind.port);
}

}  // namespace tricorn
