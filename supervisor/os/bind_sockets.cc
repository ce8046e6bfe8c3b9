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

bool names_descriptors(const std::vector<BindSpec>& binds) {
  return std::ranges::any_of(binds,
                             [](const BindSpec& bind) { return bind.kind == BindSpec::Kind::kFd; });
}

// The service manager's sockets, first by our hand, then inherited; their numbers are the same.
std::vector<BindSpec> passed_binds(Environment& environment, const Inheritance& inheritance) {
  int passed = std::max(take_passed_sockets(environment), inheritance.activated_sockets());
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
                                           const Options& options, Inheritance& inheritance) {
  if (auto inherited = inheritance.take_sockets(to_string(bind)); !inherited.empty()) {
    return inherited;
  }
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
  if (const auto& owner = options.identity; owner && bind.kind == BindSpec::Kind::kUnix) {
    if (auto given = socket->give_to(owner->uid, owner->gid); !given) return pass_on(given);
  }
  std::vector<ListenSocket> sockets;
  sockets.push_back(std::move(*socket));
  return sockets;
}

}  // namespace

Result<BindSockets> BindSockets::open(const Options& options, Environment& environment) {
  Inheritance none;
  return open(options, environment, none);
}

Result<BindSockets> BindSockets::open(const Options& options, Environment& environment,
                                      Inheritance& inheritance) {
  BindSockets opened;
  opened.backlog_ = options.backlog;
  auto passed = passed_binds(environment, inheritance);
  opened.activated_ = !passed.empty() && !names_descriptors(options.binds);
  const auto& binds = opened.activated_ ? passed : options.binds;
  for (const BindSpec& bind : binds) {
    auto sockets = open_one(bind, binds, options, inheritance);
    if (!sockets) return pass_on(sockets);
    for (ListenSocket& socket : *sockets) socket.set_bind(to_string(bind));
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

void BindSockets::close() {
  std::erase_if(sockets_, [](const ListenSocket& socket) { return socket.file_ours(); });
  for (ListenSocket& socket : sockets_) socket.close();
}

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

std::vector<const ListenSocket*> BindSockets::offers() const {
  std::vector<const ListenSocket*> offered;
  for (const ListenSocket& socket : sockets_) {
    if (socket.file_in_place()) offered.push_back(&socket);
  }
  return offered;
}

void BindSockets::set_files_ours(const std::vector<std::string>& binds, bool ours) {
  for (ListenSocket& socket : sockets_) {
    if (std::ranges::find(binds, socket.bind()) != binds.end()) socket.set_file_ours(ours);
  }
}

std::vector<std::string> BindSockets::inherited_binds() const {
  std::vector<std::string> binds;
  for (const ListenSocket& socket : sockets_) {
    if (socket.inherited()) binds.push_back(socket.bind());
  }
  return binds;
}

std::vector<std::string> BindSockets::urls() const {
  std::vector<std::string> urls;
  for (const ListenSocket& socket : sockets_) {
    if (socket.settings().part == 0) urls.push_back(socket.url());
  }
  return urls;
}

}  // namespace tricorn
