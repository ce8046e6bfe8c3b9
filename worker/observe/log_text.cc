// LogText: see the header.
#include "worker/observe/log_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace tricorn {
namespace {

constexpr size_t kLongestEscape = 6;
constexpr size_t kMaxCredentials = 512;

constexpr std::array<bool, 256> make_plain_table() {
  std::array<bool, 256> plain{};
  for (int c = 0x20; c < 0x7f; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}
constexpr std::array<bool, 256> kPlain = make_plain_table();

// Blocks first, without a branch per byte: the compiler makes vector instructions of them.
size_t plain_front(std::string_view text) {
  constexpr size_t kBlock = 16;
  size_t size = 0;
  for (; size + kBlock <= text.size(); size += kBlock) {
    const char* block = text.data() + size;
    uint8_t odd = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      const auto c = static_cast<uint8_t>(block[i]);
      odd |= static_cast<uint8_t>((c < 0x20) | (c > 0x7e) | (c == '"') | (c == '\\'));
    }
    if (odd != 0) break;
  }
  while (size < text.size() && kPlain[static_cast<unsigned char>(text[size])]) ++size;
  return size;
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool starts_with_basic(std::string_view text) {
  constexpr std::string_view kScheme = "basic ";
  return text.size() > kScheme.size() && std::equal(kScheme.begin(), kScheme.end(), text.begin(),
                                                    [](char a, char b) { return a == (b | 0x20); });
}

}  // namespace

void LogText::append_escaped(char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  auto byte = static_cast<unsigned char>(c);
  out_ += json_ ? "\\u00" : "\\x";
  out_ += kHex[byte >> 4];
  out_ += kHex[byte & 15];
}

void LogText::append(std::string_view text, size_t limit) {
  limit = std::min(limit, room_);
  const size_t plain = plain_front(text);
  if (plain == text.size() && plain <= limit) {  // nearly always
    out_.append(text);
    room_ -= plain;
    return;
  }
  const size_t begin = out_.size();
  while (!text.empty()) {
    const size_t used = out_.size() - begin;
    const size_t front = std::min(plain_front(text), limit - used);
    out_.append(text.substr(0, front));
    text.remove_prefix(front);
    if (text.empty()) break;
    if (used + front + kLongestEscape > limit) {
      room_ -= out_.size() - begin;
      out_ += "...";
      return;
    }
    append_escaped(text.front());
    text.remove_prefix(1);
  }
  room_ -= out_.size() - begin;
}

std::string_view basic_auth_user(std::string_view authorization, std::string& out) {
  out.clear();
  if (!starts_with_basic(authorization)) return {};
  std::string_view code = authorization.substr(6, kMaxCredentials);
  uint32_t bits = 0;
  int count = 0;
  for (char c : code) {
    int value = base64_value(c);
    if (value < 0) break;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    char byte = static_cast<char>(bits >> count & 0xFF);
    if (byte == ':') return out;  // the password is nobody's business
    out += byte;
  }
  out.clear();  // no colon: these are no credentials
  return {};
}

}  // namespace tricorn
