// ReceivedMessage: one whole message of the client's, which may still wear its mask: it is taken
// off on the way to where the bytes are wanted, without a copy in between.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "worker/protocol/websocket_mask.h"

namespace tricorn {

// A text is valid UTF-8; kAscii: and known to be all ASCII.
enum class MessageKind : uint8_t { kBinary, kText, kAscii };

// A view: of bytes that live elsewhere.
class ReceivedMessage {
 public:
  ReceivedMessage() = default;
  ReceivedMessage(std::string_view plain, MessageKind kind) : bytes_(plain), kind_(kind) {}
  // As on the wire, from the payload's first byte on; kText is always plain.
  ReceivedMessage(std::string_view masked, const MaskKey& key, MessageKind kind)
      : bytes_(masked), key_(key), masked_(true), kind_(kind) {
    assert(kind != MessageKind::kText);
  }

  size_t size() const { return bytes_.size(); }
  MessageKind kind() const { return kind_; }
  bool is_text() const { return kind_ != MessageKind::kBinary; }
  std::string_view text() const { return bytes_; }  // kText only
  // To `size()` bytes that do not overlap it.
  void copy_to(char* out) const {
    if (masked_) {
      unmask(out, bytes_.data(), bytes_.size(), key_, 0);
    } else if (!bytes_.empty()) {
      std::memcpy(out, bytes_.data(), bytes_.size());
    }
  }
  std::string copy() const {
    std::string plain(size(), '\0');
    copy_to(plain.data());
    return plain;
  }

 private:
  std::string_view bytes_;
  MaskKey key_{};
  bool masked_ = false;
  MessageKind kind_ = MessageKind::kBinary;
};

}  // namespace tricorn
