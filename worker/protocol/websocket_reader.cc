// WebSocketReader: header, payload, end of frame, end of message.
#include "worker/protocol/websocket_reader.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "worker/protocol/websocket.h"
#include "worker/protocol/websocket_mask.h"

namespace tricorn {
namespace {

// Of the buffer for messages, kept for the connection's next one.
constexpr size_t kKeepBytes = 4 * 1024;
constexpr size_t kInflatePiece = 4 * 1024;

// For texts that come in one piece, as most do: of all sockets, so that it stays in the cache and
// idle ones keep nothing.
constexpr size_t kWholeMessage = 64 * 1024;
thread_local std::array<char, kWholeMessage> whole_message;

constexpr const char* kNotUtf8 = "invalid UTF-8";
constexpr const char* kTooBig = "message too big";

}  // namespace

WebSocketReader::~WebSocketReader() { release(); }

size_t WebSocketReader::feed(std::string_view bytes) {
  assert(event_ != Event::kFault && !bytes.empty());
  event_ = Event::kNone;
  size_t used = 0;
  if (!in_frame_) used = feed_header(bytes);
  if (in_frame_) used += feed_payload(bytes.substr(used));
  return used;
}

size_t WebSocketReader::feed_header(std::string_view bytes) {
  const size_t known = header_size_;
  std::string_view all = bytes;
  if (known > 0) {
    const size_t more = bytes.copy(header_bytes_.data() + known, header_bytes_.size() - known);
    all = {header_bytes_.data(), known + more};
  }
  const auto result = parse_frame_header(
      all, {.in_message = in_message_, .deflate = inflaters_ != nullptr}, header_);
  switch (result.state) {
    case FrameHeaderResult::State::kMalformed:
      fail(close_code::kProtocolError, result.fault);
      return bytes.size();
    case FrameHeaderResult::State::kIncomplete:
      if (known == 0) bytes.copy(header_bytes_.data(), bytes.size());
      header_size_ = static_cast<uint8_t>(all.size());
      return bytes.size();
    case FrameHeaderResult::State::kComplete:
      break;
  }
  header_size_ = 0;
  begin_frame();
  return result.size - known;
}

void WebSocketReader::begin_frame() {
  in_frame_ = true;
  taken_ = 0;
  if (is_control(header_.opcode)) return;
  if (!in_message_) begin_message();
  // How long a compressed one becomes is seen when it is inflated.
  const bool fits = header_.length <= max_message_bytes_ - message_.size();
  if (!fits && !compressed_) fail(close_code::kTooBig, kTooBig);
}

void WebSocketReader::begin_message() {
  in_message_ = true;
  text_ = header_.opcode == Opcode::kText;
  ascii_ = true;
  utf8_.reset();
  compressed_ = header_.compressed;
  if (compressed_ && !inflater_) take_inflater();
}

void WebSocketReader::take_inflater() {
  inflater_ =
      kept_window_bits_ == 0 ? inflaters_->take() : std::make_unique<Inflater>(kept_window_bits_);
}

size_t WebSocketReader::feed_payload(std::string_view bytes) {
  if (event_ == Event::kFault) return 0;
  const size_t size = std::min<uint64_t>(bytes.size(), header_.length - taken_);
  if (is_whole_message(size)) {
    take_whole_message(bytes.substr(0, size));
    return size;
  }
  take_piece(bytes.substr(0, size));
  taken_ += size;
  if (taken_ == header_.length && event_ != Event::kFault) end_frame();
  return size;
}

bool WebSocketReader::is_whole_message(size_t size) const {
  return size == header_.length && size <= kWholeMessage && header_.fin && message_.empty() &&
         !is_control(header_.opcode) && !compressed_;
}

// ASCII and bytes stay as they are: the sink takes the mask off.
void WebSocketReader::take_whole_message(std::string_view bytes) {
  in_frame_ = false;
  ascii_ = text_ && unmasks_to_ascii(bytes.data(), bytes.size(), header_.key);
  if (ascii_ || !text_) return end_message({bytes, header_.key, kind()});
  char* const buffer = whole_message.data();
  unmask(buffer, bytes.data(), bytes.size(), header_.key, 0);
  const std::string_view text(buffer, bytes.size());
  if (!utf8_.feed(text) || !utf8_.complete()) return fail(close_code::kInvalidPayload, kNotUtf8);
  end_message({text, kind()});
}

void WebSocketReader::take_piece(std::string_view bytes) {
  if (bytes.empty()) return;
  if (is_control(header_.opcode)) {
    unmask(control_.data() + taken_, bytes.data(), bytes.size(), header_.key, taken_);
    return;
  }
  if (compressed_) return inflate_piece(bytes);
  const size_t before = message_.size();
  bool ascii = false;
  const size_t after = before + bytes.size();
  // (The size that gcc 12 hands to the function is the capacity.)
  message_.resize_and_overwrite(after, [&](char* buffer, size_t) {
    ascii = unmask(buffer + before, bytes.data(), bytes.size(), header_.key, taken_);
    return after;
  });
  check_text(before, ascii);
}

void WebSocketReader::inflate_piece(std::string_view bytes) {
  std::array<char, kInflatePiece> plain;
  for (size_t at = 0; at < bytes.size() && event_ != Event::kFault; at += plain.size()) {
    const std::string_view piece = bytes.substr(at, plain.size());
    unmask(plain.data(), piece.data(), piece.size(), header_.key, taken_ + at);
    inflate({plain.data(), piece.size()});
  }
}

// What came out before a fault is looked at before the fault itself, so that which of two is found
// does not depend on the cut.
void WebSocketReader::inflate(std::string_view bytes) {
  const size_t before = message_.size();
  const Inflated result = inflater_->feed(bytes, message_, max_message_bytes_);
  check_text(before, false);
  if (event_ == Event::kFault || result == Inflated::kOk) return;
  if (result == Inflated::kTooBig) return fail(close_code::kTooBig, kTooBig);
  fail(close_code::kInvalidPayload, "invalid compressed data");
}

// `ascii`: what was added behind `from` is.
void WebSocketReader::check_text(size_t from, bool ascii) {
  ascii_ &= ascii;
  if (!text_ || (ascii && utf8_.complete())) return;
  if (!utf8_.feed(std::string_view(message_).substr(from))) {
    fail(close_code::kInvalidPayload, kNotUtf8);
  }
}

void WebSocketReader::end_frame() {
  in_frame_ = false;
  switch (header_.opcode) {
    case Opcode::kClose:
      event_ = Event::kClose;
      break;
    case Opcode::kPing:
      event_ = Event::kPing;
      break;
    case Opcode::kPong:
      event_ = Event::kPong;
      break;
    default:
      if (header_.fin) end_pieces();
      return;
  }
  payload_ = {control_.data(), static_cast<size_t>(header_.length)};
}

void WebSocketReader::end_pieces() {
  if (compressed_) inflate(kMessageTail);
  if (event_ == Event::kFault) return;
  if (text_ && !utf8_.complete()) return fail(close_code::kInvalidPayload, kNotUtf8);
  end_message({message_, kind()});
}

MessageKind WebSocketReader::kind() const {
  if (!text_) return MessageKind::kBinary;
  return ascii_ ? MessageKind::kAscii : MessageKind::kText;
}

void WebSocketReader::end_message(const ReceivedMessage& message) {
  in_message_ = false;
  event_ = Event::kMessage;
  received_ = message;
}

void WebSocketReader::release() {
  if (inflater_ && kept_window_bits_ == 0) inflaters_->give_back(std::move(inflater_));
  if (message_.capacity() > kKeepBytes) {
    std::string().swap(message_);
  } else {
    message_.clear();
  }
}

void WebSocketReader::fail(uint16_t code, const char* fault) {
  event_ = Event::kFault;
  code_ = code;
  fault_ = fault;
  release();
}

}  // namespace tricorn
