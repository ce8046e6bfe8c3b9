// WebSocketHandshake: what is asked of the request's fields, and the 101.
#include "worker/protocol/websocket_handshake.h"

#include <algorithm>

#include "worker/protocol/char_class.h"
#include "worker/protocol/response_head.h"
#include "worker/protocol/sha1.h"

namespace tricorn {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::string_view kKeyField = "sec-websocket-key";
constexpr int kSwitchingProtocols = 101;
constexpr int kBadRequest = 400;
constexpr int kUpgradeRequired = 426;

// 16 bytes in base64: 22 characters and the padding.
bool is_key(std::string_view value) {
  return value.size() == 24 && value.ends_with("==") &&
         all_in_class(value.substr(0, 22), kBase64Char);
}

std::array<char, 28> base64(const std::array<uint8_t, 20>& bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<char, 28> text;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t first = i / 4 * 3;  // of the three bytes that these four digits are made of
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (first + k < 20 ? bytes[first + k] : 0);
    text[i] = kDigits[bits >> (18 - 6 * (i % 4)) & 63];
  }
  text.back() = '=';  // stands for the byte that 20 lack to a multiple of three
  return text;
}

// The app's fields may not contradict the handshake.
bool is_handshakes_own(std::string_view name) {
  constexpr std::string_view kPrefix = "sec-websocket-";
  constexpr std::string_view kOwn[] = {"connection", "upgrade", "content-length",
                                       "transfer-encoding"};
  return equals_ignoring_case(name.substr(0, kPrefix.size()), kPrefix) ||
         std::ranges::any_of(kOwn,
                             [&](std::string_view own) { return equals_ignoring_case(name, own); });
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

bool asks_for_websocket(const ParsedHead& head) {
  if (!head.upgrade || head.version() != HttpVersion::k11) return false;
  return std::ranges::any_of(head.headers, [](const Header& header) {
    return equals_ignoring_case(header.name, "upgrade") && has_token(header.value, "websocket");
  });
}

int websocket_refusal(const ParsedHead& head) {
  int versions = 0;
  int keys = 0;
  bool version = false;
  bool key = false;
  for (const Header& header : head.headers) {
    if (equals_ignoring_case(header.name, "sec-websocket-version")) {
      ++versions;
      version = header.value == "13";
    } else if (equals_ignoring_case(header.name, kKeyField)) {
      ++keys;
      key = is_key(header.value);
    }
  }
  if (head.method != "GET" || head.has_body()) return kBadRequest;
  if (versions != 1 || !version) return kUpgradeRequired;
  return keys == 1 && key ? 0 : kBadRequest;
}

WebSocketHandshake take_handshake(std::span<const Header> headers, const Http1Context& context) {
  const DeflateSettings& deflate = context.settings.websocket.deflate;
  const bool deflates = deflate.enabled && context.codecs != nullptr;
  std::string key;
  for (const Header& header : headers) {
    if (equals_ignoring_case(header.name, kKeyField)) key = header.value;
  }
  return {.accept = base64(sha1(key.append(kGuid))),
          .deflate = deflates ? agree_on_deflate(headers, deflate) : std::nullopt};
}

Result<> append_handshake_answer(std::string& out, const WebSocketHandshake& handshake,
                                 std::string_view subprotocol, std::span<const Header> headers,
                                 const Http1Context& context) {
  for (const Header& header : headers) {
    if (is_handshakes_own(header.name)) {
      return fail("header '" + std::string(header.name) + "' is for the handshake to say");
    }
  }
  if (!all_in_class(subprotocol, kTokenChar)) return fail("invalid subprotocol");
  if (auto head = append_response_head(out, kSwitchingProtocols, headers, context); !head) {
    return pass_on(head);
  }
  append_field(out, "upgrade", "websocket");
  append_field(out, "connection", "upgrade");
  append_field(out, "sec-websocket-accept", {handshake.accept.data(), handshake.accept.size()});
  if (!subprotocol.empty()) append_field(out, "sec-websocket-protocol", subprotocol);
  if (handshake.deflate) {
    append_field(out, "sec-websocket-extensions", deflate_answer(*handshake.deflate));
  }
  out.append("\r\n");
  return {};
}

}  // namespace tricorn
