// Fuzzes Http1Session: however a byte stream is cut, the app sees the same requests and the client
// the same bytes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "worker/protocol/char_class.h"
#include "worker/protocol/http1_session_harness.h"

namespace {

using tricorn::all_in_class;
using tricorn::Http1SessionHarness;
using tricorn::HttpSettings;
using tricorn::SessionPhase;

[[noreturn]] void give_up(std::string_view why, const std::string& a, const std::string& b = "") {
  std::fprintf(stderr, "%.*s\n--- whole\n%s\n--- cut\n%s\n", static_cast<int>(why.size()),
               why.data(), a.c_str(), b.c_str());
  std::abort();
}

void check(const Http1SessionHarness::Request& request) {
  if (request.method.empty() || !all_in_class(request.method, tricorn::kTokenChar)) {
    give_up("bad method", request.method);
  }
  if (request.target.empty() || (request.target[0] != '/' && request.target != "*")) {
    give_up("bad target", request.target);
  }
  int hosts = 0;
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || !all_in_class(name, tricorn::kTokenChar)) give_up("bad name", name);
    if (!all_in_class(value, tricorn::kValueChar)) give_up("bad value", value);
    hosts += tricorn::equals_ignoring_case(name, "host") ? 1 : 0;
  }
  if (hosts > 1 || (hosts == 0 && request.version == tricorn::HttpVersion::k11)) {
    give_up("bad host", request.target);
  }
}

// What must not depend on the cut. A request that is refused in its body is seen by the app only if
// its head came earlier, so it is left out.
std::string run(std::string_view bytes, const HttpSettings& settings, uint32_t cut) {
  Http1SessionHarness app(settings);
  app.on_request_complete = [](Http1SessionHarness& self) {
    if (self.last().target.ends_with("stream")) {
      static_cast<void>(self.start(200));
      static_cast<void>(self.body("one", true));
      static_cast<void>(self.body("two", false));
    } else {
      self.answer(self.last().body);
    }
  };
  std::string text;
  tricorn::in_random_pieces(bytes, cut, [&](std::string_view piece) {
    app.input(piece);
    text += app.sent();
    app.end_turn();
  });
  text += app.sent();
  text += "\nphase " + std::to_string(static_cast<int>(app.session->phase())) + "\n";
  app.session->on_input_end();
  app.end_turn();
  for (const auto& request : app.requests) {
    check(request);
    if (!request.complete && request.disconnected) continue;
    text += request.method + " " + request.target + " {" + request.body + "}";
    for (const auto& [name, value] : request.headers) text += " [" + name + "=" + value + "]";
    text += request.complete ? "\n" : " incomplete\n";
  }
  for (const auto& record :
       app.records) {  // of a refused request, more is known when it came in pieces
    if (record.status < 400) text += record.method + " " + record.target + " ";
    text += std::to_string(record.status) + "\n";
  }
  if (app.begun != static_cast<int>(app.records.size())) give_up("an exchange without end", text);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  HttpSettings settings;
  settings.date_header = false;
  if ((data[0] & 1) != 0) {
    settings.max_target_bytes = 20;
    settings.max_headers = 4;
    settings.max_body_bytes = 10;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string whole = run(bytes, settings, 0);
  const std::string cut = run(bytes, settings, 1 + data[1]);
  if (whole != cut) give_up("the cut is visible", whole, cut);
  return 0;
}
