// From bind specs to sockets.
#include "supervisor/os/bind_sockets.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "common/control_message.h"

namespace tricorn {
namespace {

constexpr int kFirstPassedFd = 3;                   // SD_LISTEN_FDS_START
constexpr size_t kMaxSockets = kMaxControlFds - 1;  // one place in kSetup is the scoreboard's
// Of an address, with --reuse-port: so many accept queues are never what is waited for.
constexpr uint32_t kMostParts = 16;

int take_number(Environment& environment, const std::string& name) {
  auto variable = environment.extract(name);
  if (variable.empty()) return 0;
  const std::string& text = variable.mapped();
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// How many sockets sd_listen_fds(3) would find.
int take_passed_sockets(Environment& environment) {
  int pid = take_number(environment, "LISTEN_PID");
  int count = take_number(environment, "LISTEN_FDS");
  environment.erase("LISTEN_FDNAMES");
  return pid == ::getpid() ? std::max(count, 0) : 0;
}

std::vector<BindSpec> choose_binds(const Options& options, Environment& environment) {
  int passed = take_passed_sockets(environment);
  bool names_descriptors = std::ranges::any_of(
      options.binds, [](const BindSpec& bind) { return bind.kind == BindSpec::Kind::kFd; });
  if (passed == 0 || names_descriptors) return options.binds;
  std::vector<BindSpec> binds;
  for (int i = 0; i < passed; ++i) {
    binds.push_back({.kind = BindSpec::Kind::kFd, .fd = kFirstPassedFd + i});
  }
  return binds;
}

// [::]:80 beside 0.0.0.0:80 must leave IPv4 to the other.
bool shares_its_port(const BindSpec& bind, const std::vector<BindSpec>& binds) {
  auto same_port = [&](const BindSpec& other) {
    return other.kind == BindSpec::Kind::kTcp && other.port == bind.port;
  };
  return std::ranges::count_if(binds, same_port) > 1;
}

Result<std::vector<ListenSocket>> open_one(const BindSpec& bind, const std::vector<BindSpec>& all,
                                           const Options& options) {
  if (bind.kind == BindSpec::Kind::kTcp) {
    const uint32_t parts = options.reuse_port ? std::min(options.workers, kMostParts) : 1;
    return ListenSocket::bind_tcp(
        bind,
        {.v6_only = shares_its_port(bind, all), .reuse_port = options.reuse_port, .parts = parts});
  }
  auto socket = bind.kind == BindSpec::Kind::kUnix
                    ? ListenSocket::bind_unix(bind.path, options.uds_permissions)
                    : ListenSocket::adopt(bind.fd);
  if (!socket) return pass_on(socket);
  std::vector<ListenSocket> sockets;
  sockets.push_back(std::move(*socket));
  return sockets;
}

}  // namespace

Result<BindSockets> BindSockets::open(const Options& options, Environment& environment) {
  BindSockets opened;
  opened.backlog_ = options.backlog;
  auto binds = choose_binds(options, environment);
  for (const BindSpec& bind : binds) {
    auto sockets = open_one(bind, binds, options);
    if (!sockets) return pass_on(sockets);
    std::ranges::move(*sockets, std::back_inserter(opened.sockets_));
  }
  if (opened.sockets_.size() > kMaxSockets) {
    return fail(fmt::format("{} listening sockets asked for, at most {} are possible",
                            opened.sockets_.size(), kMaxSockets));
  }
  return opened;
}

Result<> BindSockets::listen() {
  for (ListenSocket& socket : sockets_) {
    auto listening = socket.listen(backlog_);
    if (!listening) return listening;
  }
  return {};
}

void BindSockets::close() { sockets_.clear(); }

std::vector<int> BindSockets::fds() const {
  std::vector<int> fds;
  for (const ListenSocket& socket : sockets_) fds.push_back(socket.fd());
  return fds;
}

std::vector<ListenerSettings> BindSockets::settings() const {
  std::vector<ListenerSettings> settings;
  for (const ListenSocket& socket : sockets_) settings.push_back(socket.settings());
  return settings;
}

std::vector<std::string> BindSockets::urls() const {
  std::vector<std::string> urls;
  for (const ListenSocket& socket : sockets_) {
    if (socket.settings().part == 0) urls.push_back(socket.url());
  }
  return urls;
}

}  // namespace tricorn
