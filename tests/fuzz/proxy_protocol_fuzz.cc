// Fuzzes the PROXY protocol: however a connection's first bytes are cut, the same connections are
// let in, with the same addresses, and the session behind gets the same bytes.
//
// Input: a byte of choices, a byte for the cut, then the connection's bytes.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/ip_address.h"
#include "worker/protocol/proxy_protocol_session.h"

namespace {

using namespace tricorn;

[[noreturn]] void give_up(std::string_view why, const std::string& a, const std::string& b = "") {
  std::fprintf(stderr, "%.*s\n--- whole\n%s\n--- cut\n%s\n", static_cast<int>(why.size()),
               why.data(), a.c_str(), b.c_str());
  std::abort();
}

struct Inner final : Session {
  explicit Inner(std::string& received_bytes) : received(received_bytes) {}
  void on_input(std::string_view bytes) override { received += bytes; }
  void on_input_end() override {}
  void on_disconnect() override {}
  void on_output_sent() override {}
  void on_timeout() override {}
  void resume() override {}
  void begin_drain(bool) override {}
  void report_unfinished() override {}
  SessionPhase phase() const override { return SessionPhase::kServing; }
  bool wants_input() const override { return true; }
  bool client_is_done() const override { return false; }
  bool output_ready() const override { return false; }
  OutputQueue& output() override { return queue; }
  std::string& received;
  OutputQueue queue;
};

std::string shown(const SocketAddress& address) {
  if (!address.known) return "-";
  if (address.port < 0) return "unix " + address.host;
  const auto parsed = parse_ip_address(address.host);
  if (!parsed || to_string(*parsed) != address.host) give_up("no address", address.host);
  if (address.port > 65535) give_up("no port", address.host);
  return address.host + " " + std::to_string(address.port);
}

std::string run(std::string_view bytes, uint8_t choices, uint32_t cut) {
  constexpr ProxyProtocol kModes[] = {ProxyProtocol::kV1, ProxyProtocol::kV2, ProxyProtocol::kAuto,
                                      ProxyProtocol::kAuto};
  std::string verdict;
  std::string received;
  auto session = make_proxy_protocol_session(
      {.accepted = kModes[choices & 3],
       .expected = (choices & 4) == 0,
       .open =
           [&](const ProxyHeader& header) {
             verdict += "open " + shown(header.client) + " > " + shown(header.server) +
                        (header.tells ? " told" : "") + (header.tls ? " tls" : "");
             return std::make_unique<Inner>(received);
           },
       .refuse = [&](const char* fault) { verdict += std::string("refused: ") + fault; }});
  while (!bytes.empty()) {
    size_t piece = bytes.size();
    if (cut != 0) {
      cut = cut * 1664525 + 1013904223;
      piece = std::min<size_t>(piece, 1 + (cut >> 24) % 9);
    }
    const std::string copy(bytes.substr(0, piece));  // gone after the call
    session->on_input(copy);
    bytes.remove_prefix(piece);
    if (session->phase() == SessionPhase::kAborted) break;
  }
  verdict += " phase " + std::to_string(static_cast<int>(session->phase()));
  session->on_input_end();
  return verdict + "\n" + received;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string whole = run(bytes, data[0], 0);
  const std::string cut = run(bytes, data[0], 1 + data[1]);
  if (whole != cut) give_up("the cut is visible", whole, cut);
  return 0;
}
