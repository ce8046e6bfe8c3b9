// Options of group "WebSocket", by uvicorn's names.
#include "config/option_values.h"

namespace tricorn {
namespace {

// uvicorn's names of implementations ask for WebSocket as such.
OptionValue ws_value() {
  auto field = [](auto& o) -> auto& { return o.worker.http.websocket.enabled; };
  OptionValue value = choice_value<bool>({{"auto", true}, {"none", false}}, field);
  value.set = [choose = value.set](Options& options, const std::string& text) {
    const std::string word = lowered(text);
    const bool others = word == "websockets" || word == "websockets-sansio" || word == "wsproto";
    return choose(options, others ? "auto" : text);
  };
  return value;
}

// With a word behind it, as uvicorn's.
OptionValue deflate_value() {
  auto field = [](auto& o) -> auto& { return o.worker.http.websocket.deflate.enabled; };
  OptionValue value = flag_value(field, OptionValue::Shape::kOne);
  value.set = [set = value.set](Options& options, const std::string& text) {
    return set(options, lowered(text));
  };
  value.metavar = "true|false";
  value.show = [field](const Options& options) -> std::string {
    return field(options) ? "true" : "false";
  };
  return value;
}

}  // namespace

OptionGroup websocket_options() {
  constexpr uint64_t kDayMs = 86'400'000;
  return {
      "WebSocket",
      {
          {.name = "ws",
           .value = ws_value(),
           .help = "Whether an app is offered WebSocket. None: a handshake is a request like any "
                   "other."},
          {.name = "ws-max-size",
           .value = bytes_value(
               [](auto& o) -> auto& { return o.worker.http.websocket.max_message_bytes; },
               {.least = 1, .most = uint64_t{1} << 40}),
           .help = "Of a message from a client, decompressed; more closes the socket with 1009."},
          {.name = "ws-max-queue",
           .value =
               count_value("N", [](auto& o) -> auto& { return o.worker.http.websocket.max_queue; },
                           {.least = 1, .most = 65536}),
           .help = "Messages that wait for the app until no more is read; 64 KiB of them are "
                   "enough as well."},
          {.name = "ws-ping-interval",
           .value = seconds_value(
               [](auto& o) -> auto& { return o.worker.http.websocket.ping_interval_ms; },
               {.most = kDayMs, .zero = "off"}),
           .help = "Time between two pings to a client."},
          {.name = "ws-ping-timeout",
           .value = seconds_value(
               [](auto& o) -> auto& { return o.worker.http.websocket.ping_timeout_ms; },
               {.most = kDayMs, .zero = "no limit"}),
           .help = "Time for a sign of life after a ping; then the socket is closed with 1011."},
          {.name = "ws-per-message-deflate",
           .value = deflate_value(),
           .help = "Compress messages for clients that offer it."},
          {.name = "ws-deflate-threshold",
           .value = bytes_value(
               [](auto& o) -> auto& { return o.worker.http.websocket.deflate.threshold_bytes; },
               {.most = uint64_t{1} << 30}),
           .help = "Smaller messages are sent uncompressed."},
          {.name = "ws-deflate-window-bits",
           .value = count_value(
               "N", [](auto& o) -> auto& { return o.worker.http.websocket.deflate.window_bits; },
               {.least = 9, .most = 15}),
           .help = "Of the compressors' windows, at most; fewer take less memory with context "
                   "takeover."},
          {.name = "ws-deflate-context-takeover",
           .value = flag_value(
               [](auto& o) -> auto& { return o.worker.http.websocket.deflate.context_takeover; }),
           .help = "Compress each message with the ones before it in mind: smaller ones, for "
                   "memory of each connection."},
      }};
}

}  // namespace tricorn
