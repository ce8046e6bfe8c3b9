// Fuzzes an open WebSocket: however a client's bytes are cut, the app sees the same messages and
// the same end, and the client the same frames.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "worker/protocol/utf8_validator.h"
#include "worker/protocol/websocket_harness.h"

namespace {

using tricorn::HttpSettings;
using tricorn::WebSocketHarness;

[[noreturn]] void give_up(std::string_view why, const std::string& a, const std::string& b) {
  std::fprintf(stderr, "%.*s\n--- whole\n%s\n--- cut\n%s\n", static_cast<int>(why.size()),
               why.data(), a.c_str(), b.c_str());
  std::abort();
}

// The app echoes, and closes when it is told to.
void answer(WebSocketHarness& app, std::string_view data, bool is_text) {
  if (is_text && !tricorn::is_utf8(data)) give_up("text that is none", std::string(data), "");
  app.socket->consumed(data.size());
  if (data == "bye") {
    static_cast<void>(app.socket->close(1000, "bye"));
  } else {
    static_cast<void>(app.socket->send(tricorn::Chunk::borrowed(data), is_text));
  }
}

// The payload of a client's frame is fuzzed as what it means: masked here, so that a change of one
// byte is a change of one byte.
std::string masked(std::string_view bytes) {
  std::string out(bytes);
  for (size_t at = 0; at + 2 <= out.size();) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(out[i]); };
    const size_t short_length = byte(at + 1) & 0x7F;
    size_t header = 2;
    uint64_t length = short_length;
    if (short_length >= 126) {
      header += short_length == 126 ? 2 : 8;
      if (at + header > out.size()) break;
      length = 0;
      for (size_t i = 2; i < header; ++i) length = length << 8 | byte(at + i);
    }
    if (at + header + 4 > out.size()) break;
    const size_t key = at + header;
    const size_t end = std::min<uint64_t>(out.size() - key - 4, length) + key + 4;
    for (size_t i = key + 4; i < end; ++i) out[i] ^= out[key + (i - key) % 4];
    at = end;
  }
  return out;
}

std::string run(std::string_view bytes, const HttpSettings& settings, uint32_t cut) {
  WebSocketHarness app(settings);
  app.on_data = answer;
  app.open("Sec-WebSocket-Extensions: permessage-deflate\r\n");
  std::string sent;
  tricorn::in_random_pieces(bytes, cut, [&](std::string_view piece) {
    app.input(piece);
    sent += app.sent();
    app.end_turn();
  });
  sent += app.sent();
  std::string text = tricorn::shown_frames(sent);
  text += "phase " + std::to_string(static_cast<int>(app.session->phase())) + "\n";
  app.session->on_input_end();
  app.end_turn();
  if (app.socket != nullptr) give_up("never ended", text, app.log);
  return text + app.log + app.records;
}

}  // namespace

// The first byte: settings and the cut.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  HttpSettings settings;
  settings.websocket.max_message_bytes = 2000;
  settings.websocket.deflate.enabled = (data[0] & 1) != 0;
  settings.websocket.deflate.context_takeover = (data[0] & 4) != 0;
  if ((data[0] & 2) != 0) settings.websocket.max_queue = 1;
  const std::string bytes =
      masked(std::string_view(reinterpret_cast<const char*>(data), size).substr(1));
  const std::string whole = run(bytes, settings, 0);
  const std::string cut = run(bytes, settings, data[0] | 256u);
  if (whole != cut) give_up("the cut makes a difference", whole, cut);
  return 0;
}
