// SHA-1 (RFC 3174), for the WebSocket handshake alone: it proves nothing about anybody.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tricorn {

std::array<uint8_t, 20> sha1(std::string_view bytes);

}  // namespace tricorn
