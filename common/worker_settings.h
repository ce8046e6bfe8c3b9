// WorkerSettings: what a zygote and its workers need to know, as plain values, sent by the master as text in kSetup.
// Every duration in milliseconds, every size in bytes; 0 means "no limit" only where said.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/logging.h"
#include "common/result.h"

namespace tricorn {

enum class LifespanMode : uint8_t { kAuto, kOn, kOff };

// What the app speaks; kAuto: the worker tells by the app's looks.
enum class Interface : uint8_t { kAuto, kAsgi3, kAsgi2, kWsgi };

enum class ListenerKind : uint8_t { kTcp, kUnix };

// One listening socket, inherited by the workers; its descriptor travels beside the settings, in the same order.
struct ListenerSettings {
  ListenerKind kind = ListenerKind::kTcp;
  std::string name;  // "127.0.0.1:8000", "unix:/run/app.sock": for logs and scope["server"] of unix sockets
  uint32_t part = 0;   // which of the `parts` sockets that share the address (--reuse-port)
  uint32_t parts = 1;
  bool operator==(const ListenerSettings&) const = default;
};

// permessage-deflate (RFC 7692), where the client offers it.
struct DeflateSettings {
  bool enabled = false;
  uint32_t threshold_bytes = 256;  // smaller messages are sent as they are
  uint32_t window_bits = 15;       // 9..15: of both sides at most
  bool context_takeover = false;   // each connection keeps a window for each direction
  bool operator==(const DeflateSettings&) const = default;
};

struct WebSocketSettings {
  bool enabled = true;                            // false: a handshake is a request like any other
  uint64_t max_message_bytes = 16 * 1024 * 1024;  // at least 1; of one that comes, inflated; more is 1009
  uint32_t max_queue = 32;  // reading pauses while so many messages, or more than body_high_water_bytes, are untaken
  uint32_t ping_interval_ms = 20'000;  // between our pings; 0: none are sent
  uint32_t ping_timeout_ms = 20'000;   // without a byte after a ping of ours: 1011; 0: no limit
  DeflateSettings deflate;
  bool operator==(const WebSocketSettings&) const = default;
};

struct HttpSettings {
  uint32_t keep_alive_timeout_ms = 75'000;   // idle between requests; load balancers hold 60 s
  uint32_t header_timeout_ms = 10'000;       // first byte after accept, and a whole head after its first byte
  uint32_t body_timeout_ms = 0;              // between two pieces of a body that the app waits for; 0: no limit
  uint32_t max_header_bytes = 64 * 1024;     // request line and headers together; more is 431
  uint32_t max_target_bytes = 16 * 1024;     // more is 414
  uint32_t max_headers = 256;                // fields; more is 431
  uint64_t max_body_bytes = 0;               // 0: no limit; more is 413
  uint32_t body_high_water_bytes = 64 * 1024;   // reading pauses while the app leaves more than this unread
  uint32_t write_high_water_bytes = 64 * 1024;  // send() waits while more than this is unsent
  bool server_header = true;
  bool date_header = true;
  std::vector<std::pair<std::string, std::string>> extra_headers;  // --header "Name: value"
  WebSocketSettings websocket;
  bool operator==(const HttpSettings&) const = default;
};

// Header fields in which a proxy may say where a request comes from: bits of ProxySettings::fields.
enum ForwardedField : uint32_t {
  kXForwardedFor = 1,
  kXForwardedProto = 2,
  kXForwardedHost = 4,
  kForwarded = 8,  // RFC 7239; alone
};

enum class ProxyProtocol : uint8_t { kOff, kV1, kV2, kAuto };

struct ProxySettings {
  bool headers = true;  // trusted peers are believed what the fields say
  uint32_t fields = kXForwardedFor | kXForwardedProto;
  std::string trusted = "127.0.0.1,::1";  // as TrustedPeers::parse takes it
  ProxyProtocol protocol = ProxyProtocol::kOff;
  std::string protocol_sources = "127.0.0.1,::1";  // who has to send a PROXY header
  bool operator==(const ProxySettings&) const = default;
};

struct WorkerSettings {
  std::string app;       // "module:attribute"
  std::string app_dir;   // put first on sys.path; "" means none
  bool factory = false;  // the attribute is a callable that makes the app
  bool preload = false;  // the zygote imports the app, the workers share it
  bool reload = false;   // sources are being edited: bytecode of fresh ones is not trusted
  Interface interface = Interface::kAuto;
  uint32_t threads = 8;  // of a worker, for a WSGI app
  LifespanMode lifespan = LifespanMode::kAuto;
  std::string root_path;
  std::string readiness_path;  // of a GET or HEAD that the server answers itself; "": none
  bool pathsend = true;  // scope["extensions"] names http.response.pathsend
  HttpSettings http;
  ProxySettings proxy;
  uint32_t limit_concurrency = 0;   // requests in progress in one worker; more get 503; 0: no limit
  uint64_t limit_max_requests = 0;  // a worker asks to be replaced after this many; 0: never
  uint64_t limit_max_requests_jitter = 0;
  uint32_t drain_timeout_ms = 30'000;  // what a worker grants itself when no master is left to set a deadline
  uint32_t heartbeat_limit_ms = 60'000;  // a loop that has not turned for so long is stuck; 0: no limit
  LogLevel log_level = LogLevel::kInfo;
  UseColors use_colors = UseColors::kAuto;
  LogFormat log_format = LogFormat::kText;
  bool access_log = true;
  std::string access_log_format;        // for compile_access_pattern; "" until options are checked
  std::string access_log_target = "-";  // for parse_access_target
  std::vector<ListenerSettings> listeners;

  bool operator==(const WorkerSettings&) const = default;
};

// Text form: "key=value" lines, values percent-escaped. decode(encode(s)) == s; an unknown or missing key is an Error.
std::string encode(const WorkerSettings& settings);
Result<WorkerSettings> decode_worker_settings(std::string_view text);

}  // namespace tricorn
