// Fuzzes what comes over the control socket: what is understood is understood again as it is
// written back, what is JSON survives being written, and a refusal is one line that an answer can
// hold.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "supervisor/steering/json.h"
#include "supervisor/steering/steering_request.h"

namespace {

using namespace tricorn;

[[noreturn]] void give_up(const char* why, const std::string& text) {
  std::fprintf(stderr, "%s\n%s\n", why, text.c_str());
  std::abort();
}

void check_json(std::string_view line) {
  const auto value = Json::parse(line);
  if (!value) return;
  const std::string text = value->dump();
  const auto again = Json::parse(text);
  if (!again) give_up("what was written is no JSON", text);
  if (again->dump() != text) give_up("written otherwise the second time", text);
}

void check_request(std::string_view line) {
  const auto request = parse_steering_request(line);
  if (!request) {
    const std::string& message = request.error().message;
    if (message.empty()) give_up("refused without a reason", std::string(line));
    if (Json(message).dump().contains('\n')) give_up("the answer is more than a line", message);
    return;
  }
  const auto again = parse_steering_request(to_line(*request));
  if (!again || !(*again == *request)) give_up("understood otherwise", to_line(*request));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string line(reinterpret_cast<const char*>(data), size);
  check_json(line);
  check_request(line);
  return 0;
}
